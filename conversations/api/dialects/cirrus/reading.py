"""Cirrus's reading of objects: a conversation with its messages, what was done to it, its transcript."""

from __future__ import annotations

import json
from typing import Any

from django.http import JsonResponse

from conversations.api.dialects.calls import Call, door
from conversations.models import Activity, Contact, Conversation, Message, User
from conversations.models.activity import ActivityKind
from conversations.models.api_key import ApiScope
from conversations.models.audit import AuditAction
from conversations.models.message import Direction
from conversations.services import audit
from conversations.services.transcript import transcript_of

from .face import FACE, missing, number_in, stamp, success, wrong
from .finding import conversation_by_id, digits_of, stream_by_any
from .notes import content_of
from .words import ACTIVITY_TYPE, ACTIVITY_TYPES, CHILD_TYPE, CONVERSATION, CUSTOM, MAIL, PROVIDER_TYPE, STATUS_ID

MOST_CHILDS = 1_000  # newest first; the transcript has more
MOST_ACTIVITIES = 1_000


def get_object(call: Call, stream_id: str, object_id: str) -> JsonResponse:
    """GET /streams/{STREAM_ID}/objects/{OBJECT_ID}?includeChilds&includeActivityLog."""
    conversation = _found(call, stream_id, object_id)
    last = conversation.messages.order_by("-id").first()
    reader, contact = call.user, conversation.contact
    digits = digits_of(contact, reader)
    provider_type = PROVIDER_TYPE[conversation.stream.channel]
    row: dict[str, Any] = {
        "objectId": conversation.pk,
        "streamid": conversation.stream_id,
        "substreamid": conversation.sub_stream_id or 0,
        "streamProviderId": digits,
        "streamProviderType": provider_type,
        "user_identity": contact.pk,
        "firstName": contact.first_name or contact.email,
        "lastName": contact.last_name,
        "userStreamProviderId": digits,
        "userStreamProviderType": provider_type,
        "content": json.dumps(content_of(conversation)),
        "message": last.body if last else "",
        "createdTime": stamp(conversation.created_at),
        "updatedTime": stamp(conversation.last_message_at),
        "closeTime": stamp(conversation.resolved_at),
        "statusId": STATUS_ID[conversation.status],
        "assignedManagerId": conversation.assignee_id or 0,
        "type": CONVERSATION,
        "isManager": bool(last and last.is_outbound),
        "user": _customer(contact, digits),
    }
    if _asks_for(call, "includeChilds"):
        messages = conversation.messages.select_related("author").order_by("-id")[:MOST_CHILDS]
        row["childs"] = [_child(one, conversation, digits) for one in messages]
    if _asks_for(call, "includeActivityLog"):
        log = conversation.activities.select_related("actor").order_by("-id")[:MOST_ACTIVITIES]
        row["activityLog"] = [_activity(one) for one in log]
    return success([row])


def get_activities(call: Call, object_id: str) -> JsonResponse:
    """GET /objects/{OBJECT_ID}/activities?activityType=N."""
    call.needs(ApiScope.READ)
    conversation = conversation_by_id(call, object_id)
    if "activityType" not in call.request.GET:
        raise missing("activityType")
    wanted = number_in(call.request.GET.dict(), "activityType")
    if wanted not in ACTIVITY_TYPES:
        raise wrong("activityType")
    found = conversation.activities.select_related("actor").order_by("-id")
    if wanted == CUSTOM:
        found = found.exclude(kind__in=ACTIVITY_TYPE)
    else:
        found = found.filter(kind__in=[kind for kind, number in ACTIVITY_TYPE.items() if number == wanted])
    return success([_activity(one) for one in found[:MOST_ACTIVITIES]])


