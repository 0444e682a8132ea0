"""Calls about conversations that we do not have yet: providers tell things in any order."""

from __future__ import annotations

from conversations.models import WebhookEvent
from conversations.models.webhook import WebhookEventStatus


def wake(account_id: int, external_id: str) -> None:
    """A conversation has become known by this id: what was told of it before is read now, by the next sweep."""
    if external_id:
        waiting = WebhookEvent.objects.filter(account=account_id, status=WebhookEventStatus.PARKED, about=external_id)
        waiting.update(status=WebhookEventStatus.RECEIVED)
