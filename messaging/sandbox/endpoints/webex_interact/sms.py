"""Webex Interact's Send SMS: up to 10,000 numbers in groups, merge fields, a time to send and a time to end.

Documented: fields, limits, every 10006 text in this module that is not marked, item error 1002, `queued` 1001, 200
even where some numbers are refused, the precedence of merge fields. Assumed: the texts marked below, one error per
answer, and the order of the checks: content, sender, recipients, send_at, valid_until, merge fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from messaging.sandbox import ids
from messaging.sandbox.arrivals import Letter, accept
from messaging.sandbox.calls import Answer, Call, Refused
from messaging.sandbox.models import MessageStatus, SandboxChannel, SandboxStream, SmsRequest, SuppressedNumber
from messaging.sandbox.numbers import from_international

from .face import field_error

MOST_NUMBERS = 10_000
MOST_DAYS_AHEAD = 7
MOST_DAYS_VALID = 3
QUEUED, BAD_NUMBER = 1001, 1002
BAD_NUMBER_TEXT = "Invalid phone number or unsupported region."
NO_NUMBERS = "invalid recipients object format, no phone numbers provided."
_MERGE_FIELD = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class _Recipient:
    phone: str  # as sent
    number: str | None  # E.164, None when it cannot be one
    text: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class _Order:
    """A request that passed every check."""

    stream: SandboxStream
    recipients: list[_Recipient]
    send_at: datetime | None
    valid_until: datetime | None
    skips_optouts: bool
    name: str


def send_sms(call: Call) -> Answer:
    """POST /v1/sms."""
    order = _read(call)
    request_id = ids.ksuid("aps_")
    good = [recipient for recipient in order.recipients if recipient.number]
    faults = call.arriving_at([recipient.number for recipient in good if recipient.number])
    refused_numbers = {number for number, fault in faults.items() if fault.key == "not_valid"}
    messages: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    letters: list[Letter] = []
    suppressed = _suppressed(order)
    for recipient in order.recipients:
        if recipient.number is None or recipient.number in refused_numbers:
            errors.append(_bad_number(recipient.phone))
            continue
        transaction_id = ids.ksuid("tid_")
        messages.append({"transaction_id": transaction_id, "to": recipient.phone, "status": "queued", "code": QUEUED})
        fields = {
            "text": recipient.text,
            "ref": recipient.correlation_id,
            "external_id": transaction_id,
            "request_id": request_id,
            "valid_until": order.valid_until,
        }
        if recipient.number in suppressed:
            fields["status"] = MessageStatus.SUPPRESSED
        letters.append((recipient.number, fields))
    SmsRequest.objects.create(
        account=call.account,
        stream=order.stream,
        request_id=request_id,
        name=order.name,
        status="SCHEDULED" if order.send_at else "SENT",
        recipients=len(letters),
        scheduled_at=order.send_at,
    )
    accept(call, order.stream, letters, faults, order.send_at)
    return Answer(200, {"request_id": request_id, "messages": messages, "errors": errors})


def check_sms(call: Call) -> Answer:
    """POST /v1/sms/test: the same checks and answer; nothing is sent."""
    order = _read(call)
    messages, errors = [], []
    for recipient in order.recipients:
        if recipient.number is None:
            errors.append(_bad_number(recipient.phone))
        else:
            tid = ids.ksuid("tid_")
            messages.append({"transaction_id": tid, "to": recipient.phone, "status": "queued", "code": QUEUED})
    return Answer(200, {"request_id": ids.ksuid("aps_"), "messages": messages, "errors": errors})


def _bad_number(phone: str) -> dict[str, Any]:
    return {"to": phone, "status": "error", "code": BAD_NUMBER, "message": BAD_NUMBER_TEXT}


def _suppressed(order: _Order) -> set[str]:
    """The numbers that opted out: answered as queued, then dropped in silence."""
    if order.skips_optouts:
        return set()
    rows = SuppressedNumber.objects.for_stream(order.stream)
    return set(rows.values_list("number", flat=True))


def _read(call: Call) -> _Order:
    """Check the whole request; raises Refused with the first error."""
    values = call.data()
    if not isinstance(values, dict):
        raise field_error("body", "request body is not valid JSON")  # assumed
    body = _content(call, values)
    stream = _sender(call, values)
    groups = _groups(values)
    send_at = _send_at(values)
    valid_until = _valid_until(values, send_at)
    shared = _merge_fields(values.get("global_merge_fields"), "global_merge_fields")
    recipients: list[_Recipient] = []
    for index, group in enumerate(groups):
        own = shared | _merge_fields(group.get("merge_fields"), f"to[{index}].merge_fields")
        text = _filled(body, own, index)
        correlation_id = str(group.get("correlation_id") or ids.ksuid("cid_"))
        recipients += [_Recipient(phone, from_international(phone), text, correlation_id) for phone in group["phone"]]
    return _Order(
        stream=stream,
        recipients=recipients,
        send_at=send_at,
        valid_until=valid_until,
        skips_optouts=values.get("skip_optout_check") is True,
        name=str(values.get("name") or ""),
    )


def _content(call: Call, values: Mapping[str, Any]) -> str:
    body, template_id = values.get("message_body"), values.get("template_id")
    if body and template_id:
        raise field_error("message_body, template_id", "both were provided, only one is allowed.")
    if not body and not template_id:
        raise field_error("message_body, template_id", "neither message_body nor template_id was provided")
    if body:
        if not isinstance(body, str):
            raise field_error("message_body", "message_body is not a string")  # assumed
        return body
    template = call.account.content_templates.filter(template_id=str(template_id)).first()
    if template is None:
        raise field_error("template_id", "template not found")  # assumed
    return template.body


def _sender(call: Call, values: Mapping[str, Any]) -> SandboxStream:
    sender = values.get("from")
    if not sender or not isinstance(sender, str):
        raise field_error("from", "from is required")  # assumed
    streams = call.account.streams.filter(channel=SandboxChannel.SMS, is_active=True)
    stream = streams.filter(sender=sender).first() or streams.filter(number=sender).first()
    if stream is None:
        raise field_error("from", "sender is not registered for this account")  # assumed
    return stream


def _groups(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    groups = values.get("to")
    if not isinstance(groups, list) or not groups:
        raise field_error("to", NO_NUMBERS)
    count = 0
    for index, group in enumerate(groups):
        phones = group.get("phone") if isinstance(group, dict) else None
        if not isinstance(phones, list) or not phones or not all(isinstance(phone, str) for phone in phones):
            raise field_error(f"to[{index}].phone", NO_NUMBERS)
        count += len(phones)
    if count > MOST_NUMBERS:
        raise field_error("to", f"cannot be more than {MOST_NUMBERS} phone numbers")  # assumed
    return groups


def _moment(values: Mapping[str, Any], field: str) -> datetime | None:
    """A date field as an aware time; without a zone it is UTC."""
    text = values.get(field)
    if text is None or text == "":
        return None
    try:
        moment = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise field_error(field, "date must be in ISO 8601 format")  # assumed
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _send_at(values: Mapping[str, Any]) -> datetime | None:
    """`send_at`, or `schedule_at` as newer clients name it; errors repeat the name that was used."""
    field = "schedule_at" if values.get("schedule_at") and not values.get("send_at") else "send_at"
    moment, now = _moment(values, field), timezone.now()
    if moment is None:
        return None
    if moment <= now:
        raise field_error(field, "date must be in the future")
    if moment > now + timedelta(days=MOST_DAYS_AHEAD):
        raise field_error(field, f"date cannot be more than {MOST_DAYS_AHEAD} days in the future")
    return moment


def _valid_until(values: Mapping[str, Any], send_at: datetime | None) -> datetime | None:
    moment = _moment(values, "valid_until")
    if moment is None:
        return None
    if send_at is not None and moment <= send_at:
        raise field_error("valid_until", "date must be in the future when compared to send_at ")  # sic: the space
    start = send_at or timezone.now()
    if moment <= start:
        raise field_error("valid_until", "date must be in the future")  # assumed for this field
    if moment > start + timedelta(days=MOST_DAYS_VALID):
        raise field_error("valid_until", f"date cannot be more than {MOST_DAYS_VALID} days in the future")
    return moment


def _merge_fields(value: Any, field: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise field_error(field, "merge_fields is not an object")  # assumed
    return {str(name): str(text) for name, text in value.items()}


def _filled(body: str, values: Mapping[str, str], index: int) -> str:
    """The text with its `${name}` fields filled in one pass: a value is never looked at again."""
    absent = [name for name in _MERGE_FIELD.findall(body) if name not in values]
    if absent:
        raise _absent(absent[0], index)
    return _MERGE_FIELD.sub(lambda match: values[match[1]], body)


def _absent(name: str, index: int) -> Refused:
    return field_error(f"to[{index}].merge_fields", f"no value for merge field {name}")  # assumed
