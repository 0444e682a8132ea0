"""Telling one subscription what waits for it: the claim, rounds of requests, and what became of them.

A worker holds the subscription while it tells it something, so nothing overtakes. A round is at most ROUND requests
at once, each from another line (a conversation, say), of which only the first may leave. What a worker dies with was
not written down as delivered: it is sent again, with the same id.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DataError, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from conversations import queue
from conversations.models import WebhookDelivery, WebhookSubscription
from conversations.models.outgoing import DeliveryStatus
from conversations.services.clock import database_now
from conversations.services.outgoing import posting, subscriptions
from conversations.services.outgoing.bodies import body_of

logger = logging.getLogger(__name__)

ROUND = 8  # requests at once
GO_ON_SECONDS = 10.0  # so long a job goes on; then other jobs have their turn
SLOW_SECONDS = 1.0  # who takes longer to answer waits behind bulk, where it holds up no customer's message
GIVE_UP_AFTER = timedelta(hours=24)
FIRST_WAIT = 5.0  # seconds, doubled with every try
LONGEST_WAIT = 3600.0
LONGEST_PROBE = 300.0  # between two rounds to somebody who answers nothing well
LEASE = timedelta(seconds=30)


def hint(subscription: WebhookSubscription) -> bool:
    """Wake a worker for a subscription; the dispatcher does so for whatever waits."""
    name = queue.BULK if subscription.is_slow else queue.DEFAULT
    return queue.hint("tell_subscribers", [subscription.pk], queue=name)


def tell(subscription_ids: Sequence[int]) -> None:
    """Tell these subscriptions what waits for them; harmless when called twice, late, or at once by two workers.

    Never raises for what the other side does: what happened is on the rows.
    """
    for pk in subscription_ids:
        claim = _claim(pk)
        if claim is None:
            continue
        ends = time.monotonic() + GO_ON_SECONDS
        while _round(pk, claim) and time.monotonic() < ends:
            continue
        free = WebhookSubscription.objects.filter(pk=pk, claim=claim)
        free.update(claim=None, lease_until=None)


def _claim(pk: int) -> uuid.UUID | None:
    claim, now = uuid.uuid4(), database_now()
    due = WebhookSubscription.objects.to_wake(now).filter(pk=pk)
    # The lease stands outside too: whoever waited for another's claim looks at it again, and at nothing within.
    free = WebhookSubscription.objects.filter(Q(lease_until=None) | Q(lease_until__lte=now), pk__in=due)
    return claim if free.update(claim=claim, lease_until=now + _lease()) else None


def _lease() -> timedelta:
    return LEASE + timedelta(seconds=settings.WEBHOOK_TOTAL_SECONDS)


def _round(pk: int, claim: uuid.UUID) -> bool:
    """Send what is first in line and write down what came of it; False when this job should end here."""
    now = database_now()
    mine = WebhookSubscription.objects.filter(pk=pk, claim=claim, paused_at=None)
    if not mine.update(lease_until=now + _lease()):
        return False
    subscription = mine.select_related("owner").first()
    if subscription is None or not subscriptions.owner_may_be_told(subscription):
        return False
    size = 1 if subscription.failures else ROUND
    due = subscription.deliveries.due(now).first_in_line().order_by("next_try_at", "id")
    found = list(due[:size])
    letters = _letters(found, subscription, now)
    if not letters:
        return bool(found)
    signed_with = subscription.signing_secrets(now)

    def send(letter: posting.Letter) -> posting.Reply:
        return posting.send(subscription.url, letter, secrets=signed_with, timestamp=int(now.timestamp()))

    if len(letters) == 1:
        replies = [send(letters[0])]
    else:
        with ThreadPoolExecutor(ROUND) as threads:
            replies = list(threads.map(send, letters))
    return _record(pk, claim, replies, {one.pk: one for one in found})


def _letters(
    found: Sequence[WebhookDelivery], subscription: WebhookSubscription, now: datetime
) -> list[posting.Letter]:
    """What is to be sent for these; what the owner may not see, or what cannot be told, is put aside."""
    letters, hidden, unreadable = [], [], []
    for one in found:
        try:
            with transaction.atomic():
                body = body_of(one, subscription.owner)
        except (KeyError, TypeError, ValueError, DataError) as error:
            # One row that says something odd must not hold up what comes after it. Its words stay out of the log.
            logger.error("Webhook delivery %s cannot be told: %s", one.pk, type(error).__name__)
            unreadable.append(one.pk)
            continue
        if body is None:
            hidden.append(one.pk)
        else:
            letters.append(posting.Letter(one.pk, str(one.event_id), one.kind, body))
    for pks, status, problem in (
        (hidden, DeliveryStatus.SKIPPED, "Its owner does not see this, or it is gone."),
        (unreadable, DeliveryStatus.FAILED, "What it is about could not be read. The log names the kind of error."),
    ):
        if pks:
            waiting = WebhookDelivery.objects.filter(pk__in=pks, status=DeliveryStatus.WAITING)
            waiting.update(status=status, last_tried_at=now, problem=problem)
    return letters


def _record(pk: int, claim: uuid.UUID, replies: Sequence[posting.Reply], sent: dict[int, WebhookDelivery]) -> bool:
    """Write down what a round came to; True when the next may follow at once."""
    now = database_now()
    arrived = [one for one in replies if not one.problem]
    slowest = max(one.seconds for one in replies)
    with transaction.atomic():
        subscription = WebhookSubscription.objects.select_for_update(no_key=True).filter(pk=pk).first()
        if subscription is None:
            return False  # somebody has deleted it, and its log with it
        for reply in arrived:
            _write(reply, now, status=DeliveryStatus.DELIVERED)
        failing_since = None if arrived else subscription.failing_since or now
        failures = 0 if arrived else subscription.failures + 1
        gives_up = failing_since is not None and failing_since <= now - GIVE_UP_AFTER
        for reply in replies:
            if reply.problem:
                _put_off(reply, sent[reply.delivery_id], now, is_last=not gives_up)
        changes: dict[str, Any] = {
            "failing_since": failing_since,
            "failures": failures,
            "is_slow": not arrived or slowest > SLOW_SECONDS,
            "next_try_at": now + _wait(failures - 3, LONGEST_PROBE) if failures > 3 else None,
        }
        WebhookSubscription.objects.filter(pk=pk).update(**changes)
        if gives_up and subscription.paused_at is None:
            text = next(one.problem for one in replies if one.problem)
            subscriptions.pause_by_itself(subscription, reason=f"Nothing arrived for a day. {text}")
    if subscription.claim != claim or subscription.paused_at is not None:
        return False
    return bool(arrived) and slowest <= SLOW_SECONDS


def _write(reply: posting.Reply, now: datetime, **changes: Any) -> None:
    WebhookDelivery.objects.filter(pk=reply.delivery_id, status=DeliveryStatus.WAITING).update(
        tries=F("tries") + 1,
        first_tried_at=Coalesce("first_tried_at", now),
        last_tried_at=now,
        answered=reply.status,
        seconds=round(reply.seconds, 3),
        problem=reply.problem,
        **changes,
    )


def _put_off(reply: posting.Reply, delivery: WebhookDelivery, now: datetime, *, is_last: bool) -> None:
    """It is tried again later; after a day no more, where others arrive meanwhile (`is_last`)."""
    since = delivery.first_tried_at
    if is_last and since is not None and since <= now - GIVE_UP_AFTER:
        _write(reply, now, status=DeliveryStatus.FAILED)
    else:
        _write(reply, now, next_try_at=now + _wait(delivery.tries, LONGEST_WAIT))


def _wait(tries: int, longest: float) -> timedelta:
    wait = min(longest, FIRST_WAIT * 2 ** min(tries, 12))
    return timedelta(seconds=wait * random.uniform(0.8, 1.0))  # noqa: S311 jitter, no secret
