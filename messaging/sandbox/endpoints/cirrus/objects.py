"""Cirrus objects: opening a conversation and writing into it.

Documented: paths, field names, `{"id": ...}`, that a message on behalf of an agent goes to the customer, that
`sendToClient` sends without saving, and that an object without ManagerId shows as started by the customer. Assumed:
an object that is started by the customer sends nothing; `createChildObject` keeps the first message as a child too;
an object that was not saved has id 0; an unknown agent is a 400.
"""

from __future__ import annotations

import json
from typing import Any

from django.utils import timezone

from messaging.sandbox import ids
from messaging.sandbox.arrivals import accept
from messaging.sandbox.calls import Answer, Call
from messaging.sandbox.models import CirrusChild, CirrusObject, SandboxChannel, SandboxStream
from messaging.sandbox.network import tell_of_change
from messaging.sandbox.numbers import from_digits

from .face import (
    content_of,
    fields,
    identity_of,
    missing,
    refused,
    required,
    stream_by_any,
    success,
    whole_number,
    wrong,
)
from .hooks import NEW, NEW_CHILD
from .templates import by_parameters
from .words import CLOSED, PROVIDER_TYPES, STATUSES, TELEPHONE, WHATSAPP


def create_object(call: Call, stream_id: str) -> Answer:
    """POST /streams/{STREAM_ID}/objects."""
    stream = stream_by_any(call, stream_id)
    values = fields(call)
    text = str(required(call, values, "Message"))
    checked = read_object(call, stream, values)
    content, manager_id = checked["content"], checked["manager_id"]
    is_template = bool(content.get("whatsapp_hsm_name"))
    goes_out = bool(manager_id or values.get("sendToClient") or is_template)
    numbers = _recipients(call, values, content) if goes_out else []
    faults = call.arriving_at(numbers)
    if any(fault.key == "not_valid" for fault in faults.values()):
        raise wrong(call, "UserStreamProviderId")
    kept, child = None, None
    if not values.get("sendToClient"):
        kept = keep_object(call, stream, checked, numbers[0] if numbers else "")
        if values.get("createChildObject"):
            child = keep_child(kept, text, content, manager_id=manager_id)
    message: dict[str, Any] = {
        "text": text,
        "ref": str(content.get("ref", "")),
        "child_id": str(child.child_id) if child else "",
        "thread_id": str(kept.object_id) if kept else "",
    }
    if is_template:
        message |= by_parameters(call.account, content)
    accept(call, stream, [(number, message) for number in numbers], faults)
    return success(call, {"id": kept.object_id if kept else 0})


def _recipients(call: Call, values: dict[str, Any], content: dict[str, Any]) -> list[str]:
    """Whom the first message goes to: `Content.to`, else the user's own number."""
    wanted = content.get("to")
    field = "Content.to" if wanted else "UserStreamProviderId"
    if not wanted:
        wanted = [values.get("UserStreamProviderId") or _user(values).get("Phone1") or ""]
    if not isinstance(wanted, list):
        raise wrong(call, field)
    numbers = [from_digits(str(digits)) for digits in wanted]
    if not all(numbers):
        raise missing(call, field) if wanted == [""] else wrong(call, field)
    return [number for number in numbers if number]


def _user(values: dict[str, Any]) -> dict[str, Any]:
    user = values.get("User")
    return user if isinstance(user, dict) else {}


def read_object(call: Call, stream: SandboxStream, values: dict[str, Any]) -> dict[str, Any]:
    """The fields of Create Object (V2 templates send the same as `object_data`), checked; raises Refused."""
    status_id = whole_number(call, values, "StatusId", 1)
    if status_id not in STATUSES:
        raise wrong(call, "StatusId")
    default_type = WHATSAPP if stream.channel == SandboxChannel.WHATSAPP else TELEPHONE
    provider_type = whole_number(call, values, "StreamProviderType", default_type)
    if provider_type not in PROVIDER_TYPES:
        raise wrong(call, "StreamProviderType")
    manager_id = whole_number(call, values, "ManagerId")
    user = _user(values)
    digits = str(values.get("UserStreamProviderId") or user.get("Phone1") or "")
    return {
        "sub_stream_id": whole_number(call, values, "SubStreamId"),
        "type": whole_number(call, values, "Type", 4),
        "status_id": status_id,
        "closed_at": timezone.now() if status_id in CLOSED else None,
        "stream_provider_id": str(values.get("StreamProviderId") or digits),
        "stream_provider_type": provider_type,
        "user_stream_provider_id": digits,
        "user_stream_provider_type": whole_number(call, values, "UserStreamProviderType", provider_type),
        "user_identity": whole_number(call, values, "UserIdentity"),
        "user": user,
        "manager_id": manager_id,
        "assigned_manager_id": manager_id,
        "content": content_of(call, values),
        "message": str(values.get("Message") or ""),
    }


