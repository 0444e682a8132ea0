"""Bulk SMS: one request for up to 10,000 numbers, one result for each of them.

Source: the provider's "Send SMS API" page. HTTP 200 may hold accepted messages and errors side by side, so a
200 is never an exception: each number finds its own entry, and one that has none is unconfirmed.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from messaging.errors import ConfigurationError, Refused, Unconfirmed
from messaging.providers.base import Account, Operation
from messaging.providers.outcomes import read_json_object
from messaging.providers.webex_interact import wire
from messaging.types import Answer, Outcome, Recipient, RecipientResult, Request, SendResult

LARGEST_REQUEST = 10_000  # numbers
VALIDITY_DAYS = 3
QUEUED = 1001
MERGE_FIELD = re.compile(r"\$\{[^{}]*\}")  # which names are allowed is not documented
SCHEDULE_KEYS = ("send_at", "schedule_at")  # the documented name, and the one of newer clients

_NUMBER_CODES = {1002: "number_not_reachable"}


@dataclass(frozen=True, slots=True)
class Group:
    """Some numbers that share a correlation id and merge fields."""

    phones: tuple[str, ...]
    correlation_id: str = ""
    merge_fields: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The entry of `to`."""
        entry: dict[str, Any] = {"phone": list(self.phones)}
        if self.correlation_id:
            entry["correlation_id"] = self.correlation_id
        if self.merge_fields:
            entry["merge_fields"] = dict(self.merge_fields)
        return entry


@dataclass(frozen=True, slots=True)
class SmsItem:
    """What the answer says of one number: `code` 1001 and a transaction id, or an error's code and message."""

    phone: str
    status: str
    code: int
    transaction_id: str = ""
    message: str = ""

    @property
    def is_queued(self) -> bool:
        """Is this the documented success?"""
        return self.status == "queued" and self.code == QUEUED


@dataclass(frozen=True, slots=True)
class SmsAnswer:
    """The answer to one request: `messages` were taken, `errors` were not."""

    request_id: str
    messages: tuple[SmsItem, ...]
    errors: tuple[SmsItem, ...]


@dataclass(frozen=True, slots=True)
class BulkSms(Operation[SmsAnswer]):
    """`POST /v1/sms`: one text or one stored template to the numbers of `to`."""

    sender: str
    to: tuple[Group, ...]
    body: str = ""
    template_id: str = ""
    global_merge_fields: Mapping[str, str] = field(default_factory=dict)
    send_at: datetime | None = None
    valid_until: datetime | None = None
    schedule_key: str = SCHEDULE_KEYS[0]

    def build_request(self, account: Account) -> Request:
        """The request; ConfigurationError, in the provider's own words, for what it documents to refuse."""
        self._check_text()
        self._check_recipients()
        payload: dict[str, Any] = {"from": self.sender, "to": [group.to_json() for group in self.to]}
        if self.template_id:
            payload["template_id"] = self.template_id
        else:
            payload["message_body"] = self.body
        if self.global_merge_fields:
            payload["global_merge_fields"] = dict(self.global_merge_fields)
        return wire.make_request(account, "POST", "/v1/sms", payload=payload | self._times())

    def parse_response(self, answer: Answer) -> SmsAnswer:
        """The items of a 200; Refused for field errors, whatever 2xx or 4xx status they come with."""
        wire.raise_for_refusal(answer)
        data = read_json_object(answer)
        messages, errors = wire.records(data.get("messages")), wire.records(data.get("errors"))
        if not messages and any("field" in error for error in errors):
            raise Refused(wire.words_of(errors), code=wire.code_of(errors), answer=answer)
        if not messages and not errors:
            raise Unconfirmed("The answer names no messages.", code="unreadable_answer", answer=answer)
        return SmsAnswer(
            request_id=wire.identifier(data.get("request_id")),
            messages=tuple(_read_item(item) for item in messages),
            errors=tuple(_read_item({"status": "error", **item}) for item in errors),
        )

    def _check_text(self) -> None:
        if self.body and self.template_id:
            raise ConfigurationError(
                "Give a text or a template, not both (message_body, template_id: both were provided, only one is "
                "allowed)."
            )
        if not self.body and not self.template_id:
            raise ConfigurationError("Give a text or a template (neither message_body nor template_id was provided).")

    def _check_recipients(self) -> None:
        if not self.sender:
            raise ConfigurationError("The stream has no sender: enter the sender name or number it writes from.")
        if not self.to or not all(group.phones for group in self.to):
            raise ConfigurationError(
                "Give at least one number in each group (invalid recipients object format, no phone numbers provided)."
            )
        count = sum(len(group.phones) for group in self.to)
        if count > LARGEST_REQUEST:
            raise ConfigurationError(
                f"Webex Interact takes at most {LARGEST_REQUEST:,} numbers in one request, this one has {count:,}: "
                "send it in parts."
            )

    def _times(self) -> dict[str, str]:
        if self.schedule_key not in SCHEDULE_KEYS:
            raise ConfigurationError(f"The name of the schedule field must be {' or '.join(SCHEDULE_KEYS)}.")
        times = {}
        if self.send_at:
            times[self.schedule_key] = wire.format_moment(self.send_at, "time to send")
        if self.valid_until:
            times["valid_until"] = wire.format_moment(self.valid_until, "time until which the message is valid")
        if self.send_at and self.valid_until:
            if self.valid_until <= self.send_at:
                raise ConfigurationError(
                    "The message must stay valid until after it is sent (valid_until: date must be in the future when "
                    "compared to send_at)."
                )
            if self.valid_until - self.send_at > timedelta(days=VALIDITY_DAYS):
                raise ConfigurationError(
                    f"The message may stay valid for at most {VALIDITY_DAYS} days after it is sent (valid_until: date "
                    f"cannot be more than {VALIDITY_DAYS} days in the future)."
                )
        return times


