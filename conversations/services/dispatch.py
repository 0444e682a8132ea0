"""Waking workers, and the sweeps that find what no job woke.

Everything here may run at any time, on any machine, twice at once: the rows decide.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from conversations import queue
from conversations.models import AttemptResult, Message, SendAttempt, WebhookEvent
from conversations.models.message import MessageStatus as Status
from conversations.models.webhook import WebhookEventStatus
from conversations.services import lifecycle, receipts
from messaging.types import Outcome

logger = logging.getLogger(__name__)

LEADER_LOCK = 7_301_001  # any number, the same in every process: one dispatcher leads
BATCH = 500
INLINE = 40  # sent by the dispatcher itself before it sweeps again
UNHINTED_GRACE = 2.0  # seconds: whoever queued a message wakes a worker, for its whole unit, right after
GIVE_UP_AFTER = timedelta(hours=24)  # a text that waited a day for a provider is rarely wanted any more


def hint_on_commit(messages: Sequence[Message]) -> None:
    """Wake a worker for these messages, as one unit, once the present transaction has committed."""
    if ids := [message.pk for message in messages]:
        transaction.on_commit(partial(hint, ids), robust=True)


def hint(message_ids: Sequence[int]) -> bool:
    """Wake a worker now. A broker that does not answer (False) is no fault: the dispatcher comes by."""
    if not queue.hint("deliver", message_ids, queue=queue.INTERACTIVE):
        return False
    Message.objects.filter(pk__in=message_ids).update(hinted_at=timezone.now())
    return True


def hint_next_in(conversation_ids: Sequence[int], *, tried: Collection[int]) -> None:
    """Some messages of these conversations were tried: wake a worker for the first that is due and was not.

    One that was tried and is still due is left to the dispatcher: woken at once, it would be tried without end.
    """
    following = (
        Message.objects.due(timezone.now())
        .filter(conversation__in=conversation_ids)
        .order_by("conversation_id", "queued_at", "id")
        .distinct("conversation_id")
        .values_list("pk", flat=True)
    )
    for pk in following:
        if pk not in tried:
            hint([pk])


def take_the_lead() -> bool:
    """Become the one dispatcher that works, for as long as this database connection lives."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LEADER_LOCK])
        (leads,) = cursor.fetchone()
    return bool(leads)


def forget_hints() -> None:
    """The broker has lost its jobs: whatever was hinted is to be hinted again."""
    Message.objects.filter(status=Status.QUEUED).update(hinted_at=None)


def sweep(at: datetime | None = None) -> list[int]:
    """Do everything that is due; returns the ids of due messages that no worker could be woken for."""
    at = at or timezone.now()
    _expire(at)
    _give_up(at)
    _release_scheduled(at)
    _release_held(at)
    _recover_lost_claims(at)
    _wake_webhooks(at)
    return _wake_due(at)


def _expire(at: datetime) -> None:
    messages = list(Message.objects.expired(at).only("pk")[:BATCH])
    lifecycle.move(
        messages,
        Status.EXPIRED,
        come_from=(Status.SCHEDULED, Status.QUEUED, Status.HELD),
        reason="Its validity ended before it could leave",
        failure_code="expired",
        failure_text="Its validity ended before it could leave.",
    )


def _give_up(at: datetime) -> None:
    messages = list(
        Message.objects.filter(status=Status.QUEUED, queued_at__lte=at - GIVE_UP_AFTER, valid_until=None).only("pk")[
            :BATCH
        ]
    )
    lifecycle.move(
        messages,
        Status.FAILED,
        come_from=(Status.QUEUED,),
        reason="Gave up after a day",
        failure_code="gave_up",
        failure_text="The provider could not be reached for 24 hours. Nothing was sent.",
    )


def _release_scheduled(at: datetime) -> None:
    messages = list(Message.objects.filter(status=Status.SCHEDULED, scheduled_for__lte=at).only("pk")[:BATCH])
    for pk in lifecycle.move(
        messages, Status.QUEUED, come_from=(Status.SCHEDULED,), reason="Its time has come", queued_at=at
    ):
        hint([pk])


def _release_held(at: datetime) -> None:
    messages = list(
        Message.objects.filter(status=Status.HELD, held_for="undo", next_attempt_at__lte=at).only("pk")[:BATCH]
    )
    for pk in lifecycle.move(
        messages,
        Status.QUEUED,
        come_from=(Status.HELD,),
        reason="The time to undo is over",
        queued_at=at,
        next_attempt_at=None,
    ):
        hint([pk])


def _recover_lost_claims(at: datetime) -> None:
    """A worker died or froze: what it had not put on the wire goes back, what it had is unconfirmed."""
    lost = list(Message.objects.lease_over(at).only("pk", "claim", "on_wire_at")[:BATCH])
    not_on_wire = [message for message in lost if message.on_wire_at is None]
    with transaction.atomic():
        back = lifecycle.move(
            not_on_wire,
            Status.QUEUED,
            come_from=(Status.SENDING,),
            where={"lease_until__lte": at, "on_wire_at": None},
            reason="The worker was lost before anything was sent",
            claim=None,
            lease_until=None,
            hinted_at=None,
        )
        _close_results(back, Outcome.RETRY, at)
    with transaction.atomic():
        unconfirmed = lifecycle.move(
            [message for message in lost if message.on_wire_at is not None],
            Status.UNCONFIRMED,
            come_from=(Status.SENDING,),
            where={"lease_until__lte": at, "on_wire_at__isnull": False},
            reason="The worker was lost after the request was on the wire",
            lease_until=None,
            failure_code="worker_lost",
            failure_text="The sending process stopped before the provider's answer was stored.",
        )
        _close_results(unconfirmed, Outcome.UNCONFIRMED, at)
        for message in Message.objects.filter(pk__in=unconfirmed).select_related("stream"):
            receipts.apply_parked(message)


def _close_results(message_ids: Sequence[int], outcome: Outcome, at: datetime) -> None:
    open_results = AttemptResult.objects.filter(message__in=message_ids, outcome="")
    SendAttempt.objects.filter(results__in=open_results, finished_at=None).update(finished_at=at)
    open_results.update(outcome=outcome.value)


def _wake_webhooks(at: datetime) -> None:
    ids = list(
        WebhookEvent.objects.filter(status=WebhookEventStatus.RECEIVED, received_at__lte=at - timedelta(seconds=1))
        .order_by("id")
        .values_list("pk", flat=True)[:BATCH]
    )
    if ids and not queue.hint("process_webhooks", ids[:50], queue=queue.DEFAULT):
        from conversations.services.inbound import process_webhooks

        process_webhooks(ids)


def _wake_due(at: datetime) -> list[int]:
    """Hint what is due and not hinted lately; one message a conversation, since they leave in order."""
    stale = at - timedelta(seconds=settings.DELIVERY_HINT_SECONDS)
    fresh = at - timedelta(seconds=min(UNHINTED_GRACE, settings.DELIVERY_HINT_SECONDS))
    due = list(
        Message.objects.due(at)
        .filter(
            Q(hinted_at=None, queued_at__lte=fresh) | Q(hinted_at__lte=stale) | Q(hinted_at__lt=F("next_attempt_at"))
        )
        .order_by("queued_at", "id")
        .values_list("pk", flat=True)[:BATCH]
    )
    if not queue.broker_answers():
        return due[:INLINE]
    for place, pk in enumerate(due):
        if not hint([pk]):  # it answers and takes nothing: it is full, or may only be read
            return due[place : place + INLINE]
    return []
