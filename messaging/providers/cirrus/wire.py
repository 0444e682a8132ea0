"""What every call to Cirrus has in common: addresses, the key, the `{"data": ...}` wrapping and the envelope.

Every answer, good or bad, is `{"status": 200, "description": "...", "response_time": "...", "data": ...}`.
`status` is a number or its text, and it outranks the HTTP status of a 2xx answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote, urlencode

from messaging.errors import ConfigurationError, ProviderError, Refused, Unconfirmed
from messaging.providers.base import Account
from messaging.providers.cirrus.fields import Fields, as_records
from messaging.providers.cirrus.words import refusal_code
from messaging.providers.outcomes import raise_for_status, read_json_object
from messaging.types import Answer, Request

_ID = re.compile(r"[A-Za-z0-9_\-=]{1,200}")
_CUSTOMER_ID = re.compile(r"(?!\.+$)[A-Za-z0-9_\-=@.+]{1,255}")
_PHONE = re.compile(r"\+?([0-9]{7,15})")
_KEY = re.compile(r"[\x21-\x7e]{1,4000}")
_OBJECT_ID = re.compile(r"[1-9][0-9]{0,18}")
_PROVIDER_CODE = re.compile(r"[A-Z][A-Z_]{2,60}")


def path_id(value: str, label: str) -> str:
    """One id as a path segment. An id pasted as the console shows it (`...%3d%3d`) is decoded once first.

    Raises ConfigurationError for an empty id or one with any character that could change the path.
    """
    decoded = unquote(value.strip())
    if not _ID.fullmatch(decoded):
        raise ConfigurationError(
            f"The {label} is missing or holds a character that no Cirrus id has: copy it again from the Cirrus console."
        )
    return quote(decoded, safe="")


def customer_segment(value: str) -> str:
    """A customer's id (digits of a phone number, or an e-mail address) as a path segment."""
    value = value.removeprefix("+")
    if not _CUSTOMER_ID.fullmatch(value):
        raise ConfigurationError("The customer's id is not a phone number or e-mail address that Cirrus can take.")
    return quote(value, safe="")


def phone_digits(phone: str) -> str:
    """The number as Cirrus wants it: country code and digits, no `+`."""
    match = _PHONE.fullmatch(phone)
    if not match:
        raise ConfigurationError("The phone number must be + and 7 to 15 digits, with the country code.")
    return match[1]


def number_of(value: str, label: str) -> int:
    """A number that goes into a body, given as text."""
    if not re.fullmatch(r"[0-9]{1,19}", value):
        raise ConfigurationError(f"The {label} must be a number: copy it again from the Cirrus console.")
    return int(value)


def unix_seconds(moment: datetime, label: str) -> int:
    """Whole seconds since 1970 of an aware time."""
    if moment.tzinfo is None:
        raise ConfigurationError(f"The {label} has no time zone: give one.")
    return int(moment.timestamp())


def headers(account: Account) -> dict[str, str]:
    """The bearer key, or ConfigurationError where it cannot be sent in a header."""
    key = account.credentials.get("api_key", "")
    if not _KEY.fullmatch(key):
        raise ConfigurationError(
            "The API key of the Cirrus account is missing or holds a space or a character that cannot be sent: "
            "copy it again from Settings > API in the Cirrus console."
        )
    return {"Authorization": f"Bearer {key}"}


def get(account: Account, path: str, query: Mapping[str, str] | None = None) -> Request:
    """A GET of a path made of quoted segments."""
    url = f"{account.base_url}/{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
    return Request("GET", url, headers(account))


def post(account: Account, path: str, data: Any = None) -> Request:
    """A POST of `{"data": data}`, or without a body where the path says everything."""
    if data is None:
        return Request("POST", f"{account.base_url}/{path}", headers(account))
    body = json.dumps({"data": data}, allow_nan=False).encode()
    return Request("POST", f"{account.base_url}/{path}", {**headers(account), "Content-Type": "application/json"}, body)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A success: `data` is an empty text, None, an object or a list, by operation."""

    description: str
    data: Any


def open_envelope(answer: Answer) -> Envelope:
    """The envelope of a documented success, 206 (success with errors in it) included.

    Raises what the HTTP status proves, then what the envelope's own status proves; Unconfirmed where either
    cannot be read.
    """
    raise_for_failure(answer, answer.status)
    body = Fields(read_json_object(answer))
    status = body.number("status")
    if status is None:
        raise Unconfirmed("The answer does not say whether it is a success.", code="unreadable_answer", answer=answer)
    raise_for_failure(answer, status)
    return Envelope(body.text("description"), body.raw("data"))


def raise_for_failure(answer: Answer, status: int) -> None:
    """Raise what a status outside 2xx proves, with the envelope's words and our word for them."""
    if 200 <= status < 300:
        return
    text, code = _refusal(answer)
    try:
        raise_for_status(replace(answer, status=status), text)
    except ProviderError as error:
        error.answer = answer
        if isinstance(error, Refused):
            error.code = code or refusal_code(text)
        raise


def _refusal(answer: Answer) -> tuple[str, str]:
    body = readable_body(answer)
    for problem in body.inner("data").inner_all("errors"):
        code = problem.text("code")
        return (
            problem.text("message") or body.text("description"),
            code.lower() if _PROVIDER_CODE.fullmatch(code) else "",
        )
    return body.text("description"), ""


def readable_body(answer: Answer) -> Fields:
    """The envelope of any answer, as far as it can be read: empty where the body is not a JSON object."""
    try:
        return Fields(answer.json())
    except ValueError:
        return Fields(None)


def answered_records(answer: Answer) -> list[Fields]:
    """The records of a success: a list, a single one, or none where `data` is empty.

    Raises Unconfirmed for `data` of another type, besides what `open_envelope` raises.
    """
    data = open_envelope(answer).data
    if not isinstance(data, list | dict | None):
        raise Unconfirmed("The answer's data is of a wrong type.", code="unreadable_answer", answer=answer)
    return as_records(data)


def created_id(answer: Answer) -> str:
    """The id of what was created, `{"data": {"id": 294159}}`."""
    made = next(iter(answered_records(answer)), Fields(None))
    created = made.text("id")
    if not _OBJECT_ID.fullmatch(created):
        raise Unconfirmed("The answer names no id of what was created.", code="unreadable_answer", answer=answer)
    return created
