"""Cirrus WhatsApp: templated messages V2, uploads, and the check of a number.

Documented: the list of up to 20 items under `data`; 200, 206 "Missing template parameter" and 400 "Missing parameter
template_name" with one result per recipient; "invalid — Not a valid WhatsApp user"; `object_data` beside
`template_data` or (some examples) inside it; `schedule` in Unix seconds; multipart `pic`; `{"valid": ...}`. Assumed:
more than 20 items are a 400; the texts for a wrong template; that a number of an earlier item counts again; that what
is wrong with one item's object concerns that item alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from messaging.sandbox import ids
from messaging.sandbox.arrivals import Letter, accept
from messaging.sandbox.calls import Answer, Call, Refused
from messaging.sandbox.faults import BY_KEY, ActiveFault
from messaging.sandbox.models import CirrusMedia, SandboxChannel, SandboxStream, VirtualPhone
from messaging.sandbox.numbers import from_digits

from .face import envelope, missing, payload, refused, stream_by_encrypted, success, wrong
from .objects import keep_child, keep_object, read_object
from .templates import Unusable, render

MOST_RECIPIENTS = 20
NOT_A_USER = "invalid \u2014 Not a valid WhatsApp user"
NO_TEMPLATE = "Missing parameter template_name"
TEMPLATE_MESSAGE = 16  # ObjectType


@dataclass(slots=True)
class _Item:
    """One recipient of a request: what is to be sent, or why it cannot be."""

    recipient: str  # digits, as sent
    number: str = ""  # E.164
    at: datetime | None = None
    opening: dict[str, Any] | None = None  # the conversation to open, from object_data
    keeps_child: bool = False
    message: dict[str, Any] = field(default_factory=dict)
    failed: str = ""
    lacks_template: bool = False


def send_templated_message(call: Call, encrypted_id: str) -> Answer:
    """POST /v2/whatsapp/sendtemplatedmessage/{ENC}; the document's path without /v2 takes the same body."""
    stream = stream_by_encrypted(call, encrypted_id, SandboxChannel.WHATSAPP)
    rows = payload(call)
    if isinstance(rows, dict):
        rows = [rows]
    if not rows:
        raise missing(call, "data")
    if len(rows) > MOST_RECIPIENTS:
        raise refused(call, f"Invalid parameters - up to {MOST_RECIPIENTS} recipients")
    items = [_read(call, stream, row) for row in rows]
    faults = call.arriving_at([item.number for item in items if item.number])
    _find_strangers(items, faults)
    results = [_accept(call, stream, item, faults) for item in items]
    failures = [item.failed for item in items if item.failed]
    if not failures:
        return success(call, results)
    if len(failures) == len(items):
        description = NO_TEMPLATE if any(item.lacks_template for item in items) else "Operation failed"
        return envelope(call.account, 400, description, results)
    return envelope(call.account, 206, "Missing template parameter", results)


def _read(call: Call, stream: SandboxStream, row: Any) -> _Item:
    """One item of the request; what is wrong with it goes to `failed`, in the order number, template, schedule."""
    data = row.get("template_data") if isinstance(row, Mapping) else None
    if not isinstance(data, Mapping):
        return _Item("", failed="Missing parameter template_data")
    item = _Item(str(data.get("to") or ""))
    item.number = from_digits(item.recipient) or ""
    template = data.get("template")
    extra = row.get("object_data") or data.get("object_data")
    if isinstance(extra, Mapping):
        try:
            item.opening = read_object(call, stream, dict(extra))
        except Refused as error:
            item.failed = error.answer.body["description"]
            return item
        item.keeps_child = bool(extra.get("createChildObject"))
    if not item.number:
        item.failed = NOT_A_USER if item.recipient else "Missing parameter to"
    elif not isinstance(template, Mapping) or not str(template.get("name") or "").strip():
        item.failed, item.lacks_template = NO_TEMPLATE, True
    else:
        try:
            item.message = render(call.account, template)
            item.at = _schedule(row.get("schedule"))
        except Unusable as error:
            item.failed = str(error)
    return item


def _schedule(value: Any) -> datetime | None:
    """Unix seconds as a time, None for now. A time that has passed is now."""
    if value is None or value == "":
        return None
    try:
        moment = datetime.fromtimestamp(int(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise Unusable("Missing parameter schedule") from None
    return moment if moment > timezone.now() else None


def _find_strangers(items: list[_Item], faults: Mapping[str, ActiveFault]) -> None:
    """Numbers that are not on WhatsApp come before every other complaint, as in the documented 400."""
    absent = set(VirtualPhone.objects.filter(on_whatsapp=False).values_list("number", flat=True))
    absent |= {number for number, fault in faults.items() if fault.key in ("not_on_whatsapp", "not_valid")}
    for item in items:
        if item.number in absent:
            item.failed = NOT_A_USER


def _accept(call: Call, stream: SandboxStream, item: _Item, faults: Mapping[str, ActiveFault]) -> dict[str, Any]:
    """Take one item and make its row of the answer."""
    if item.failed:
        return {"recipient": item.recipient, "status": 400, "failed": item.failed}
    message_id = ids.whatsapp_id(item.number)
    result: dict[str, Any] = {"recipient": item.recipient, "id": message_id, "status": 200}
    message = item.message | {"external_id": message_id}
    if item.opening is not None:
        text, content = item.message["text"], item.opening["content"]
        kept = keep_object(call, stream, item.opening | {"message": text}, item.number)
        message |= {"thread_id": str(kept.object_id), "ref": str(content.get("ref", ""))}
        if item.keeps_child:
            child = keep_child(kept, text, content, manager_id=kept.manager_id, type_=TEMPLATE_MESSAGE)
            message["child_id"] = str(child.child_id)
        result["object_id"] = kept.object_id
    letter: Letter = (item.number, message)
    accept(call, stream, [letter], faults, item.at)
    return result


def upload_media(call: Call, encrypted_id: str) -> Answer:
    """POST /whatsapp/uploadmedia/{ENC}: multipart with one part named `pic`, whatever the type of the file."""
    stream_by_encrypted(call, encrypted_id, SandboxChannel.WHATSAPP)
    upload = call.request.FILES.get("pic")
    if upload is None:
        raise missing(call, "pic")
    kept = CirrusMedia.objects.create(
        account=call.account,
        media_id=ids.media_id(),
        filename=upload.name or "",
        content_type=upload.content_type or "",
        data=upload.read(),
    )
    return success(call, [{"filename": kept.filename, "id": kept.media_id}])


def validate_contact(call: Call, encrypted_id: str, phone_number: str) -> Answer:
    """GET /whatsapp/validatecontact/{ENC}/{PHONE}: a phone with the fault "not on WhatsApp" is not valid."""
    stream_by_encrypted(call, encrypted_id, SandboxChannel.WHATSAPP)
    number = from_digits(phone_number)
    if number is None:
        raise wrong(call, "PHONE_NUMBER")
    call.phones = [number]
    phone = VirtualPhone.objects.filter(number=number).first()
    absent = (BY_KEY["not_on_whatsapp"].key, BY_KEY["not_valid"].key)
    return success(call, {"valid": phone is None or (phone.on_whatsapp and phone.fault not in absent)})
