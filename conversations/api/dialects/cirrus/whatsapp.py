"""Cirrus's templated messages V2 to 1 to 20 people, uploads for their headers, and the check of a number.

Each person is an item with its own result, so one who may not be written to holds up nobody else: 200 when all were
taken, 206 when some were, 400 when none was. To more than one person it takes what a campaign takes, the scope and
the right to send in bulk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import JsonResponse
from django.utils import timezone

from conversations.api.dialects.calls import Call, Refused, door
from conversations.models import Message, Stream
from conversations.models.api_key import ApiScope
from conversations.models.message import MessageStatus
from conversations.models.stream import Channel
from conversations.services import attachments, compose, dispatch
from conversations.services.conversations import contact_for_number, open_conversation
from conversations.services.number_checks import check_number
from messaging.phone import PhoneError, parse_number
from messaging.whatsapp import content_type_of, kind_of

from .components import MEDIA_KINDS, Unusable, template_of, values_of
from .face import FACE, envelope, missing, payload, refused, success, text_in, wrong
from .finding import e164_of, stream_by_token
from .objects import MOST_RECIPIENTS, check_bulk, open_object, read_object, settle_object

NOT_A_USER = "invalid \u2014 Not a valid WhatsApp user"
NO_TEMPLATE = "Missing parameter template_name"
SOME_FAILED = "Missing template parameter"


@dataclass(slots=True)
class Result:
    """What became of one item: its message, or why there is none."""

    recipient: str
    message: Message | None = None
    shows_object: bool = False
    failed: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the document has it; `object_id` only where the item asked for an object."""
        if self.message is None:
            return {"recipient": self.recipient, "status": 400, "failed": self.failed}
        found = {"recipient": self.recipient, "id": self.message.ref.hex, "status": 200}
        return found | ({"object_id": self.message.conversation_id} if self.shows_object else {})


def send_templated_messages(call: Call, token: str) -> JsonResponse:
    """POST /v2/whatsapp/sendtemplatedmessage/{ENC}; the document's path without /v2 takes the same body."""
    call.needs(ApiScope.SEND)
    stream = stream_by_token(call, token, Channel.WHATSAPP)
    rows = payload(call)
    rows = [rows] if isinstance(rows, dict) else rows
    if not rows:
        raise missing("data")
    if len(rows) > MOST_RECIPIENTS:
        raise wrong("data", f"{MOST_RECIPIENTS} recipients are the most.")
    if len(rows) > 1:
        check_bulk(call, stream)
    results = [_sent(call, stream, row) for row in rows]
    taken = [one.message for one in results if one.message is not None]
    dispatch.hint_on_commit([message for message in taken if message.status == MessageStatus.QUEUED])
    data = [one.as_json() for one in results]
    if len(taken) == len(results):
        return success(data)
    if taken:
        return JsonResponse(envelope(206, SOME_FAILED, data), status=206)
    description = NO_TEMPLATE if any(one.failed == NO_TEMPLATE for one in results) else "Operation failed"
    return JsonResponse(envelope(400, description, data), status=400)


def _sent(call: Call, stream: Stream, row: Any) -> Result:
    """Queue one item, or say why not; a refused one leaves nothing behind."""
    data = row.get("template_data") if isinstance(row, Mapping) else None
    if not isinstance(data, Mapping):
        return Result("", failed="Missing parameter template_data")
    result = Result(str(data.get("to") or ""))
    try:
        with transaction.atomic():
            _send(call, stream, row, data, result)
    except Unusable as error:
        result.failed = str(error)
    except Refused as error:  # an id or a field of its object
        result.failed = error.sentence
    except ValidationError as error:
        result.failed = error.messages[0]
    return result


def _send(call: Call, stream: Stream, row: Mapping[str, Any], data: Mapping[str, Any], result: Result) -> None:
    template = data.get("template")
    if not result.recipient:
        raise Unusable("Missing parameter to")
    try:
        number = parse_number(e164_of(result.recipient), region=None, allow_fictional=stream.account.is_sandbox)
    except PhoneError as error:
        raise Unusable(NOT_A_USER) from error
    if not isinstance(template, Mapping) or not str(template.get("name") or "").strip():
        raise Unusable(NO_TEMPLATE)
    found = template_of(stream, template)
    values, media = values_of(template.get("components"), stream=stream, user=call.user)
    contact = contact_for_number(number.e164, stream=stream)
    extra = row.get("object_data") or data.get("object_data")  # some examples have it inside
    wanted = read_object(extra, stream) if isinstance(extra, Mapping) else None
    conversation = (
        open_object(call, contact, stream, wanted)
        if wanted
        else open_conversation(stream=stream, contact=contact, actor=call.user)
    )
    message = compose.queue_template(
        conversation=conversation,
        template=found,
        values=values,
        media=media,
        author=call.user,
        scheduled_for=_schedule(row.get("schedule")),
        wake=False,
    )
    if wanted is not None:
        settle_object(call, conversation, wanted)
    result.message, result.shows_object = message, wanted is not None


def _schedule(value: Any) -> datetime | None:
    """Unix seconds as a time; None for now, which a time that has passed is too."""
    if value is None or value == "":
        return None
    try:
        moment = datetime.fromtimestamp(int(text_in({"schedule": value}, "schedule")), UTC)
    except (ValueError, OverflowError, OSError, Refused):
        raise Unusable("Missing parameter schedule: give it in Unix seconds.") from None
    return moment if moment > timezone.now() else None


def upload_media(call: Call, token: str) -> JsonResponse:
    """POST /whatsapp/uploadmedia/{ENC}: multipart, the part is called `pic` for any kind of file."""
    call.needs(ApiScope.SEND)
    stream = stream_by_token(call, token, Channel.WHATSAPP)
    upload = call.request.FILES.get("pic")
    if upload is None:
        raise missing("pic")
    content, name = upload.read(), upload.name or ""
    kind = kind_of(content_type_of(content, name))
    if kind not in MEDIA_KINDS:
        raise wrong("pic", "It is no image, no video and no document that WhatsApp takes.")
    kept = attachments.keep_upload(stream=stream, kind=kind, filename=name, content=content, uploaded_by=call.user)
    return success([{"filename": kept.filename, "id": str(kept.ref)}])


def validate_contact(call: Call, token: str, phone: str) -> JsonResponse:
    """GET /whatsapp/validatecontact/{ENC}/{PHONE}: is the number on WhatsApp? Our limits on asking apply."""
    call.needs(ApiScope.SEND)
    stream = stream_by_token(call, token, Channel.WHATSAPP)
    try:
        number = parse_number(e164_of(phone), region=None, allow_fictional=stream.account.is_sandbox)
    except PhoneError as error:
        raise wrong("PHONE_NUMBER", error.sentence) from error
    check = check_number(stream=stream, phone=number.e164, actor=call.user)
    if check.on_whatsapp is None:
        raise refused("Operation failed", 500)
    return success({"valid": check.on_whatsapp})


templated_door = door(FACE, POST=send_templated_messages)
upload_door = door(FACE, waits=True, POST=upload_media)
validate_door = door(FACE, GET=validate_contact)
