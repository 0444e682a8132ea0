"""Webex Interact: the key in X-AUTH-KEY, `{"errors": [{"field", "message", "code"}]}`, and ids of its own make."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.http import HttpRequest, JsonResponse

from conversations.api.dialects.calls import Face, Refused

FIELD_ERROR = 10006
KEY_ERROR = 10001  # the document has no body for 401; this is the one that callers' libraries look for
_MESSAGES = {
    401: "invalid access token",
    404: "not found",
    405: "method not allowed",
    429: "too many requests",
    503: "service unavailable",
}
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_EPOCH = 1_400_000_000  # seconds; a KSUID counts from here


class WebexFace(Face):
    """An access key in its header, and refusals as a list of one error."""

    def key_of(self, request: HttpRequest) -> str:
        """The header that the provider's clients send."""
        return request.headers.get("X-Auth-Key", "")

    def refusal(self, status: int, sentence: str = "", code: str = "") -> JsonResponse:
        """One error that is about no field."""
        error = {"message": sentence or _MESSAGES.get(status, "internal server error")}
        return JsonResponse({"errors": [error | ({"code": KEY_ERROR} if status == 401 else {})]}, status=status)


FACE = WebexFace()


def field_error(field: str, message: str) -> Refused:
    """The documented 400 about a field, to be raised."""
    return Refused(JsonResponse({"errors": [{"field": field, "message": message, "code": FIELD_ERROR}]}, status=400))


def ksuid(prefix: str, token: uuid.UUID, at: datetime) -> str:
    """An id as this provider writes them: the prefix, and the time and 16 bytes in 27 base-62 characters."""
    number = int.from_bytes((int(at.timestamp()) - _EPOCH).to_bytes(4, "big") + token.bytes, "big")
    digits = []
    for _ in range(27):
        number, rest = divmod(number, 62)
        digits.append(_BASE62[rest])
    return prefix + "".join(reversed(digits))
