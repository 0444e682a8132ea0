"""Cirrus: customers' replies, and the webhooks that tell of them.

Documented: the events OnNew and OnNewChild in XML, with the child's and the user's fields, all as text; a
`ManagerId` of 0 means that the customer wrote; the names OnNewActivity and OnUpdateTag. Assumed: the insides of those
two, that all four tell of what callers did too, their JSON rendering, mapped key by key from the XML; a reply
joins the customer's open object or opens a new one (OnNew, with the first message as its child). Sandbox extensions,
described by no document: OnChildStatus, a customer's photo as a child of type 2 with its address in `Content`, and,
for accounts with a secret, the header X-Webhook-Secret.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from django.utils import timezone

from messaging.sandbox import ids
from messaging.sandbox.address import url_to
from messaging.sandbox.models import (
    CirrusActivity,
    CirrusChild,
    CirrusMedia,
    CirrusObject,
    PhoneMessage,
    SandboxChannel,
    TimerEvent,
    TimerKind,
)
from messaging.sandbox.plays import Hook

from .face import identity_of, stamp
from .words import CLOSED, PHOTO, TELEPHONE, WHATSAPP, provider_type_name

BRAND = "sandbox"
STATUS_EVENT = "OnChildStatus"
NEW, NEW_CHILD, ACTIVITY_EVENT, TAG_EVENT = "OnNew", "OnNewChild", "OnNewActivity", "OnUpdateTag"
_AS_ELEMENTS = frozenset({"Message", "ManagerId", "Content", "Snippet", "Data"})  # the documented XML has these inside


def receive(message: PhoneMessage, media: Mapping[str, Any] | None) -> list[str]:
    """Keep a reply as a child of the customer's open object, or of a new one."""
    provider_type = WHATSAPP if message.channel == SandboxChannel.WHATSAPP else TELEPHONE
    digits = message.phone.number.lstrip("+")
    open_ones = CirrusObject.objects.filter(stream=message.stream, phone=message.phone.number)
    kept = open_ones.exclude(status_id__in=CLOSED).order_by("-updated_at", "-id").first()
    event = NEW_CHILD if kept else NEW
    if kept is None:
        first_name, _, last_name = message.phone.name.partition(" ")
        kept = CirrusObject.objects.create(
            account=message.account,
            stream=message.stream,
            object_id=ids.next_object_id(),
            phone=message.phone.number,
            stream_provider_id=digits,
            stream_provider_type=provider_type,
            user_stream_provider_id=digits,
            user_stream_provider_type=provider_type,
            user_identity=identity_of(message.phone.number),
            user={"FirstName": first_name, "LastName": last_name, "Phone1": digits},
            created_at=message.created_at,
        )
    content = _attached(message, media) if media else {}
    child = CirrusChild.objects.create(
        object=kept,
        child_id=ids.next_child_id(),
        type=PHOTO if media else 0,
        message=message.text,
        content=json.dumps(content) if content else "",
        user_stream_provider_id=digits,
        user_stream_provider_type=provider_type,
        created_at=message.created_at,
    )
    kept.message, kept.updated_at = message.text, child.created_at
    kept.save(update_fields=["message", "updated_at"])
    message.child_id, message.thread_id = str(child.child_id), str(kept.object_id)
    message.media = content
    message.save()
    return [event]


def _attached(message: PhoneMessage, media: Mapping[str, Any]) -> dict[str, str]:
    kept = CirrusMedia.objects.create(
        account=message.account,
        media_id=ids.media_id(),
        filename=str(media["filename"])[:255],
        content_type=str(media["content_type"]),
        data=bytes(media["data"]),
    )
    address = url_to(f"/cirrus/media/{kept.media_id}")
    return {"url": address, "filename": kept.filename, "content_type": kept.content_type}


def build_hook(event: TimerEvent) -> Hook:
    """The webhook of one event, as JSON or (by the account's switch) XML."""
    if event.kind == TimerKind.REPORT:
        name, kept, summary = STATUS_EVENT, _status(event), f"{event.word} report"
    elif event.message is not None:
        name, kept, summary = event.word, _news(event.message.child_id), "customer's message"
    else:
        name, kept, summary = event.word, _CHANGES[event.word](event.about), "a change there"
    parts = {"Subscription": "Object", "Name": name, "Brand": BRAND, "Object": kept}
    if event.account.webhooks_as_xml:
        root = Element("Event")
        _fill(root, parts)
        body, content_type = tostring(root, encoding="utf-8", xml_declaration=True), "application/xml; charset=utf-8"
    else:
        body, content_type = json.dumps({"Event": parts}, ensure_ascii=False).encode(), "application/json"
    headers = {"Content-Type": content_type}
    secret = event.account.webhook_secrets.get("primary")
    if secret:
        headers["X-Webhook-Secret"] = secret
    return Hook(body, headers, f"{name}: {summary}")


