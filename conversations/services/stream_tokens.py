"""Tokens that stand for streams in addresses: signed, so nobody can guess one, and made from nothing but the row.

A token is no right: whoever brings one needs a key that sees the stream as well.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from django.conf import settings
from django.utils.encoding import force_bytes

from conversations.models import Stream

_SALT = b"conversations.stream-token"
_ID_BYTES, _SIGNATURE_BYTES = 8, 16
_LENGTH = 32  # characters of base64 without padding: both parts


def token_of(stream: Stream) -> str:
    """The token of a stream: 32 letters, digits, dashes and underscores."""
    number = stream.pk.to_bytes(_ID_BYTES, "big")
    return base64.urlsafe_b64encode(number + _signature(number, settings.SECRET_KEY)).decode()


def stream_id_of(token: str) -> int:
    """The id of the stream that a token stands for; 0, which no stream has, when we did not make it."""
    if len(token) != _LENGTH or not token.isascii():
        return 0
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return 0
    number, signature = raw[:_ID_BYTES], raw[_ID_BYTES:]
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(hmac.compare_digest(signature, _signature(number, key)) for key in keys):
        return 0
    return int.from_bytes(number, "big")


def _signature(number: bytes, key: str | bytes) -> bytes:
    own = hashlib.sha256(_SALT + force_bytes(key)).digest()
    return hmac.new(own, number, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
