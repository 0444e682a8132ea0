"""Webex Interact: the SMS API and its neighbours, below /webex_interact/."""

from __future__ import annotations

from datetime import datetime

from django.urls import path

from messaging.sandbox.calls import operation
from messaging.sandbox.ids import ksuid
from messaging.sandbox.models import Provider
from messaging.sandbox.plays import Play

from . import console, sms
from .face import FACE
from .hooks import build_hook, receive

_URLS = [
    path("v1/sms", operation(FACE, POST=sms.send_sms)),
    path("v1/sms/test", operation(FACE, POST=sms.check_sms)),
    path("identity/v1/account", operation(FACE, GET=console.account)),
    path("assets/v1/senders", operation(FACE, GET=console.senders)),
    path("assets/v1/senders/<str:sender_id>", operation(FACE, DELETE=console.delete_sender)),
    path("campaigns/v1/scheduled", operation(FACE, POST=console.scheduled)),
    path("campaigns/v1/cancel/<str:request_id>", operation(FACE, DELETE=console.cancel)),
    path("contacts/v1/optouts", operation(FACE, GET=console.optouts)),
]


def _event_id(at: datetime) -> str:
    return ksuid("evt_", at)


PLAY = Play(
    slug=Provider.WEBEX_INTERACT,
    label="Webex Interact",
    face=FACE,
    urlpatterns=_URLS,
    receive=receive,
    build_hook=build_hook,
    new_event_id=_event_id,
    tells_clicks=True,
    extensions=(
        "The wording of errors that the documents do not print: unknown sender, a missing merge field, a date that "
        "cannot be read, more than 10,000 numbers.",
        "The rows of the list of scheduled requests, and the answer to cancelling one.",
    ),
)
