"""A worker that is killed with SIGKILL when its requests have arrived and nothing was written down yet."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from conversations.models import WebhookDelivery, WebhookSubscription
from conversations.models.outgoing import DeliveryStatus
from conversations.services.outgoing import delivering
from tests import factories
from tests.conversations.outgoing_webhooks.conftest import Consumer, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


def worker(subscription: WebhookSubscription) -> int:
    """The process id of a worker that tells it what waits, as RQ forks one for a job."""
    connection.close()
    if (pid := os.fork()) == 0:
        try:
            delivering.tell([subscription.pk])
        finally:
            os._exit(0)
    return pid


def test_what_it_had_sent_is_sent_again_with_the_same_ids(consumer: Consumer) -> None:
    subscription = subscribe(consumer.url, "message.received")
    for _ in range(2):
        factories.make_message(factories.make_conversation(), direction="in")
    consumer.delay = 0.3
    pid = worker(subscription)
    consumer.wait_for(2)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    rows = WebhookDelivery.objects.order_by("pk")
    assert [one.status for one in rows] == [DeliveryStatus.WAITING] * 2
    consumer.delay = 0
    delivering.tell([subscription.pk])
    assert len(consumer.told) == 2  # the claim still stands
    WebhookSubscription.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    delivering.tell([subscription.pk])
    ids = [one["id"] for one in consumer.told]
    assert len(ids) == 4
    assert set(ids[:2]) == set(ids[2:]) == {str(one.event_id) for one in rows}
    assert [one.status for one in rows.all()] == [DeliveryStatus.DELIVERED] * 2
