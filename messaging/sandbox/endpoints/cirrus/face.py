"""Cirrus / CommBox: the envelope of every answer, and who may call.

Documented: `Authorization: Bearer <API key>`; `{"status", "description", "response_time", "data"}` for success and
failure; the texts "Operation successful", "Operation failed", "Unauthorized", "Not found", "Too Many Requests",
"Invalid parameters - missing mandatory field - NAME", "Object not found" (a 400). Assumed: that every operation uses
them, and the order in which fields are looked at (the order of the document).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from messaging.sandbox.calls import Answer, Call, Face, Refused
from messaging.sandbox.ids import MOST, id_in
from messaging.sandbox.models import Provider, SandboxAccount, SandboxChannel, SandboxStream
from messaging.sandbox.numbers import phones_for

_DESCRIPTIONS = {
    401: "Unauthorized",
    404: "Not found",
    405: "Not implemented",
    429: "Too Many Requests",
    501: "Not implemented",
}
_NO_DATA = object()
_FIRST_IDENTITY = 100_000_000_419_660  # a documented UserIdentity


class CirrusFace(Face):
    """Bearer keys and the CommBox envelope."""

    slug = Provider.CIRRUS

    def accounts(self, request: HttpRequest) -> Iterable[SandboxAccount]:
        """The active account whose API key is in the Authorization header."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            return []
        return SandboxAccount.objects.filter(provider=self.slug, is_active=True, credentials__api_key=key.strip())

    def refusal(self, status: int, account: SandboxAccount | None) -> Answer:
        """The envelope with the documented description; 401 has no `data`. A wrong method is 501."""
        data = _NO_DATA if status == 401 else ""
        return envelope(account, 501 if status == 405 else status, _DESCRIPTIONS.get(status, "Operation failed"), data)


FACE = CirrusFace()


def stamp(moment: datetime) -> str:
    """`2024-08-06T07:51:52.2581942Z`: seven digits of a second, as .NET prints."""
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S.%f')}0Z"


def envelope(account: SandboxAccount | None, status: int, description: str, data: Any) -> Answer:
    """An answer whose `status` repeats the HTTP status (as text for accounts that are set so)."""
    as_text = account is not None and account.status_as_text
    body = {
        "status": str(status) if as_text else status,
        "description": description,
        "response_time": stamp(timezone.now()),
    }
    if data is not _NO_DATA:
        body["data"] = data
    return Answer(status, body)


def success(call: Call, data: Any = "") -> Answer:
    """200, "Operation successful"."""
    return envelope(call.account, 200, "Operation successful", data)


def refused(call: Call, description: str, status: int = 400, data: Any = "") -> Refused:
    """A refusal in the envelope, to be raised."""
    return Refused(envelope(call.account, status, description, data))


def missing(call: Call, field: str) -> Refused:
    """The documented 400 for a field that is not there."""
    return refused(call, f"Invalid parameters - missing mandatory field - {field}")


def wrong(call: Call, field: str) -> Refused:
    """A 400 for a field whose value cannot be used (assumed wording)."""
    return refused(call, f"Invalid parameters - {field}")


def not_found(call: Call) -> Refused:
    """404 "Not found"."""
    return Refused(FACE.refusal(404, call.account))


def payload(call: Call) -> Any:
    """What is under `data`, from a JSON body or from a form field holding JSON. Raises Refused without it."""
    if call.request.content_type == "application/x-www-form-urlencoded":
        try:
            value = json.loads(call.request.POST.get("data", ""))
        except ValueError:
            raise missing(call, "data") from None
    else:
        body = call.data()
        value = body.get("data") if isinstance(body, dict) else None
    if not isinstance(value, dict | list):
        raise missing(call, "data")
    return value


def fields(call: Call) -> dict[str, Any]:
    """`payload` where it has to be an object."""
    value = payload(call)
    if not isinstance(value, dict):
        raise missing(call, "data")
    return value


def required(call: Call, values: Mapping[str, Any], name: str) -> Any:
    """A field that must be there and not blank."""
    value = values.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise missing(call, name)
    return value


def whole_number(call: Call, values: Mapping[str, Any], name: str, default: int = 0) -> int:
    """An integer field, written as a number or as text; Refused for anything else."""
    value = values.get(name, default)
    if value is None or value == "":
        return default
    try:
        if isinstance(value, bool | float):
            raise ValueError
        number = int(value)
        if not -MOST <= number <= MOST:
            raise ValueError
    except (TypeError, ValueError):
        raise wrong(call, name) from None
    return number


def content_of(call: Call, values: Mapping[str, Any]) -> dict[str, Any]:
    """`Content`, documented as a JSON string and sent as an object in every example: both are taken."""
    value = values.get("Content")
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except ValueError:
            raise wrong(call, "Content") from None
    if not value:
        return {}
    if not isinstance(value, dict):
        raise wrong(call, "Content")
    return value


def stream_by_encrypted(call: Call, encrypted_id: str, channel: SandboxChannel) -> SandboxStream:
    """The account's active stream on `channel` with this encrypted id; Refused with 404 otherwise."""
    stream = call.account.streams.filter(encrypted_id=encrypted_id, channel=channel, is_active=True).first()
    if stream is None:
        raise not_found(call)
    return stream


def stream_by_any(call: Call, stream_id: str) -> SandboxStream:
    """The account's active stream by its number or its encrypted id; Refused with 404 otherwise."""
    streams = call.account.streams.filter(is_active=True)
    stream = streams.filter(encrypted_id=stream_id).first()
    if stream is None and (number := id_in(stream_id)):
        stream = streams.filter(stream_id=number).first()
    if stream is None:
        raise not_found(call)
    return stream


def identity_of(number: str) -> int:
    """Cirrus's number for a person: the same for the same E.164 number, 0 for somebody without one."""
    return _FIRST_IDENTITY + phones_for([number])[number].pk if number else 0
