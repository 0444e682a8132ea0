"""How the delivery engine is doing, for whoever watches the site: figures in a bounded number of queries.

Each counts rows through an index that holds only the rows in question, so that ten million messages which are
settled cost nothing.
"""

from __future__ import annotations

import os
import socket
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import django_rq
from django.conf import settings
from django.db.models import Count, FilteredRelation, Max, Min, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest
from redis.exceptions import RedisError
from rq.worker_registration import get_keys

from conversations import queue
from conversations.models import (
    DispatcherTick,
    Message,
    Receipt,
    SendAttempt,
    Stream,
    StreamGate,
    WebhookEvent,
    WebhookSubscription,
)
from conversations.models.account import AccountHealth
from conversations.models.message import UNSETTLED
from conversations.models.message import MessageStatus as Status
from conversations.models.outgoing import DeliveryStatus
from conversations.models.webhook import WebhookEventStatus
from conversations.services import spool
from conversations.services.clock import database_now

# What docs/operations.md tells people to be woken by; the administration complains at the same moments.
ROUND_LATE = timedelta(seconds=30)
DUE_LATE = timedelta(seconds=60)
CALLS_LATE = timedelta(seconds=60)
COUNTED = 10_000  # of rows that may pile up without end: past this, "10,000 or more" says enough


class Breaker(StrEnum):
    """What the breaker of a stream does."""

    CLOSED = "closed"  # messages leave
    OPEN = "open"  # messages wait until gate.open_until
    HALF_OPEN = "half_open"  # the next request is the probe


@dataclass(frozen=True)
class StreamFigures:
    """One stream, and what waits on it. `stream` comes with its account, without the credentials."""

    stream: Stream
    at: datetime
    messages: Mapping[str, int] = field(default_factory=dict)  # by status, of those in UNSETTLED
    leases_over: int = 0
    looked_up: int = 0  # unconfirmed messages that the provider will still be asked about
    queued_since: datetime | None = None
    unconfirmed_since: datetime | None = None
    due: int = 0
    due_since: datetime | None = None

    @property
    def gate(self) -> StreamGate:
        """Its gate; one that no message has passed yet has the values that it will be made with."""
        return getattr(self.stream, "gate", None) or StreamGate(stream=self.stream)

    @property
    def tokens(self) -> float:
        """How many requests may leave at once now."""
        return self.gate.tokens_at(self.at)

    @property
    def breaker(self) -> Breaker:
        if self.gate.open_until is None:
            return Breaker.CLOSED
        return Breaker.OPEN if self.gate.open_until > self.at else Breaker.HALF_OPEN

    @property
    def asked_to_wait_until(self) -> datetime | None:
        """Until when the provider wants no request; None when it takes them."""
        return _if_later(self.gate.paused_until, self.at)

    @property
    def paused_until(self) -> datetime | None:
        """Until when a person stopped the stream; None when nobody did."""
        return _if_later(self.stream.paused_until, self.at)

    @property
    def needs_credentials(self) -> bool:
        """Did the provider refuse the account's credentials, so that its messages wait for repair?"""
        return not self.is_switched_off and self.stream.account.health == AccountHealth.NEEDS_CREDENTIALS

    @property
    def is_switched_off(self) -> bool:
        return not (self.stream.is_active and self.stream.account.is_active)

    @property
    def is_late(self) -> bool:
        """Has a message been due for too long?"""
        return self.due_since is not None and self.at - self.due_since > DUE_LATE

    @property
    def unconfirmed(self) -> int:
        return self.messages.get(Status.UNCONFIRMED, 0)

    @property
    def needs_a_person(self) -> int:
        """Unconfirmed messages that nobody but a person can settle any more, a late report aside."""
        return self.unconfirmed - self.looked_up


@dataclass(frozen=True)
class QueueFigures:
    """One of RQ's queues: jobs that wait, and workers that are known to listen."""

    name: str
    jobs: int
    workers: int


@dataclass(frozen=True)
class CallFigures:
    """What providers told us and what has not come to anything. Counts stop at COUNTED."""

    waiting: int
    waiting_since: datetime | None
    failed: int
    never_matched: int


@dataclass(frozen=True)
class TellingFigures:
    """What other systems are still to be told, but for those that are paused, and how many are."""

    waiting: int
    waiting_since: datetime | None
    paused: int


@dataclass(frozen=True)
class Figures:
    """Everything that is watched, at one moment of PostgreSQL's clock. `queues` is None while Valkey is away."""

    at: datetime
    streams: tuple[StreamFigures, ...]
    rounds: tuple[DispatcherTick, ...]
    calls: CallFigures
    told: TellingFigures
    queues: tuple[QueueFigures, ...] | None

    def total(self, name: str) -> int:
        """A count of all streams together: a status, or the name of a field of StreamFigures."""
        if name in UNSETTLED:
            return sum(one.messages.get(name, 0) for one in self.streams)
        return sum(getattr(one, name) for one in self.streams)

    def earliest(self, name: str) -> datetime | None:
        """The earliest of a moment of all streams: `due_since`, `queued_since` or `unconfirmed_since`."""
        return min((found for one in self.streams if (found := getattr(one, name)) is not None), default=None)

    @property
    def calls_are_late(self) -> bool:
        """Has a call of a provider waited to be read for too long?"""
        since = self.calls.waiting_since
        return since is not None and self.at - since > CALLS_LATE

    @property
    def led_at(self) -> datetime | None:
        """When a dispatcher that leads last came round; None when none ever did."""
        return max((one.ticked_at for one in self.rounds if one.leads), default=None)

    @property
    def is_led(self) -> bool:
        return is_fresh(self.led_at, self.at)


