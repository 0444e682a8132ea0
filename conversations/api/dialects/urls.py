"""The addresses of the dialects, below `/dialects/`, each with the path of its document."""

from __future__ import annotations

from django.urls import path

from conversations.api.dialects.calls import nothing_here
from conversations.api.dialects.ccai_platform.face import FACE as CCAI
from conversations.api.dialects.ccai_platform.sending import send_sms_door as ccai_sms_door
from conversations.api.dialects.cirrus import notes, objects, reading, texts, whatsapp
from conversations.api.dialects.cirrus.face import FACE as CIRRUS
from conversations.api.dialects.webex_interact.face import FACE as WEBEX
from conversations.api.dialects.webex_interact.sending import send_sms_door as webex_sms_door

_OBJECT = "cirrus/objects/<str:object_id>"
_OBJECTS = "cirrus/streams/<str:stream_id>/objects"
_TEMPLATED = "whatsapp/sendtemplatedmessage/<str:token>"

urlpatterns = [
    path("webex_interact/v1/sms", webex_sms_door, name="dialect-webex-sms"),
    path("ccai_platform/apps/api/v1/sms", ccai_sms_door, name="dialect-ccai-sms"),
    path(
        "cirrus/sms/sendinitialtext/<str:token>/<str:phone>",
        texts.initial_text_door,
        name="dialect-cirrus-initial-text",
    ),
    path("cirrus/sms/sendsms/<str:token>", texts.sms_door, name="dialect-cirrus-sms"),
    path(f"cirrus/{_TEMPLATED}", whatsapp.templated_door, name="dialect-cirrus-templated"),
    path(f"cirrus/v2/{_TEMPLATED}", whatsapp.templated_door, name="dialect-cirrus-templated-v2"),
    path("cirrus/whatsapp/uploadmedia/<str:token>", whatsapp.upload_door, name="dialect-cirrus-upload"),
    path(
        "cirrus/whatsapp/validatecontact/<str:token>/<str:phone>",
        whatsapp.validate_door,
        name="dialect-cirrus-validate",
    ),
    path(_OBJECTS, objects.objects_door, name="dialect-cirrus-objects"),
    path(f"{_OBJECTS}/<str:object_id>", reading.object_door, name="dialect-cirrus-object"),
    path(f"{_OBJECTS}/<str:object_id>/child", objects.child_door, name="dialect-cirrus-child"),
    path(f"{_OBJECTS}/<str:object_id>/transcript", reading.transcript_door, name="dialect-cirrus-transcript"),
    path(
        f"{_OBJECTS}/<str:provider_id>/<str:provider_type>/child",
        objects.child_by_number_door,
        name="dialect-cirrus-child-by-number",
    ),
    path(f"{_OBJECT}/activities", reading.activities_door, name="dialect-cirrus-activities"),
    path(f"{_OBJECT}/status/<str:status_id>", notes.status_door, name="dialect-cirrus-status"),
    path(f"{_OBJECT}/content", notes.content_door, name="dialect-cirrus-content"),
    path(f"{_OBJECT}/activitylog", notes.activity_log_door, name="dialect-cirrus-activity-log"),
    path(f"{_OBJECT}/remarks", notes.remarks_door, name="dialect-cirrus-remarks"),
    path(f"{_OBJECT}/indicators", notes.indicators_door, name="dialect-cirrus-indicators"),
    path(f"{_OBJECT}/indicators/<str:indicator_id>", notes.indicator_door, name="dialect-cirrus-indicator"),
    path("cirrus/<path:rest>", nothing_here(CIRRUS), name="dialect-cirrus-nothing"),
    path("ccai_platform/<path:rest>", nothing_here(CCAI), name="dialect-ccai-nothing"),
    path("webex_interact/<path:rest>", nothing_here(WEBEX), name="dialect-webex-nothing"),
]