@dataclass(frozen=True, slots=True)
class SendToEach(Operation[SendResult]):
    """Bulk SMS with one entry per recipient, whose correlation id is our reference of the message."""

    recipients: tuple[Recipient, ...]
    sms: BulkSms

    def build_request(self, account: Account) -> Request:
        """The request of the bulk SMS."""
        return self.sms.build_request(account)

    def parse_response(self, answer: Answer) -> SendResult:
        """One result per recipient, in their order, found by number: the answer carries no correlation ids."""
        sent = self.sms.parse_response(answer)
        items: defaultdict[str, deque[SmsItem]] = defaultdict(deque)
        for item in (*sent.messages, *sent.errors):
            items[_digits(item.phone)].append(item)
        results = []
        for recipient in self.recipients:
            waiting = items.get(_digits(recipient.phone))
            results.append(_result(recipient.ref, waiting.popleft() if waiting else None))
        return SendResult(tuple(results), request_id=sent.request_id)


def _result(ref: str, item: SmsItem | None) -> RecipientResult:
    if item is None:
        return RecipientResult(
            ref, Outcome.UNCONFIRMED, code="not_in_answer", text="The answer does not name this number."
        )
    if item.is_queued:
        return RecipientResult(ref, Outcome.ACCEPTED, external_id=item.transaction_id)
    if item.status == "error":
        code = _NUMBER_CODES.get(item.code, Refused.code)
        return RecipientResult(ref, Outcome.REFUSED, code=code, text=item.message or f"Code {item.code}")
    text = item.message or f"Status {item.status or 'missing'}, code {item.code}"
    return RecipientResult(ref, Outcome.UNCONFIRMED, external_id=item.transaction_id, code="unknown_status", text=text)


def _read_item(item: Mapping[str, Any]) -> SmsItem:
    return SmsItem(
        phone=wire.text(item.get("to")),
        status=wire.text(item.get("status")),
        code=wire.number(item.get("code")),
        transaction_id=wire.identifier(item.get("transaction_id")),
        message=wire.text(item.get("message")),
    )


def _digits(phone: str) -> str:
    return "".join(character for character in phone if character in "0123456789")