def gather(streams: QuerySet[Stream] | None = None) -> Figures:
    """The figures now; with `streams`, what waits on these alone.

    Raises DatabaseError when PostgreSQL does not answer.
    """
    at = database_now()
    chosen = Stream.objects.all() if streams is None else streams
    return Figures(
        at=at,
        streams=_streams(chosen, at),
        rounds=tuple(DispatcherTick.objects.all()),
        calls=_calls(at),
        told=_told(),
        queues=_queues(),
    )


def led_at() -> datetime | None:
    """When a dispatcher that leads last came round; None when none ever did."""
    return DispatcherTick.objects.filter(leads=True).aggregate(at=Max("ticked_at"))["at"]


def is_fresh(round_at: datetime | None, at: datetime) -> bool:
    """Was a round recent enough at a moment? A site may have set longer rounds than ROUND_LATE allows."""
    late = max(ROUND_LATE, timedelta(seconds=3 * settings.DISPATCHER_TICK_SECONDS))
    return round_at is not None and at - round_at <= late


def numbered() -> dict[str, int]:
    """The highest number that was given to a message, a request, a call and a report: it only grows.

    Numbers are given once and a few are skipped, so these count what there has been as well as a counter needs to.
    """
    tables = {"messages": Message, "attempts": SendAttempt, "webhook_events": WebhookEvent, "receipts": Receipt}
    return {name: table._default_manager.aggregate(highest=Max("pk"))["highest"] or 0 for name, table in tables.items()}


def note_tick(*, leads: bool) -> None:
    """Write down that this host's dispatcher has come round, and how its spool looks.

    A host has one row: beside one that leads, a second dispatcher of the same host has nothing to add.
    """
    host, at = socket.gethostname()[:200], database_now()
    leader = DispatcherTick.objects.filter(host=host, leads=True).exclude(process_id=os.getpid()).first()
    if not leads and leader is not None and is_fresh(leader.ticked_at, at):
        return
    waiting, set_aside = spool.count()
    DispatcherTick.objects.update_or_create(
        host=host,
        defaults={
            "process_id": os.getpid(),
            "leads": leads,
            "ticked_at": at,
            "spool_files": waiting,
            "spool_set_aside": set_aside,
            "spool_has_room": spool.has_room(),
        },
    )


def _streams(streams: QuerySet[Stream], at: datetime) -> tuple[StreamFigures, ...]:
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    unsettled = Message.objects.filter(status__in=UNSETTLED).order_by()
    for row in unsettled.values("stream", "status").annotate(
        number=Count("pk"),
        over=Count("pk", filter=Q(lease_until__lte=at)),
        asked=Count("pk", filter=Q(next_lookup_at__isnull=False)),
        queued=Min("queued_at"),
        on_wire=Min(Coalesce("on_wire_at", "created_at")),
    ):
        figures = found[row["stream"]]
        figures.setdefault("messages", {})[row["status"]] = row["number"]
        if row["status"] == Status.SENDING:
            figures["leases_over"] = row["over"]
        elif row["status"] == Status.QUEUED:
            figures["queued_since"] = row["queued"]
        elif row["status"] == Status.UNCONFIRMED:
            figures |= {"looked_up": row["asked"], "unconfirmed_since": row["on_wire"]}
    since = Greatest("queued_at", "next_attempt_at")  # PostgreSQL's passes over a null
    due = Message.objects.due(at).order_by().values("stream").annotate(number=Count("pk"), since=Min(since))
    for stream, number, since_when in due.values_list("stream", "number", "since"):
        found[stream] |= {"due": number, "due_since": since_when}
    rows = streams.select_related("account", "gate").defer("account__credentials").order_by("name")
    return tuple(StreamFigures(stream=stream, at=at, **found.get(stream.pk, {})) for stream in rows)


def _calls(at: datetime) -> CallFigures:
    waiting = WebhookEvent.objects.filter(status=WebhookEventStatus.RECEIVED).aggregate(
        number=Count("pk"), since=Min("received_at")
    )
    failed = WebhookEvent.objects.filter(status=WebhookEventStatus.FAILED)
    return CallFigures(
        waiting=waiting["number"],
        waiting_since=waiting["since"],
        failed=failed.order_by()[:COUNTED].count(),
        never_matched=Receipt.objects.never_matched(at).order_by()[:COUNTED].count(),
    )


def _told() -> TellingFigures:
    is_waiting = FilteredRelation("deliveries", condition=Q(deliveries__status=DeliveryStatus.WAITING))
    goes_on = Q(paused_at=None)
    found = WebhookSubscription.objects.annotate(waits=is_waiting).aggregate(
        waiting=Count("waits", filter=goes_on),
        waiting_since=Min("waits__occurred_at", filter=goes_on),
        paused=Count("pk", filter=~goes_on, distinct=True),
    )
    return TellingFigures(**found)


def _queues() -> tuple[QueueFigures, ...] | None:
    try:
        return tuple(_queue(name) for name in queue.QUEUES)
    except RedisError:
        return None


def _queue(name: str) -> QueueFigures:
    waiting = django_rq.get_queue(name)
    known = get_keys(waiting)
    # The set of workers keeps one that was killed; its own record ends by itself.
    return QueueFigures(name, jobs=waiting.count, workers=waiting.connection.exists(*known) if known else 0)


def _if_later(moment: datetime | None, at: datetime) -> datetime | None:
    return moment if moment is not None and moment > at else None
