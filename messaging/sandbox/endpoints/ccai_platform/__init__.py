"""Google CCAI Platform (UJET): outbound SMS and the chats it opens, below /ccai_platform/apps/api/v1/."""

from __future__ import annotations

from django.urls import path

from messaging.sandbox.calls import operation
from messaging.sandbox.ids import event_uuid
from messaging.sandbox.models import Provider
from messaging.sandbox.plays import Play

from . import chats, sms
from .face import FACE
from .hooks import build_hook, receive

_BASE = "apps/api/v1"
_URLS = [
    path(f"{_BASE}/sms", operation(FACE, POST=sms.send_sms)),
    path(f"{_BASE}/end_users", operation(FACE, POST=chats.create_end_user)),
    path(f"{_BASE}/chats", operation(FACE, GET=chats.list_chats, POST=chats.create_chat)),
    path(f"{_BASE}/chats/<int:chat_id>", operation(FACE, GET=chats.get_chat, PATCH=chats.update_chat)),
    path(f"{_BASE}/chats/<int:chat_id>/messages", operation(FACE, GET=chats.list_messages)),
    path(f"{_BASE}/chats/<int:chat_id>/message", operation(FACE, POST=chats.create_message)),
]


PLAY = Play(
    slug=Provider.CCAI_PLATFORM,
    label="CCAI Platform",
    face=FACE,
    urlpatterns=_URLS,
    receive=receive,
    build_hook=build_hook,
    new_event_id=event_uuid,
    extensions=(
        "Delivery reports (event message_status): no document describes any.",
        "The text of a customer's SMS comes as message_received, with both numbers beside the sender: the signed "
        "form is documented, that it is used for SMS is not.",
    ),
)
