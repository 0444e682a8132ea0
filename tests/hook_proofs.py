"""How a call to a webhook proves that it knows the secret: one entry for each provider that takes one."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple


class HookProof(NamedTuple):
    """The headers of a call at a moment, and the credentials while the secret changes from `old` to `new`."""

    headers: Callable[[bytes, str, datetime], dict[str, str]]
    changing: Mapping[str, str]

    @property
    def field(self) -> str:
        """The credential that holds the secret."""
        return next(iter(self.changing))


def _cirrus(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    return {"x-webhook-secret": secret}


def _ccai_platform(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
    return {"x-signature": f"primary={b64encode(digest).decode()}", "x-signature-timestamp": stamp}


def _webex_interact(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    return {"x-hub-signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


PROOFS: dict[str, HookProof] = {
    "ccai_platform": HookProof(_ccai_platform, {"webhook_secret_primary": "new", "webhook_secret_secondary": "old"}),
    "cirrus": HookProof(_cirrus, {"webhook_secret": "new,old"}),
    "webex_interact": HookProof(_webex_interact, {"webhook_secret": "new,old"}),
}
