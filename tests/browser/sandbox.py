"""What browser tests ask of the sandbox: its faults, its phones, and what the providers were really asked."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.parse
import urllib.request
from base64 import b64encode
from typing import Any

from tests.browser.conftest import Product

PATIENCE = 30  # seconds


class Sandbox:
    """The sandbox of a running product, by its JSON API (messaging/sandbox/control.py)."""

    def __init__(self, product: Product) -> None:
        self.address = product.sandbox

    def ask(self, path: str, **query: Any) -> dict[str, Any]:
        """A question."""
        return _answer_to(f"{self.address}/control/{path}/?{urllib.parse.urlencode(query)}")

    def tell(self, path: str, **body: Any) -> dict[str, Any]:
        """A change."""
        return _answer_to(f"{self.address}/control/{path}/", body)

    def fault(self, phone: str, key: str) -> None:
        """The next message to this phone meets a fault."""
        self.tell("faults", phone=phone, fault=key, times=1)

    def write(self, stream: str, text: str, phone: str) -> None:
        """A customer writes to a stream, named as people see it."""
        streams = [one for account in self.ask("accounts")["accounts"] for one in account["streams"]]
        pk = next(one["id"] for one in streams if one["name"] == stream)
        self.tell("phones", number=phone, on_sms=True, on_whatsapp=True)
        self.tell("reply", phone=phone, text=text, stream=pk)

    def on_phone(self, phone: str, text: str) -> int:
        """How often the phone holds a text of ours."""
        found = self.ask("messages", phone=phone, direction="to_phone")["messages"]
        return sum(text in one["text"] for one in found)

    def requests(self, text: str, **query: Any) -> list[dict[str, Any]]:
        """The requests to providers that carried a text, oldest first."""
        entries = self.ask("ledger", kind="request", **query)["entries"]
        return [one for one in entries if text in one["body"]]

    def expect_on_phone(self, phone: str, text: str, times: int) -> None:
        """The phone holds the text that often, soon, and no more often."""
        until = time.monotonic() + PATIENCE
        while self.on_phone(phone, text) < times and time.monotonic() < until:
            time.sleep(0.1)
        assert self.on_phone(phone, text) == times

    def call_product(self, provider: str, body: dict[str, Any]) -> None:
        """Call the product's webhook as this provider would, signed as CCAI Platform signs where it has a secret."""
        account = next(one for one in self.ask("accounts")["accounts"] if one["provider"] == provider)
        raw, moment = json.dumps(body).encode(), str(int(time.time()))
        headers = {}
        if secret := account["webhook_secrets"].get("primary"):
            digest = hmac.new(secret.encode(), moment.encode() + raw, hashlib.sha256).digest()
            headers = {"X-Signature": f"primary={b64encode(digest).decode()}", "X-Signature-Timestamp": moment}
        _answer_to(account["webhook_url"], body, headers)

    def end_session(self, phone: str) -> int:
        """CCAI Platform's agent ends the session with this phone, by the provider's own call; the chat's id."""
        (sent,) = self.ask("messages", phone=phone, direction="to_phone")["messages"]
        chat = int(sent["thread_id"])
        key = b64encode(b"fernhill:sandbox-ccai-token").decode()
        address = f"{self.address}/ccai_platform/apps/api/v1/chats/{chat}"
        wanted = {"finished_by_user_id": 1, "chat": {"status": "finished"}}
        ended = _answer_to(address, wanted, {"Authorization": f"Basic {key}"}, method="PATCH")
        assert ended["status"] == "finished"
        return chat

    def rest(self) -> None:
        """Wait until no report is left to be told."""
        assert self.ask("idle", timeout=PATIENCE) == {"pending": 0}


def _answer_to(
    address: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None, method: str | None = None
) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(address, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE + 5) as answer:
        found: dict[str, Any] = json.loads(answer.read() or b"{}")
    return found
