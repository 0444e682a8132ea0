"""Cirrus: reading conversations back.

Documented: paths, query parameters, field names (`trasncript` really is spelled so), newest message first, without
`includeChilds` only the last message, a list of objects needs a limiter. Assumed: the key `activityLog`, that the
list is filtered by the time it is ordered by, and `transcript` beside `trasncript` (a running client reads that).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from messaging.sandbox.calls import Answer, Call
from messaging.sandbox.ids import MOST, id_in
from messaging.sandbox.models import Agent, CirrusActivity, CirrusChild, CirrusObject

from .face import identity_of, missing, not_found, refused, stream_by_any, success, wrong
from .objects import object_by_id
from .words import ACTIVITY_TYPES

MOST_OBJECTS = 100
_ORDERS = {
    "createdtime": "created_at",
    "closedtime": "closed_at",
    "prioritytime": "updated_at",
    "updatedtime": "updated_at",
}


def get_object(call: Call, stream_id: str, object_id: str) -> Answer:
    """GET /streams/{STREAM_ID}/objects/{OBJECT_ID}?includeChilds&includeActivityLog."""
    return success(call, [_as_row(call, _find(call, stream_id, object_id))])


def list_objects(call: Call, stream_id: str) -> Answer:
    """GET /streams/{STREAM_ID}/objects: the documented way to poll for customers' messages."""
    stream = stream_by_any(call, stream_id)
    query = call.request.GET
    order = _ORDERS.get(query.get("order", "createdtime").lower())
    if order is None:
        raise wrong(call, "order")
    found = CirrusObject.objects.filter(stream=stream).select_related("stream")
    limited = False
    if "unixStartTime" in query and "unixEndTime" in query:
        span = (_moment(call, "unixStartTime"), _moment(call, "unixEndTime"))
        found, limited = found.filter(**{f"{order}__range": span}), True
    if "identityStreamProviderId" in query and "identityStreamProviderType" in query:
        found, limited = (
            found.filter(
                user_stream_provider_id=query["identityStreamProviderId"],
                user_stream_provider_type=_number(call, "identityStreamProviderType"),
            ),
            True,
        )
    if "userIdentityId" in query:
        found, limited = found.filter(user_identity=_number(call, "userIdentityId")), True
    if not limited:
        raise refused(call, "Operation failed")
    if "subStream" in query:
        found = found.filter(sub_stream_id=_number(call, "subStream"))
    if query.get("status"):
        found = found.filter(status_id__in=[id_in(part.strip()) for part in query["status"].split(",")])
    sign = "" if query.get("sort", "desc").lower() == "asc" else "-"
    size = min(max(_number(call, "pageSize", MOST_OBJECTS), 1), MOST_OBJECTS)
    first = min((max(_number(call, "pageNumber", 1), 1) - 1) * size, MOST)
    page: QuerySet[CirrusObject] = found.order_by(f"{sign}{order}", f"{sign}id")[first : first + size]
    return success(call, [_as_row(call, kept) for kept in page])


def get_activities(call: Call, object_id: str) -> Answer:
    """GET /objects/{OBJECT_ID}/activities?activityType=N."""
    kept = object_by_id(call, object_id)
    if "activityType" not in call.request.GET:
        raise missing(call, "activityType")
    type_ = _number(call, "activityType")
    if type_ not in ACTIVITY_TYPES:
        raise wrong(call, "activityType")
    return success(call, [_activity(call, kept, row) for row in kept.activities.filter(type=type_)])


def get_transcript(call: Call, stream_id: str, object_id: str) -> Answer:
    """GET /streams/{STREAM_ID}/objects/{OBJECT_ID}/transcript."""
    kept = _find(call, stream_id, object_id)
    lines = []
    for child in kept.childs.order_by("id"):
        moment = child.created_at.strftime("%m/%d/%Y %I:%M:%S %p")
        lines.append(f"\n[{moment}] \n{_author(call, kept, child)}: \n{child.message}")
    text = " ".join(lines)
    row = {
        "objectId": kept.object_id,
        "streamid": kept.stream.stream_id,
        "substreamid": kept.sub_stream_id,
        "trasncript": text,
        "transcript": text,
        "user": _user(kept),
    }
    return success(call, [row])


def _find(call: Call, stream_id: str, object_id: str) -> CirrusObject:
    stream = stream_by_any(call, stream_id)
    kept = CirrusObject.objects.filter(stream=stream, object_id=id_in(object_id)).select_related("stream").first()
    if kept is None:
        raise not_found(call)
    return kept


def _number(call: Call, name: str, default: int = 0) -> int:
    text = call.request.GET.get(name, str(default))
    number = id_in(text)
    if not number and text != "0":
        raise wrong(call, name)
    return number