def keep_object(call: Call, stream: SandboxStream, checked: dict[str, Any], phone: str) -> CirrusObject:
    """Save a conversation from what `read_object` returned; `phone` is the customer's E.164 number, if known."""
    phone = phone or from_digits(checked["user_stream_provider_id"]) or ""
    digits = phone.lstrip("+")
    kept = CirrusObject.objects.create(
        account=call.account,
        stream=stream,
        object_id=ids.next_object_id(),
        phone=phone,
        **checked
        | {
            "stream_provider_id": checked["stream_provider_id"] or digits,
            "user_stream_provider_id": checked["user_stream_provider_id"] or digits,
            "user_identity": checked["user_identity"] or identity_of(phone),
        },
    )
    tell_of_change(call.account, NEW, about=str(kept.object_id), phone=phone)
    return kept


def keep_child(
    kept: CirrusObject, text: str, content: dict[str, Any], *, manager_id: int = 0, type_: int = 0
) -> CirrusChild:
    """Save one message of a conversation; `manager_id` 0 means that the customer wrote it."""
    child = CirrusChild.objects.create(
        object=kept,
        child_id=ids.next_child_id(),
        type=type_,
        is_manager=bool(manager_id),
        manager_id=manager_id,
        message=text,
        content=json.dumps(content) if content else "",
        user_stream_provider_id=kept.user_stream_provider_id,
        user_stream_provider_type=kept.user_stream_provider_type,
    )
    kept.message, kept.updated_at = text, child.created_at
    if manager_id and not kept.assigned_manager_id:
        kept.assigned_manager_id = manager_id
    kept.save(update_fields=["message", "updated_at", "assigned_manager_id"])
    tell_of_change(kept.account, NEW_CHILD, about=str(child.child_id), phone=kept.phone)
    return child


def create_child(call: Call, stream_id: str, object_id: str) -> Answer:
    """POST /streams/{STREAM_ID}/objects/{OBJECT_ID}/child."""
    stream = stream_by_any(call, stream_id)
    return _create_child(call, stream, object_by_id(call, object_id, stream))


def create_child_by_provider_id(call: Call, stream_id: str, provider_id: str, provider_type: int) -> Answer:
    """POST /streams/{STREAM_ID}/objects/{STREAM_PROVIDER_ID}/{STREAM_PROVIDER_TYPE}/child."""
    stream = stream_by_any(call, stream_id)
    kept = (
        CirrusObject.objects.filter(stream=stream, stream_provider_id=provider_id, stream_provider_type=provider_type)
        .order_by("-updated_at", "-id")
        .first()
    )
    if kept is None:
        raise refused(call, "Object not found")
    return _create_child(call, stream, kept)


def _create_child(call: Call, stream: SandboxStream, kept: CirrusObject) -> Answer:
    values = fields(call)
    type_ = whole_number(call, {"Type": required(call, values, "Type")}, "Type")
    is_manager = values.get("IsManager") is True
    manager_id = 0
    if is_manager:
        manager_id = whole_number(call, {"UserIdentity": required(call, values, "UserIdentity")}, "UserIdentity")
        if not call.account.agents.filter(agent_id=manager_id).exists():
            raise wrong(call, "UserIdentity")
    customer = str(required(call, values, "UserStreamProviderId"))
    customer_type = required(call, values, "UserStreamProviderType")
    if whole_number(call, {"UserStreamProviderType": customer_type}, "UserStreamProviderType") not in PROVIDER_TYPES:
        raise wrong(call, "UserStreamProviderType")
    text = str(required(call, values, "Message"))
    content = content_of(call, values)
    if not is_manager:
        return success(call, {"id": keep_child(kept, text, content, type_=type_).child_id})
    number = from_digits(customer)
    if number is None:
        raise wrong(call, "UserStreamProviderId")
    faults = call.arriving_at([number])
    if faults[number].key == "not_valid":
        raise wrong(call, "UserStreamProviderId")
    child = keep_child(kept, text, content, manager_id=manager_id, type_=type_)
    message = {
        "text": text,
        "ref": str(content.get("ref", "")),
        "child_id": str(child.child_id),
        "thread_id": str(kept.object_id),
    }
    accept(call, stream, [(number, message)], faults)
    return success(call, {"id": child.child_id})


def object_by_id(call: Call, object_id: str, stream: SandboxStream | None = None) -> CirrusObject:
    """The account's conversation with this id; Refused with the documented 400 "Object not found" otherwise."""
    found = CirrusObject.objects.filter(account=call.account, object_id=ids.id_in(object_id))
    kept = (found.filter(stream=stream) if stream else found).select_related("stream").first()
    if kept is None:
        raise refused(call, "Object not found")
    return kept
