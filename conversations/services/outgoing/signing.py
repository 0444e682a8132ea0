"""How a request to another system proves that it is ours: docs/webhooks.md describes it to its readers."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable

HEADER = "Parley-Signature"
PREFIX = "whsec_"


def new_secret() -> str:
    """A secret of 256 bits that nobody can guess, which begins so that people know what it is."""
    return PREFIX + secrets.token_urlsafe(32)


def signature(signing_secrets: Iterable[str], *, timestamp: int, body: bytes) -> str:
    """The value of the header: the time in seconds since 1970, and one signature for each secret.

    Each is HMAC-SHA256 with the whole secret, over the time, a full stop and the body, in hexadecimal digits.
    """
    signed = str(timestamp).encode() + b"." + body
    parts = [f"v1={hmac.new(one.encode(), signed, hashlib.sha256).hexdigest()}" for one in signing_secrets]
    return ",".join([f"t={timestamp}", *parts])
