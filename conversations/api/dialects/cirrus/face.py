"""Cirrus: the bearer key, the envelope of every answer, and how the fields of a request are read.

The texts "Operation successful", "Operation failed", "Unauthorized", "Not found", "Too Many Requests", "Object not
found" and "Invalid parameters - missing mandatory field - NAME" are the vendor's; what follows "Invalid parameters -"
beyond that is ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from conversations.api.dialects.calls import Call, Face, Refused, read_json

_DESCRIPTIONS = {
    401: "Unauthorized",
    404: "Not found",
    429: "Too Many Requests",
    501: "Not implemented",
}
NOT_IMPLEMENTED = 501


class CirrusFace(Face):
    """A key as a bearer token, and refusals in the envelope."""

    def key_of(self, request: HttpRequest) -> str:
        """The token of the Authorization header."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    def refusal(self, status: int, sentence: str = "", code: str = "") -> JsonResponse:
        """The envelope; 401 has no `data`, and a wrong method is 501 there."""
        status = NOT_IMPLEMENTED if status == 405 else status
        answer = envelope(status, sentence or _DESCRIPTIONS.get(status, "Operation failed"), "")
        if status == 401:
            answer.pop("data")
        return JsonResponse(answer, status=status)


FACE = CirrusFace()


def envelope(status: int, description: str, data: Any) -> dict[str, Any]:
    """What every answer is: `response_time` has seven digits of a second, as .NET prints it."""
    now = timezone.now().astimezone(UTC)
    stamped = f"{now:%Y-%m-%dT%H:%M:%S.%f}0Z"
    return {"status": status, "description": description, "response_time": stamped, "data": data}


def success(data: Any = "") -> JsonResponse:
    """200, "Operation successful"."""
    return JsonResponse(envelope(200, "Operation successful", data))


def refused(description: str, status: int = 400) -> Refused:
    """A refusal, to be raised."""
    return Refused(FACE.refusal(status, description), description)


def missing(field: str) -> Refused:
    """The documented 400 for a field that is not there."""
    return refused(f"Invalid parameters - missing mandatory field - {field}")


def wrong(field: str, sentence: str = "") -> Refused:
    """A 400 for a field with a value that cannot be used, and why."""
    return refused(f"Invalid parameters - {field}" + (f". {sentence}" if sentence else ""))


def payload(call: Call) -> Any:
    """What a request says: under `data`, as the vendor's examples have it, or bare, as the documents show it.

    Objects may come as a form whose field `data` is JSON. Raises Refused for what is neither.
    """
    if call.request.content_type == "application/x-www-form-urlencoded":
        value = read_json(FACE, call.request.POST.get("data", ""))
    else:
        value = call.data()
        if isinstance(value, dict) and isinstance(value.get("data"), dict | list):
            value = value["data"]
    if not isinstance(value, dict | list):
        raise missing("data")
    return value


def fields(call: Call) -> dict[str, Any]:
    """`payload`, where it has to be an object."""
    value = payload(call)
    if not isinstance(value, dict):
        raise missing("data")
    return value


def required(values: Mapping[str, Any], name: str) -> Any:
    """A field that must be there and not blank."""
    value = values.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise missing(name)
    return value


def text_in(values: Mapping[str, Any], name: str) -> str:
    """A field as text, empty where there is none; a number counts as its digits."""
    value = values.get(name)
    if value is None:
        return ""
    if isinstance(value, bool | float | dict | list):
        raise wrong(name)
    return str(value)


def number_in(values: Mapping[str, Any], name: str, default: int = 0) -> int:
    """A whole number, written as one or as text; what a row of ours could have as its id, or less."""
    text = text_in(values, name).strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise wrong(name)
    return int(text)


def object_in(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A field that is an object, or the JSON of one: the document has it both ways. Empty where there is none."""
    value = values.get(name)
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise wrong(name) from None
    if not value:
        return {}
    if not isinstance(value, dict):
        raise wrong(name)
    return value


def stamp(moment: datetime | None) -> str | None:
    """`2023-09-05T08:44:20`, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}" if moment else None
