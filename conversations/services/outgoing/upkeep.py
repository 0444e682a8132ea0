"""What the dispatcher does for webhooks to other systems: it wakes workers, and lets old deliveries go."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from conversations.models import WebhookDelivery, WebhookSubscription
from conversations.services.outgoing import delivering

AT_ONCE = 5000
BATCH = 100


def sweep(at: datetime) -> None:
    """Wake a worker for each subscription that something is due for. While Valkey is away it waits."""
    for subscription in WebhookSubscription.objects.to_wake(at).order_by("pk").defer("secrets")[:BATCH]:
        if not delivering.hint(subscription):
            return


def forget_old(at: datetime) -> int:
    """Delete a set of deliveries that are older than WEBHOOK_LOG_DAYS, what waits for a paused one too."""
    old = WebhookDelivery.objects.filter(occurred_at__lt=at - timedelta(days=settings.WEBHOOK_LOG_DAYS))
    ids = list(old.order_by("occurred_at").values_list("pk", flat=True)[:AT_ONCE])
    return WebhookDelivery.objects.filter(pk__in=ids).delete()[0] if ids else 0
