"""Webex Interact's request as an order: whom to write to, what, when; refused with the first error that is found.

The document has the texts of the 10006 errors. It does not say what is answered to an unknown sender or template, a
field without a value, a date that is none and more than 10,000 numbers: those sentences are ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from conversations.api.dialects.calls import Call
from conversations.models import CannedReply, Stream
from conversations.models.stream import Channel
from conversations.services.campaigns.texts import as_campaign_text
from messaging.merge import value_text

from .face import field_error

MOST_NUMBERS = 10_000
MOST_DAYS_AHEAD = 7
MOST_DAYS_VALID = 3
NO_NUMBERS = "invalid recipients object format, no phone numbers provided."
WORDS = "message_body, template_id"
NUMBER = "to"  # the column of a campaign's list with the numbers
KEPT_FIELDS = ("correlation_id", "transaction_id")  # columns that are no merge fields
_FIELD = re.compile(r"\$\{(\w+)\}")
_OUR_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class Recipient:
    """One number as it was sent, with the values of the text's fields for this person."""

    phone: str
    correlation_id: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Order:
    """A request that is in order. `blanks` are the fields that are empty for somebody, as the request says."""

    stream: Stream
    body: str
    field_names: tuple[str, ...]
    blanks: frozenset[str]
    recipients: list[Recipient]
    send_at: datetime | None
    valid_until: datetime | None
    name: str


def read_order(call: Call) -> Order:
    """The order of a request. Raises Refused."""
    values = call.data()
    if not isinstance(values, dict):
        raise field_error("body", "The body is not a JSON object.")
    given = _words(call, values)
    stream = _stream(call, values)
    if isinstance(given, CannedReply):
        given = as_campaign_text(given, agent=call.user, stream=stream)
    groups = _groups(values)
    send_at = _send_at(values)
    valid_until = _valid_until(values, send_at)
    own_names = _own_names(given)
    shared = _values(values.get("global_merge_fields"), "global_merge_fields")
    recipients: list[Recipient] = []
    for index, group in enumerate(groups):
        fields = _fields(group, shared, own_names, index)
        correlation_id = str(group.get("correlation_id") or "")[:200]
        recipients += [Recipient(phone, correlation_id, fields) for phone in group["phone"]]
    return Order(
        stream=stream,
        body=_FIELD.sub(lambda found: f"${{{own_names[found[1]]}}}", given),
        field_names=tuple(own_names.values()),
        blanks=frozenset(name for one in recipients for name, text in one.fields.items() if not text.strip()),
        recipients=recipients,
        send_at=send_at,
        valid_until=valid_until,
        name=str(values.get("name") or ""),
    )


def _words(call: Call, values: Mapping[str, Any]) -> str | CannedReply:
    body, template_id = values.get("message_body"), values.get("template_id")
    if body and template_id:
        raise field_error(WORDS, "both were provided, only one is allowed.")
    if not body and not template_id:
        raise field_error(WORDS, "neither message_body nor template_id was provided")
    if body:
        if not isinstance(body, str):
            raise field_error("message_body", "message_body is not a text.")
        return body
    found = CannedReply.objects.visible_to(call.user).filter(shortcut=str(template_id))[:2]
    if not found:
        raise field_error("template_id", "There is no canned reply with this shortcut. Look at its name.")
    if len(found) > 1:
        raise field_error("template_id", "Several canned replies have this shortcut. Use one that only one has.")
    return found[0]


def _stream(call: Call, values: Mapping[str, Any]) -> Stream:
    sender = values.get("from")
    if not sender or not isinstance(sender, str):
        raise field_error("from", "from is missing: name a sender, a number or a stream of ours.")
    ours = Stream.objects.visible_to(call.user).filter(channel=Channel.SMS).select_related("account")
    found = list(ours.filter(sender=sender)) or list(ours.filter(Q(inbound_number=sender) | Q(name=sender)))
    if not found:
        raise field_error("from", "There is no stream with this sender. Look at its name.")
    if len(found) > 1:
        raise field_error("from", "Several streams have this sender. Use the name of one of them.")
    return found[0]


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
        raise field_error("to", f"A request has {MOST_NUMBERS:,} numbers at most, and this one has {count:,}.")
    return groups


def _moment(values: Mapping[str, Any], field: str) -> datetime | None:
    """A date field; without a zone it is UTC, as the provider's times are."""
    text = values.get(field)
    if text is None or text == "":
        return None
    try:
        moment = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise field_error(field, "The date is not in ISO 8601, such as 2030-01-18T02:20:20Z.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _send_at(values: Mapping[str, Any]) -> datetime | None:
    """`send_at`, or `schedule_at` as newer clients name it; an error repeats the name that was used."""
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
        raise field_error("valid_until", "date must be in the future when compared to send_at ")  # as documented
    start = send_at or timezone.now()
    if moment <= start:
        raise field_error("valid_until", "date must be in the future")
    if moment > start + timedelta(days=MOST_DAYS_VALID):
        raise field_error("valid_until", f"date cannot be more than {MOST_DAYS_VALID} days in the future")
    return moment


def _values(given: Any, field: str) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise field_error(field, "Merge fields are an object of names and values.")
    texts = {name: "" if value is None else value_text(value) for name, value in given.items()}
    if wrong := next((name for name, text in texts.items() if text is None), None):
        raise field_error(field, f"The value of {wrong} is not a text or a number.")
    return {name: text for name, text in texts.items() if text is not None}


def _fields(
    group: Mapping[str, Any], shared: Mapping[str, str], own_names: Mapping[str, str], index: int
) -> dict[str, str]:
    """The values of a group for the fields of the text, by our names; its own win over those for everybody."""
    values = {**shared, **_values(group.get("merge_fields"), f"to[{index}].merge_fields")}
    if absent := next((name for name in own_names if name not in values), None):
        raise field_error(f"to[{index}].merge_fields", f"There is no value for the merge field {absent}.")
    return {own: values[name] for name, own in own_names.items()}


def _own_names(body: str) -> dict[str, str]:
    """What each field of a text is called with us, where names are in small letters: `FirstName` is `field_1`."""
    names = dict.fromkeys(_FIELD.findall(body))
    own = {name: name for name in names if _OUR_FIELD.fullmatch(name) and name not in (NUMBER, *KEPT_FIELDS)}
    free = (name for number in count(1) if (name := f"field_{number}") not in own)
    return {name: own.get(name) or next(free) for name in names}
