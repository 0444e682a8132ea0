"""Cirrus / CommBox: every operation of its documents, at their exact paths below /cirrus/."""

from __future__ import annotations

from django.urls import path, re_path

from messaging.sandbox.calls import operation
from messaging.sandbox.ids import event_uuid
from messaging.sandbox.models import Provider
from messaging.sandbox.plays import Play

from . import console, notes, objects, reading, sms, whatsapp
from .face import FACE
from .hooks import build_hook, receive

_OBJECT = "objects/<str:object_id>"
_STREAM = "streams/<str:stream_id>"
_URLS = [
    path("sms/sendinitialtext/<str:encrypted_id>/<str:phone_number>", operation(FACE, POST=sms.send_initial_text)),
    path("sms/sendsms/<str:encrypted_id>", operation(FACE, POST=sms.send_sms)),
    path(f"{_STREAM}/objects", operation(FACE, POST=objects.create_object, GET=reading.list_objects)),
    path(f"{_STREAM}/{_OBJECT}", operation(FACE, GET=reading.get_object)),
    path(f"{_STREAM}/{_OBJECT}/child", operation(FACE, POST=objects.create_child)),
    path(f"{_STREAM}/{_OBJECT}/transcript", operation(FACE, GET=reading.get_transcript)),
    path(
        f"{_STREAM}/objects/<str:provider_id>/<int:provider_type>/child",
        operation(FACE, POST=objects.create_child_by_provider_id),
    ),
    path(f"{_STREAM}/{_OBJECT}/tags/<int:tag_id>", operation(FACE, POST=notes.add_tag, DELETE=notes.remove_tag)),
    path("tags", operation(FACE, POST=notes.create_tag, GET=notes.list_tags)),
    path(f"{_STREAM}/streamavailability/<str:detailed>", operation(FACE, GET=console.stream_availability)),
    path(f"{_OBJECT}/activities", operation(FACE, GET=reading.get_activities)),
    path(f"{_OBJECT}/status/<str:status_id>", operation(FACE, POST=notes.set_status)),
    path(f"{_OBJECT}/content", operation(FACE, POST=notes.set_content)),
    path(f"{_OBJECT}/activitylog", operation(FACE, POST=notes.add_activity_log)),
    path(f"{_OBJECT}/remarks", operation(FACE, POST=notes.add_remark)),
    path(f"{_OBJECT}/indicators", operation(FACE, POST=notes.set_indicator)),
    path(f"{_OBJECT}/indicators/<str:indicator_id>", operation(FACE, DELETE=notes.delete_indicator)),
    path(f"{_OBJECT}/stream", operation(FACE, PATCH=notes.change_stream)),
    re_path(
        r"^(?:v2/)?whatsapp/sendtemplatedmessage/(?P<encrypted_id>[^/]+)$",
        operation(FACE, POST=whatsapp.send_templated_message),
    ),
    path("whatsapp/uploadmedia/<str:encrypted_id>", operation(FACE, POST=whatsapp.upload_media)),
    path(
        "whatsapp/validatecontact/<str:encrypted_id>/<str:phone_number>",
        operation(FACE, GET=whatsapp.validate_contact),
    ),
    path("core/systemstatus", operation(FACE, GET=console.system_status)),
    path("managers", operation(FACE, GET=console.managers)),
    path("media/<str:media_id>", console.attached_file),
]


PLAY = Play(
    slug=Provider.CIRRUS,
    label="Cirrus",
    face=FACE,
    urlpatterns=_URLS,
    receive=receive,
    build_hook=build_hook,
    new_event_id=event_uuid,
    extensions=(
        "Delivery and read reports (event OnChildStatus): no document describes any.",
        "A customer's photo comes as a child of type 2 with its address in Content.",
        "The JSON rendering of its events follows their documented XML.",
        "OnNew, OnNewChild, OnNewActivity and OnUpdateTag also tell of what callers did, where the account is set so.",
        "Free text to WhatsApp outside the 24 hours is accepted, and a failed report follows.",
    ),
)
