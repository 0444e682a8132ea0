"""The addresses of the dialects, below `/dialects/`, each with the path of its document."""

from __future__ import annotations

from django.urls import path

from conversations.api.dialects.calls import nothing_here
from conversations.api.dialects.ccai_platform.face import FACE as CCAI
from conversations.api.dialects.ccai_platform.sending import send_sms_door as ccai_sms_door
from conversations.api.dialects.webex_interact.face import FACE as WEBEX
from conversations.api.dialects.webex_interact.sending import send_sms_door as webex_sms_door

urlpatterns = [
    path("webex_interact/v1/sms", webex_sms_door, name="dialect-webex-sms"),
    path("ccai_platform/apps/api/v1/sms", ccai_sms_door, name="dialect-ccai-sms"),
    path("ccai_platform/<path:rest>", nothing_here(CCAI), name="dialect-ccai-nothing"),
    path("webex_interact/<path:rest>", nothing_here(WEBEX), name="dialect-webex-nothing"),
]
