"""Calling webhooks as providers do."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from conversations.models import ProviderAccount, WebhookEvent
from conversations.services import inbound

AMIRA = "+447700900142"
OURS = "+447700900177"


def said(text: str, *, key: str = "evt_1", phone: str = AMIRA, to: str = OURS) -> dict[str, Any]:
    """An event of Webex Interact: a customer wrote."""
    return {
        "type": "com.interact.messages.sms.status",
        "id": key,
        "time": "2026-03-01T12:00:00Z",
        "data": {"status": "inbound", "message": text, "phone_number": phone, "inbound_number": to},
    }


def call(account: ProviderAccount, body: object, **extra: Any) -> Any:
    """Call the webhook of an account; what is not bytes goes as JSON."""
    extra.setdefault("content_type", "application/json")
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client().post(f"/hooks/{account.webhook_token}/", sent, **extra)


def read_calls() -> None:
    """What the worker does with the calls that were stored."""
    inbound.process_webhooks(list(WebhookEvent.objects.filter(status="received").values_list("pk", flat=True)))