def get_transcript(call: Call, stream_id: str, object_id: str) -> JsonResponse:
    """GET /streams/{STREAM_ID}/objects/{OBJECT_ID}/transcript: what was said, without what the team noted."""
    conversation = _found(call, stream_id, object_id)
    whole = transcript_of(conversation, with_remarks=False)
    text = " ".join(f"\n[{line.at:%-m/%-d/%Y %-I:%M:%S %p}] \n{line.who}: \n{line.text}" for line in whole.lines)
    audit.record(AuditAction.EXPORTED, actor=call.user, subject=conversation, summary="Transcript.")
    row = {
        "objectId": conversation.pk,
        "streamid": conversation.stream_id,
        "substreamid": conversation.sub_stream_id or 0,
        "trasncript": text,
        "transcript": text,
        "user": _customer(conversation.contact, digits_of(conversation.contact, call.user)),
    }
    return success([row])


def _found(call: Call, stream_id: str, object_id: str) -> Conversation:
    call.needs(ApiScope.READ)
    return conversation_by_id(call, object_id, stream_by_any(call, stream_id))


def _asks_for(call: Call, name: str) -> bool:
    return call.request.GET.get(name, "false").lower() not in ("false", "0")


def _customer(contact: Contact, digits: str) -> dict[str, Any]:
    """The customer, with the document's keys; what we do not keep of people is empty."""
    return {
        "id": contact.pk,
        "uniqueId": "",
        "phone1": digits,
        "phone2": "",
        "email": contact.email,
        "firstName": contact.first_name,
        "lastName": contact.last_name,
        "gender": "",
        "numberIdentities": 1,
        "locale": contact.language,
        "birthday": "",
        "remarks": "",
        "content": "{}",
    }


def _child(message: Message, conversation: Conversation, digits: str) -> dict[str, Any]:
    """One message. One of ours has the id of whoever wrote it as `managerId`, 0 where Parley wrote by itself."""
    provider_type = PROVIDER_TYPE[conversation.stream.channel]
    ours = message.direction == Direction.OUT
    author, contact = message.author if ours else None, conversation.contact
    if ours:
        first, last = _names(author)
        identity = {"id": _id(author), "streamProviderId": author.email if author else "", "streamProviderType": MAIL}
    else:
        first, last = contact.first_name, contact.last_name
        identity = {"id": contact.pk, "streamProviderId": digits, "streamProviderType": provider_type}
    return {
        "id": message.pk,
        "object_id": conversation.pk,
        "type": CHILD_TYPE.get(message.kind, 0),
        "content": json.dumps({"status": message.status, "ref": str(message.ref)}),
        "message": message.body,
        "createdTime": stamp(message.created_at),
        "streamProviderType": provider_type,
        "user": {
            "id": _id(author) if ours else contact.pk,
            "managerId": _id(author),
            "isManager": ours,
            "identity": identity | {"firstName": first, "lastName": last, "thumbnailUrl": ""},
        },
    }


def _activity(activity: Activity) -> dict[str, Any]:
    first, last = _names(activity.actor)
    data: dict[str, Any] = {"text": activity.text}
    if activity.kind != ActivityKind.REMARK:
        data |= {"kind": activity.kind} | {name: value for name, value in activity.data.items() if name in _TOLD}
    return {
        "objectId": str(activity.conversation_id),
        "user": {
            "id": _id(activity.actor),
            "first_name": first,
            "last_name": last,
            "identity": {"identityId": _id(activity.actor), "thumbnailUrl": ""},
        },
        "type": ACTIVITY_TYPE.get(activity.kind, CUSTOM),
        "data": json.dumps(data),
        "createdTime": stamp(activity.occurred_at),
    }


_TOLD = ("from", "to", "source", "manager", "content", "key", "message")  # of what an activity says in its data


def _names(user: User | None) -> tuple[str, str]:
    first, _, last = user.name.partition(" ") if user else ("", "", "")
    return first, last


def _id(user: User | None) -> int:
    return user.pk if user else 0


object_door = door(FACE, GET=get_object)
activities_door = door(FACE, GET=get_activities)
transcript_door = door(FACE, GET=get_transcript)
