"""CCAI Platform: who may call, and the one-line bodies of its refusals.

Documented: HTTP Basic with subdomain and token; `{"message": ...}`; 404 "Not Found". Assumed: the texts for 401, 405,
429 and 5xx.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from messaging.sandbox.calls import Answer, Call, Face, Refused
from messaging.sandbox.models import Provider, SandboxAccount

_MESSAGES = {401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed", 429: "Too Many Requests"}


class CcaiFace(Face):
    """Basic credentials and `{"message": ...}`."""

    slug = Provider.CCAI_PLATFORM

    def accounts(self, request: HttpRequest) -> Iterable[SandboxAccount]:
        """The active account whose subdomain and token are in the Authorization header."""
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return []
        try:
            subdomain, _, token = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return []
        if not subdomain or not token:
            return []
        return SandboxAccount.objects.filter(
            provider=self.slug, is_active=True, credentials__subdomain=subdomain, credentials__token=token
        )

    def refusal(self, status: int, account: SandboxAccount | None) -> Answer:
        """One sentence under `message`."""
        return Answer(status, {"message": _MESSAGES.get(status, "Internal Server Error")})


FACE = CcaiFace()


def refused(message: str, status: int = 400) -> Refused:
    """A refusal in the provider's words, to be raised."""
    return Refused(Answer(status, {"message": message}))


def body_of(call: Call) -> dict[str, Any]:
    """The JSON object of the request; an unreadable one counts as empty, as parameters that were not sent."""
    body = call.data()
    return body if isinstance(body, dict) else {}


def stamp(moment: datetime | None) -> str | None:
    """`2021-10-04T17:20:51.000Z`."""
    if moment is None:
        return None
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}.{moment.microsecond // 1000:03d}Z"
