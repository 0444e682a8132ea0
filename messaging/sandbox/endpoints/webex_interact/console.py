"""Webex Interact: the account, its senders, scheduled requests and the opt-out list.

Documented: paths, the account's keys, paging of 25, 204 and 404 for deleting a sender, statuses SCHEDULED, SENT,
ERROR, DELETED and IN_PROGRESS, that cancelling is for a whole request. Assumed: 204 for cancelling and 400 for a
request that was already sent, the rows of the scheduled list and of the opt-outs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import QueryDict
from django.utils.dateparse import parse_datetime

from messaging.sandbox.calls import Answer, Call, Refused
from messaging.sandbox.ids import id_in
from messaging.sandbox.models import (
    MessageStatus,
    PhoneMessage,
    SandboxStream,
    SmsRequest,
    SuppressedNumber,
    TimerEvent,
    TimerKind,
)

from .face import FACE, field_error, stamp

PAGE_SIZE = 25
STATUSES = ("SCHEDULED", "SENT", "ERROR", "DELETED", "IN_PROGRESS")


def account(call: Call) -> Answer:
    """GET /identity/v1/account: a good test of the connection."""
    return Answer(
        200,
        {
            "account_uid": f"acc_{call.account.pk:027d}",
            "account_status": "ACTIVE",
            "home_region": "GB",
            "time_zone": "Europe/London",
            "default_currency": "GBP",
            "account_balance": 100.0,
            "created": "2025-01-08T09:47:52Z",
        },
    )


def senders(call: Call) -> Answer:
    """GET /assets/v1/senders?page_number&page_size."""
    found = [stream for stream in call.account.streams.filter(is_active=True) if stream.sender]
    rows = [{"id": _sender_id(stream), "name": stream.sender, "status": "ACTIVE"} for stream in found]
    query = call.request.GET
    return Answer(200, _page(rows, _whole(query, "page_number", 1), _whole(query, "page_size", PAGE_SIZE)))


def delete_sender(call: Call, sender_id: str) -> Answer:
    """DELETE /assets/v1/senders/{id}."""
    deleted = call.account.streams.filter(sender_id=sender_id, is_active=True).update(is_active=False)
    if not deleted:
        raise Refused(FACE.refusal(404, call.account))
    return Answer(204)


def scheduled(call: Call) -> Answer:
    """POST /campaigns/v1/scheduled: `filter` (id, or a range of dates; status and request_types are lists), `page`."""
    values = call.data() if call.request.body.strip() else {}
    if not isinstance(values, dict):
        raise field_error("body", "request body is not valid JSON")
    chosen, page = _part(values, "filter"), _part(values, "page")
    found = SmsRequest.objects.filter(account=call.account, scheduled_at__isnull=False).order_by("-id")
    if chosen.get("id"):
        found = found.filter(request_id=str(chosen["id"]))
    statuses = _words(chosen, "status", STATUSES)
    if statuses:
        found = found.filter(status__in=statuses)
    if "API" not in (_words(chosen, "request_types", ("CAMPAIGN", "API")) or ("API",)):
        found = found.none()  # campaigns are not played
    ranges = {
        f"{name}__{side}": _moment(chosen, f"{name}_{end}")
        for name in ("created_at", "scheduled_at")
        for end, side in (("start", "gte"), ("end", "lte"))
        if chosen.get(f"{name}_{end}")
    }
    if not chosen.get("id") and not ranges:
        raise field_error("filter", "either an id or a date range is needed")
    rows = [
        {
            "id": row.request_id,
            "name": row.name,
            "status": row.status,
            "request_type": "API",
            "recipients": row.recipients,
            "scheduled_at": stamp(row.scheduled_at) if row.scheduled_at else None,
            "created_at": stamp(row.created_at),
        }
        for row in found.filter(**ranges)
    ]
    return Answer(200, _page(rows, _whole(page, "page_number", 1), _whole(page, "page_size", PAGE_SIZE)))


def _part(values: dict[str, Any], name: str) -> dict[str, Any]:
    part = values.get(name, {})
    if not isinstance(part, dict):
        raise field_error(name, "must be an object")
    return part


def _words(chosen: dict[str, Any], name: str, known: tuple[str, ...]) -> list[str]:
    words = chosen.get(name) or []
    if not isinstance(words, list) or any(word not in known for word in words):
        raise field_error(name, f"must be a list of {', '.join(known)}")
    return words


def _moment(chosen: dict[str, Any], name: str) -> datetime:
    try:
        moment = parse_datetime(str(chosen[name]))
    except ValueError:
        moment = None
    if moment is None:
        raise field_error(name, "date must be in ISO 8601 format")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def cancel(call: Call, request_id: str) -> Answer:
    """DELETE /campaigns/v1/cancel/{id}: takes back a scheduled request with all its recipients."""
    row = SmsRequest.objects.filter(account=call.account, request_id=request_id).first()
    if row is None:
        raise Refused(FACE.refusal(404, call.account))
    if row.status != "SCHEDULED":
        raise field_error("id", "only a scheduled request can be cancelled")
    waiting = PhoneMessage.objects.filter(request_id=request_id)
    call.phones = list(waiting.values_list("phone__number", flat=True))
    TimerEvent.objects.filter(kind=TimerKind.SEND, message__request_id=request_id).delete()
    waiting.filter(status=MessageStatus.SCHEDULED).update(status=MessageStatus.CANCELLED)
    row.status = "DELETED"
    row.save(update_fields=["status"])
    return Answer(204)


def optouts(call: Call) -> Answer:
    """GET /contacts/v1/optouts?number=%2B44..."""
    found = SuppressedNumber.objects.filter(account=call.account).select_related("stream")
    number = call.request.GET.get("number", "")
    if number:
        found = found.filter(number=number)
    rows = [
        {
            "phone_number": row.number,
            "channel": "sms",
            "inbound_number": row.stream.number if row.stream else None,
            "account_level_opt_out": row.stream is None,
            "opt_out_time": stamp(row.created_at),
        }
        for row in found
    ]
    query = call.request.GET
    return Answer(200, _page(rows, _whole(query, "page_number", 1), _whole(query, "page_size", PAGE_SIZE)))


def _sender_id(stream: SandboxStream) -> str:
    return stream.sender_id or f"ssd_{stream.pk:027d}"


def _whole(values: QueryDict | dict[str, Any], name: str, default: int) -> int:
    number = id_in(values.get(name) or default)
    if not 0 < number < 10_000:
        raise field_error(name, "must be a positive number")
    return number


def _page(rows: list[dict[str, Any]], number: int, size: int) -> dict[str, Any]:
    paging = {"current_page": number, "total_items": len(rows), "total_pages": max(1, -(-len(rows) // size))}
    return {"paging": paging, "items": rows[(number - 1) * size : number * size]}
