"""The sandbox's control API: where it reports to, what customers write, what arrived on their phones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.core.exceptions import ValidationError

from messaging.transport import Transport
from messaging.types import Request


class SandboxControl:
    """Calls of one running sandbox. Methods raise a ProviderError when it does not answer."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._transport = Transport(extra_hosts={urlsplit(url).netloc})

    def get(self, action: str, **query: str) -> dict[str, Any]:
        """Ask for something: `get("messages", phone="+447700900142")`."""
        address = f"{self.url}/control/{action}/" + (f"?{urlencode(query)}" if query else "")
        return self._call(Request("GET", address))

    def post(self, action: str, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Change something. Raises ValidationError with the sandbox's own sentence when it refuses."""
        headers = {"Content-Type": "application/json"}
        return self._call(Request("POST", f"{self.url}/control/{action}/", headers, json.dumps(values or {}).encode()))

    def _call(self, request: Request) -> dict[str, Any]:
        answer = self._transport.send(request, hosts=())
        if answer.status != 200:
            said = answer.body.decode(errors="replace")[:300]
            raise ValidationError(f"The sandbox answered {answer.status}: {said}", code="sandbox_refused")
        found: dict[str, Any] = answer.json()
        return found
