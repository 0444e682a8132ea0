"""CCAI Platform: HTTP Basic with any user name and our key as the password, and `{"message": ...}`."""

from __future__ import annotations

import base64
import binascii

from django.http import HttpRequest, JsonResponse

from conversations.api.dialects.calls import Face, Refused

_MESSAGES = {
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
    503: "Service Unavailable",
}


class CcaiFace(Face):
    """Basic credentials; the document's user name is the customer's subdomain, which says nothing here."""

    def key_of(self, request: HttpRequest) -> str:
        """The password."""
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return ""
        try:
            return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""

    def refusal(self, status: int, sentence: str = "", code: str = "") -> JsonResponse:
        """One sentence under `message`."""
        return JsonResponse({"message": sentence or _MESSAGES.get(status, "Internal Server Error")}, status=status)


FACE = CcaiFace()


def refused(message: str, status: int = 400) -> Refused:
    """A documented refusal, to be raised."""
    return Refused(FACE.refusal(status, message))
