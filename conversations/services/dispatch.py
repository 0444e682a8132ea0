"""Waking workers, and the sweeps that find what no job woke.

Everything here may run at any time, on any machine, twice at once: the rows decide.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from conversations import queue
from conversations.models import AttemptResult, Campaign, CampaignChunk, Message, SendAttempt, Stream, WebhookEvent
from conversations.models.campaign import CampaignStatus, ChunkStatus
from conversations.models.composed import Given, Question
from conversations.models.message import MessageStatus as Status
from conversations.models.webhook import WebhookEventStatus
from conversations.services import attachments, lifecycle, lookups, pacing, receipts, retention
from conversations.services.clock import database_now
from conversations.services.handling import upkeep
from conversations.services.outgoing import upkeep as outgoing
from conversations.services.reports import keeping
from messaging.types import Outcome

logger = logging.getLogger(__name__)

LEADER_LOCK = 7_301_001  # any number, the same in every process: one dispatcher leads
BATCH = 500
SHORTEST_NAP = 0.05  # seconds between two sweeps
INLINE = 40  # sent by the dispatcher itself before it sweeps again
UNHINTED_GRACE = 2.0  # seconds: whoever queued a message wakes a worker, for its whole unit, right after
GIVE_UP_AFTER = timedelta(hours=24)  # a text that waited a day for a provider is rarely wanted any more


def hint_on_commit(messages: Sequence[Message]) -> None:
    """Wake a worker for these messages, as one unit, once the present transaction has committed."""
    if ids := [message.pk for message in messages]:
        _note_hint(ids)
        # No partial: Django names the function in its log when a robust one fails.
        transaction.on_commit(lambda: _wake(ids), robust=True)


def hint(message_ids: Sequence[int]) -> bool:
    """Wake a worker now. A broker that does not answer (False) is no fault: the dispatcher comes by."""
    _note_hint(message_ids)
    return _wake(message_ids)


def _note_hint(message_ids: Sequence[int]) -> None:
    """Before the worker wakes: it is quick, and passes by a row that somebody is writing."""
    Message.objects.filter(pk__in=message_ids).update(hinted_at=Now())  # by the clock that `_wake_due` asks


def _wake(message_ids: Sequence[int]) -> bool:
    # A unit of several is bulk: an agent's reply does not wait behind it.
    if queue.hint("deliver", message_ids, queue=queue.INTERACTIVE if len(message_ids) == 1 else queue.BULK):
        return True
    Message.objects.filter(pk__in=message_ids).update(hinted_at=None)
    return False


def hint_next_after(tried: Collection[int]) -> None:
    """These messages were tried: wake a worker for the first of each of their conversations that is due and was not.

    One that was tried and is still due is left to the dispatcher: woken at once, it would be tried without end.
    """
    for (pk,) in _NEXT_AFTER.ask(tried=list(tried)):
        if pk not in tried:
            hint([pk])


def _next_after() -> QuerySet[Message, Any]:
    conversations = Message.objects.filter(pk__one_of=Given("tried")).values("conversation")
    due = Message.objects.due(Now()).filter(conversation__in=conversations)
    return due.order_by("conversation_id", "queued_at", "id").distinct("conversation_id").values_list("pk")


_NEXT_AFTER = Question(_next_after)


def hint_next_on_commit(stream: Stream) -> None:
    """Wake a worker for the message of this stream that comes next, once the present transaction has committed."""

    def hint_next() -> None:
        due = Message.objects.due(database_now()).filter(stream=stream).order_by("queued_at", "id")
        if (pk := due.values_list("pk", flat=True).first()) is not None:
            hint([pk])

    transaction.on_commit(hint_next, robust=True)


def take_the_lead() -> bool:
    """Become the one dispatcher that works, for as long as this database connection lives."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LEADER_LOCK])
        (leads,) = cursor.fetchone()
    return bool(leads)


def forget_hints() -> None:
    """The broker has lost its jobs: whatever was hinted is to be hinted again."""
    Message.objects.filter(status=Status.QUEUED).update(hinted_at=None)
    CampaignChunk.objects.filter(status=ChunkStatus.READY).update(hinted_at=None)
    with transaction.atomic():  # passing by those at which a worker is
        waiting = Campaign.objects.filter(status=CampaignStatus.CHECKING).select_for_update(
            no_key=True, skip_locked=True
        )
        Campaign.objects.filter(pk__in=list(waiting.values_list("pk", flat=True))).update(hinted_at=None)


