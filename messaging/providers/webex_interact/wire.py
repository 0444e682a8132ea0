"""What every call to Webex Interact has in common: the key, the addresses, and how a refusal reads.

Errors come as `{"errors": [{"field", "message", "code"}]}`. Code 10006 is the documented validation error; the
full list of codes is not published, so unknown ones stay unknown and keep the provider's words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from messaging.errors import ConfigurationError, Refused
from messaging.providers.base import Account
from messaging.providers.outcomes import raise_for_status
from messaging.providers.values import iso_moment as iso_moment
from messaging.providers.values import phone as phone
from messaging.providers.values import records as records
from messaging.providers.values import text as text
from messaging.types import Answer, Request

_KEY = re.compile(r"[\x21-\x7e]{1,1000}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")

# Part of a documented message -> our code, by the field it is about; tried in order. An empty part matches
# any message: fields whose messages are not documented.
_FIELD_REFUSALS: dict[str, tuple[tuple[str, str], ...]] = {
    "message_body, template_id": (("neither", "text_missing"), ("both", "text_and_template")),
    "to.phone": (("no phone numbers", "recipients_missing"),),
    "to": (("", "recipients_refused"),),
    "from": (("", "sender_refused"),),
    "merge_fields": (("", "merge_fields_refused"),),
    "to.merge_fields": (("", "merge_fields_refused"),),
    "template_id": (("", "template_refused"),),
    "send_at": (("more than 7 days", "schedule_too_far"), ("in the future", "schedule_in_past")),
    "valid_until": (
        ("more than 3 days", "validity_too_long"),
        ("compared to", "validity_before_schedule"),
        ("in the future", "validity_in_past"),
    ),
}
_FIELD_REFUSALS["schedule_at"] = _FIELD_REFUSALS["send_at"]


def make_request(
    account: Account, method: str, path: str, *, query: Mapping[str, Any] | None = None, payload: Any = None
) -> Request:
    """A request with the key in `X-AUTH-KEY`. Raises ConfigurationError for a key that cannot be a key."""
    key = account.credentials.get("access_key", "")
    if not _KEY.fullmatch(key):
        raise ConfigurationError(
            "The access key of the Webex Interact account is missing or holds a space or another character that "
            "no key has: copy it again from Developers > API projects."
        )
    url = account.base_url + path + (f"?{urlencode(query)}" if query else "")
    if payload is None:
        return Request(method, url, {"X-AUTH-KEY": key})
    headers = {"X-AUTH-KEY": key, "Content-Type": "application/json"}
    return Request(method, url, headers, json.dumps(payload, separators=(",", ":"), allow_nan=False).encode())


def path_id(value: str, label: str) -> str:
    """One id as a path segment; ConfigurationError for anything that could change the path."""
    if not _ID.fullmatch(value):
        raise ConfigurationError(f"The {label} {value[:40]!r} cannot be one: copy it again from Webex Interact.")
    return quote(value, safe="")


def format_moment(moment: datetime, label: str) -> str:
    """An aware time as `2025-01-18T02:20:20Z`."""
    if moment.tzinfo is None:
        raise ConfigurationError(f"The {label} has no time zone: give one.")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def identifier(value: Any, longest: int = 200) -> str:
    """An id as text; nothing when it is longer than any of theirs, or of ours where they echo one, can be."""
    found = text(value)
    return found if len(found) <= longest else ""


def number(value: Any) -> int:
    """A whole number given as a number or as its text; 0 for anything else."""
    digits = text(value)
    return int(digits) if re.fullmatch(r"[0-9]{1,18}", digits) else 0


def raise_for_refusal(answer: Answer) -> None:
    """Return for a 2xx answer; raise what any other status proves, with the provider's words and our code."""
    try:
        data = answer.json()
    except ValueError:
        data = None
    errors = records(data.get("errors")) if isinstance(data, dict) else []
    try:
        raise_for_status(answer, words_of(errors))
    except Refused as refusal:
        refusal.code = code_of(errors)
        raise


def words_of(errors: list[dict[str, Any]]) -> str:
    """The messages of an error list, verbatim."""
    return "; ".join(words for error in errors if (words := text(error.get("message"))))


def code_of(errors: list[dict[str, Any]]) -> str:
    """Our code for the first error that we know; `field_refused` where only the field is named."""
    for error in errors:
        field = re.sub(r"\[[0-9]+\]", "", text(error.get("field")).strip())
        message = text(error.get("message")).lower()
        for part, code in _FIELD_REFUSALS.get(field, ()):
            if part in message:
                return code
    return "field_refused" if any("field" in error for error in errors) else Refused.code