def _status(event: TimerEvent) -> dict[str, Any]:
    message = event.letter
    child = {
        "Id": message.child_id,
        "Ref": message.ref,
        "Phone1": message.phone.number.lstrip("+"),
        "Status": event.word,
        "Reason": event.reason,
        "MessageId": message.external_id,
        "CreateDate": stamp(event.occurred_at),
    }
    return {"Id": message.thread_id, "StreamId": str(message.stream.stream_id), "Children": {"Child": child}}


def _news(child_id: str) -> dict[str, Any]:
    child = CirrusChild.objects.select_related("object__stream").get(child_id=int(child_id))
    return _object(child.object, {"Children": {"Child": _child(child.object, child)}})


def _new_object(object_id: str) -> dict[str, Any]:
    """Without a child it carries its first message itself, as the help pages show it."""
    kept = CirrusObject.objects.select_related("stream").get(object_id=int(object_id))
    first = kept.childs.first()
    if first is not None:
        return _news(str(first.child_id))
    own = {
        "Message": kept.message,
        "ManagerId": str(kept.manager_id),
        "Content": json.dumps(kept.content),
        "Snippet": kept.message[:100],
        "User": _user(kept, kept.user_stream_provider_id, kept.user_stream_provider_type),
    }
    return _object(kept, own)


def _activity(activity_id: str) -> dict[str, Any]:
    activity = CirrusActivity.objects.select_related("object__stream").get(pk=int(activity_id))
    entry = {
        "Id": str(activity.pk),
        "Type": str(activity.type),
        "CreateDate": _day_first(activity.created_at),
        "Data": json.dumps(activity.data, ensure_ascii=False),
    }
    return _object(activity.object, {"Activities": {"Activity": entry}})


def _tags(object_id: str) -> dict[str, Any]:
    kept = CirrusObject.objects.select_related("stream").get(object_id=int(object_id))
    return _object(kept, {"Tags": {"Tag": [{"Id": str(tag.tag_id), "Name": tag.name} for tag in kept.tags.all()]}})


_CHANGES: Mapping[str, Callable[[str], dict[str, Any]]] = {
    NEW: _new_object,
    NEW_CHILD: _news,
    ACTIVITY_EVENT: _activity,
    TAG_EVENT: _tags,
}


def _object(kept: CirrusObject, inside: Mapping[str, Any]) -> dict[str, Any]:
    names = {"Id": kept.object_id, "StreamId": kept.stream.stream_id, "SubStreamId": kept.sub_stream_id}
    return {name: str(value) for name, value in names.items()} | dict(inside)


def _day_first(moment: datetime) -> str:
    return timezone.localtime(moment, timezone.get_fixed_timezone(0)).strftime("%d-%m-%Y %H:%M:%S")


def _user(kept: CirrusObject, provider_id: str, provider_type: int) -> dict[str, Any]:
    identity = {
        "Id": str(kept.user_identity),
        "StreamProviderId": provider_id,
        "StreamProviderType": str(provider_type),
    }
    return {
        "Id": str(kept.user_identity),
        "FirstName": str(kept.user.get("FirstName", "")),
        "LastName": str(kept.user.get("LastName", "")),
        "Phone1": str(kept.user.get("Phone1") or kept.phone.lstrip("+")),
        "Email": str(kept.user.get("Email", "")),
        "Content": "{}",
        "Identity": identity,
    }


def _child(kept: CirrusObject, child: CirrusChild) -> dict[str, Any]:
    return {
        "Id": str(child.child_id),
        "CreateDate": _day_first(child.created_at),
        "Type": str(child.type),
        "StreamProviderId": child.user_stream_provider_id,
        "StreamProviderType": provider_type_name(child.user_stream_provider_type),
        "Message": child.message,
        "ManagerId": str(child.manager_id),
        "Content": child.content or "{}",
        "Snippet": child.message[:100],
        "User": _user(kept, child.user_stream_provider_id, child.user_stream_provider_type),
    }


def _fill(element: Element, parts: Mapping[str, Any]) -> None:
    """The XML rendering: short values are attributes, texts and nested things are elements."""
    for name, value in parts.items():
        if isinstance(value, Mapping):
            _fill(SubElement(element, name), value)
        elif isinstance(value, list):
            for item in value:
                _fill(SubElement(element, name), item)
        elif name in _AS_ELEMENTS:
            SubElement(element, name).text = value
        else:
            element.set(name, value)