def sweep(at: datetime | None = None) -> list[int]:
    """Do everything that is due; returns the ids of due messages that no worker could be woken for."""
    at = at or database_now()
    for step in (
        _expire,
        _give_up,
        _release_scheduled,
        _release_held,
        _recover_lost_claims,
        _look_up,
        upkeep.sweep,
        _keep_reports,
        attachments.sweep,
        _see_to_campaigns,
        _poll_sessions,
        _see_to_the_mirror,
        retention.sweep,
        _wake_webhooks,
        outgoing.sweep,
    ):
        try:
            step(at)
        except (InterfaceError, OperationalError):
            raise  # the database is away: for the dispatcher to say
        except Exception:
            logger.exception("The step %s of the sweep broke; the others go on.", step.__name__)
    return _wake_due(at)


def seconds_until_due(longest: float) -> float:
    """How long until a waiting message may be tried again, at most `longest` seconds."""
    now = database_now()
    waiting = Message.objects.filter(status=Status.QUEUED, next_attempt_at__gt=now)
    first = waiting.order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()
    return longest if first is None else min(longest, max((first - now).total_seconds(), SHORTEST_NAP))


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
    """A worker died or froze: what it had not put on the wire goes back, what it had is unconfirmed.

    What is not on the wire goes back as soon as the worker's session in PostgreSQL is gone: should the worker
    live, its claim is over. What is on the wire waits for the lease, since a worker that lives has the answer.
    """
    orphaned = SendAttempt.objects.orphaned().filter(on_wire_at=None)
    over = Q(lease_until__lte=at) | Q(claim__in=list(orphaned.values_list("claim", flat=True)[:BATCH]))
    not_on_wire = Message.objects.filter(over, status=Status.SENDING, on_wire_at=None)
    with transaction.atomic():
        back = lifecycle.move(
            _locked(not_on_wire),
            Status.QUEUED,
            come_from=(Status.SENDING,),
            reason="The worker was lost before anything was sent",
            claim=None,
            lease_until=None,
            hinted_at=None,
        )
        _close_results(back, Outcome.RETRY, at)
    on_wire = Message.objects.lease_over(at).filter(on_wire_at__isnull=False)
    with transaction.atomic():
        unconfirmed = lifecycle.move(
            _locked(on_wire),
            Status.UNCONFIRMED,
            come_from=(Status.SENDING,),
            reason="The worker was lost after the request was on the wire",
            lease_until=None,
            failure_code="worker_lost",
            failure_text="The sending process stopped before the provider's answer was stored.",
        )
        _close_results(unconfirmed, Outcome.UNCONFIRMED, at)
        for message in Message.objects.filter(pk__in=unconfirmed).select_related("stream__account"):
            lookups.begin(message, at=at)
            receipts.apply_parked(message)


def _locked(messages: QuerySet[Message]) -> list[Message]:
    """The first of them, locked as they are until the transaction ends."""
    return list(messages.select_for_update(no_key=True).order_by("pk").only("pk")[:BATCH])


def _close_results(message_ids: Sequence[int], outcome: Outcome, at: datetime) -> None:
    open_results = AttemptResult.objects.filter(message__in=message_ids, outcome="")
    attempts = SendAttempt.objects.filter(results__in=open_results, finished_at=None)
    streams = list(Stream.objects.filter(attempts__in=attempts).distinct())
    attempts.update(finished_at=at)
    open_results.update(outcome=outcome.value)
    for stream in streams:
        if pacing.let_next(stream):
            hint_next_on_commit(stream)


def _look_up(at: datetime) -> None:
    if ids := lookups.take_due(at):
        queue.hint("look_up", ids, queue=queue.DEFAULT)


def _poll_sessions(at: datetime) -> None:
    from conversations.services import session_polling  # it receives messages, which wake workers from here

    if ids := session_polling.take_due(at):
        queue.hint("poll_sessions", ids, queue=queue.DEFAULT)


def _see_to_campaigns(at: datetime) -> None:
    from conversations.services.campaigns import upkeep  # they record outcomes, which wake workers from here

    upkeep.sweep(at)


def _keep_reports(at: datetime) -> None:
    keeping.keep_up()


def _see_to_the_mirror(at: datetime) -> None:
    from conversations.services.mirror import upkeep  # what it pushes wakes messages from here

    upkeep.sweep(at)


def _wake_webhooks(at: datetime) -> None:
    ids = list(
        WebhookEvent.objects.filter(status=WebhookEventStatus.RECEIVED, received_at__lte=at - timedelta(seconds=1))
        .order_by("id")
        .values_list("pk", flat=True)[:BATCH]
    )
    if ids and not queue.hint_once("process_webhooks", queue=queue.DEFAULT):
        from conversations.services.inbound import process_webhooks

        process_webhooks(ids)


def _wake_due(at: datetime) -> list[int]:
    """Hint what is due and was not hinted lately."""
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