def _moment(call: Call, name: str) -> datetime:
    try:
        return datetime.fromtimestamp(_number(call, name), UTC)
    except (OverflowError, ValueError, OSError):
        raise wrong(call, name) from None


def _time(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%S") if moment else None


def _asked_for(call: Call, name: str) -> bool:
    return call.request.GET.get(name, "false").lower() not in ("false", "0")


def _as_row(call: Call, kept: CirrusObject) -> dict[str, Any]:
    user = _user(kept)
    last = kept.childs.order_by("-id").first()
    row = {
        "objectId": kept.object_id,
        "streamid": kept.stream.stream_id,
        "substreamid": kept.sub_stream_id,
        "streamProviderId": kept.stream_provider_id,
        "streamProviderType": kept.stream_provider_type,
        "user_identity": kept.user_identity,
        "firstName": user["firstName"] or user["email"],
        "lastName": user["lastName"],
        "userStreamProviderId": kept.user_stream_provider_id,
        "userStreamProviderType": kept.user_stream_provider_type,
        "content": json.dumps(kept.content),
        "message": kept.message,
        "createdTime": _time(kept.created_at),
        "updatedTime": _time(kept.updated_at),
        "closeTime": _time(kept.closed_at),
        "statusId": kept.status_id,
        "assignedManagerId": kept.assigned_manager_id,
        "type": kept.type,
        "isManager": last.is_manager if last else bool(kept.manager_id),
        "user": user,
    }
    if _asked_for(call, "includeChilds"):
        row["childs"] = [_child(call, kept, child) for child in kept.childs.order_by("-id")]
    if _asked_for(call, "includeActivityLog"):
        row["activityLog"] = [_activity(call, kept, activity) for activity in kept.activities.order_by("-id")]
    return row


def _user(kept: CirrusObject) -> dict[str, Any]:
    given = kept.user
    return {
        "id": kept.user_identity,
        "uniqueId": str(given.get("UniqueId", "")),
        "phone1": str(given.get("Phone1") or kept.phone.lstrip("+")),
        "phone2": str(given.get("Phone2", "")),
        "email": str(given.get("Email", "")),
        "firstName": str(given.get("FirstName", "")),
        "lastName": str(given.get("LastName", "")),
        "gender": str(given.get("Gender", "")),
        "numberIdentities": 1,
        "locale": str(given.get("Locale", "")),
        "birthday": str(given.get("Birthday", "")),
        "remarks": str(given.get("Remarks", "")),
        "content": json.dumps(given.get("Content") or {}),
    }


def _agent(call: Call, manager_id: int) -> Agent | None:
    return call.account.agents.filter(agent_id=manager_id).first() if manager_id else None


def _author(call: Call, kept: CirrusObject, child: CirrusChild) -> str:
    if child.is_manager:
        agent = _agent(call, child.manager_id)
        return agent.name if agent else "Agent"
    name = f"{kept.user.get('FirstName', '')} {kept.user.get('LastName', '')}".strip()
    return name or child.user_stream_provider_id


def _child(call: Call, kept: CirrusObject, child: CirrusChild) -> dict[str, Any]:
    agent = _agent(call, child.manager_id)
    if agent:
        identity = {"id": agent.agent_id, "streamProviderId": agent.email, "streamProviderType": 4}
        names = {"firstName": agent.first_name, "lastName": agent.last_name}
    else:
        identity = {
            "id": identity_of(kept.phone),
            "streamProviderId": child.user_stream_provider_id,
            "streamProviderType": child.user_stream_provider_type,
        }
        names = {"firstName": kept.user.get("FirstName", ""), "lastName": kept.user.get("LastName", "")}
    return {
        "id": child.child_id,
        "object_id": kept.object_id,
        "type": child.type,
        "content": child.content,
        "message": child.message,
        "createdTime": _time(child.created_at),
        "streamProviderType": child.user_stream_provider_type,
        "user": {
            "id": child.manager_id or kept.user_identity,
            "managerId": child.manager_id,
            "isManager": child.is_manager,
            "identity": identity | names | {"thumbnailUrl": ""},
        },
    }


def _activity(call: Call, kept: CirrusObject, activity: CirrusActivity) -> dict[str, Any]:
    agent = _agent(call, activity.manager_id)
    return {
        "objectId": str(kept.object_id),
        "user": {
            "id": activity.manager_id,
            "first_name": agent.first_name if agent else "",
            "last_name": agent.last_name if agent else "",
            "identity": {"identityId": activity.manager_id, "thumbnailUrl": ""},
        },
        "type": activity.type,
        "data": json.dumps(activity.data),
        "createdTime": _time(activity.created_at),
    }
