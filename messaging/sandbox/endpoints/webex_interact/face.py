"""Webex Interact: who may call, and the list of errors that a refusal is.

Documented: `X-AUTH-KEY`; `{"errors": [{"field", "message", "code"}]}` with 10006 for a field. Assumed: the bodies of
401 (code 10001), 404, 405, 429 and 5xx.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest

from messaging.sandbox.calls import Answer, Face, Refused
from messaging.sandbox.models import Provider, SandboxAccount

FIELD_ERROR = 10006
_MESSAGES = {404: "not found", 405: "method not allowed", 429: "too many requests"}


class WebexFace(Face):
    """An access key in X-AUTH-KEY, and errors as a list."""

    slug = Provider.WEBEX_INTERACT

    def accounts(self, request: HttpRequest) -> Iterable[SandboxAccount]:
        """The active account with this access key."""
        key = request.headers.get("X-Auth-Key", "")
        if not key:
            return []
        return SandboxAccount.objects.filter(provider=self.slug, is_active=True, credentials__access_key=key)

    def refusal(self, status: int, account: SandboxAccount | None) -> Answer:
        """One error without a field."""
        error: dict[str, Any] = {"message": _MESSAGES.get(status, "internal server error")}
        if status == 401:
            error = {"message": "invalid access token", "code": 10001}
        return Answer(status, {"errors": [error]})


FACE = WebexFace()


def field_error(field: str, message: str) -> Refused:
    """The documented 400 about one field, to be raised."""
    return Refused(Answer(400, {"errors": [{"field": field, "message": message, "code": FIELD_ERROR}]}))


def stamp(moment: datetime) -> str:
    """`2025-06-25T12:08:43Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
