"""The floor at this moment: who works and at what load, who waits longest, what failed, and moving somebody's work.

A bounded number of queries through the indexes of lists, whatever the size of the centre.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, Sum

from conversations.models import Conversation, InboxCount, Message, Stream, Team, TeamMembership, TeamStream, User
from conversations.models.conversation import IN_INBOX, ConversationStatus, ListOrder
from conversations.models.inbox_triggers import Urgency, first_of
from conversations.models.message import NOT_ARRIVED, Direction
from conversations.services import handling, operations
from conversations.services.clock import database_now

SOON = timedelta(minutes=15)
RECENT = timedelta(hours=1)
LONGEST = 8  # conversations that are named
MOST_REASONS = 8
_FIRST = first_of(Urgency.DUE)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who answers these streams. `open` conversations are theirs, in `waiting` of them the customer waits."""

    user: User
    open: int
    waiting: int
    waiting_since: datetime | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Messages of the last hour that did not arrive, for one reason on one stream; `example` is the last of them."""

    number: int
    example: Message


@dataclass(frozen=True, slots=True)
class Floor:
    """Everything at one moment. Counts are of the streams that somebody sees."""

    at: datetime
    waiting: int
    overdue: int
    due_soon: int
    unassigned: int
    longest: Sequence[Conversation]
    reasons: Sequence[Reason]
    failed: int
    outbox: Sequence[operations.StreamFigures]
    people: Sequence[Person]

    @property
    def outbox_depth(self) -> int:
        """Messages that have not left yet and are not for a later time."""
        return sum(depth_of(one) for one in self.outbox)


def depth_of(stream: operations.StreamFigures) -> int:
    """How many messages of a stream wait to leave, or are leaving."""
    return stream.messages.get("queued", 0) + stream.messages.get("sending", 0)


def look(user: User) -> Floor:
    """The floor as this user may see it."""
    streams = list(Stream.objects.visible_to(user).values_list("pk", flat=True))
    at = database_now()
    promised = _promised(streams)
    waiting = promised.filter(waiting_since__isnull=False)
    overdue = _due_until(promised, at).count()
    figures = operations.gather(Stream.objects.filter(pk__in=streams))
    reasons = _reasons(streams, at)
    return Floor(
        at=at,
        waiting=waiting.count(),
        overdue=overdue,
        due_soon=_due_until(promised, at + SOON).count() - overdue,
        unassigned=_number_of_open(InboxCount.objects.filter(stream__in=streams, assignee=None)),
        longest=_longest(waiting, streams),
        reasons=reasons[:MOST_REASONS],
        failed=sum(one.number for one in reasons),
        outbox=[one for one in figures.streams if depth_of(one)],
        people=_people(streams),
    )


def _promised(streams: Sequence[int]) -> Any:
    """Open conversations in which something is due: a part of the index that lists are read from, and few before it."""
    listed_by_it = Q(urgency__gte=_FIRST, urgency__lt=first_of(Urgency.WINDOW))
    listed_as_failed = Q(urgency__lt=_FIRST, due_at__isnull=False)
    return Conversation.objects.filter(
        listed_by_it | listed_as_failed, stream__in=streams, status=ConversationStatus.OPEN
    )


def _due_until(promised: Any, at: datetime) -> Any:
    return promised.filter(Q(urgency__gte=_FIRST, urgency__lte=_FIRST + _milliseconds(at)) | Q(due_at__lte=at))


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _number_of_open(counts: Any) -> int:
    return counts.filter(status=ConversationStatus.OPEN).aggregate(number=Sum("number"))["number"] or 0


def _longest(waiting: Any, streams: list[int]) -> list[Conversation]:
    first = waiting.keys_stream_by_stream(ListOrder.URGENT, streams, LONGEST)
    rows = Conversation.objects.filter(pk__in=first).select_related("contact", "stream", "assignee", "team")
    return sorted(rows, key=lambda one: (one.waiting_since or one.last_message_at, one.pk))[:LONGEST]


def _reasons(streams: Sequence[int], at: datetime) -> list[Reason]:
    lost = Message.objects.filter(
        stream__in=streams, created_at__gt=at - RECENT, direction=Direction.OUT, status__in=NOT_ARRIVED
    )
    groups: list[Any] = list(
        lost.order_by()
        .values("stream", "status", "failure_code")
        .annotate(number=Count("pk"), example=Max("pk"))
        .order_by("-number")
    )
    rows = Message.objects.select_related("stream__account").defer("stream__account__credentials")
    examples = rows.in_bulk([one["example"] for one in groups])
    return [Reason(one["number"], examples[one["example"]]) for one in groups if one["example"] in examples]


def _people(streams: Sequence[int]) -> list[Person]:
    """Those who see one of the streams by a team, and whoever has a conversation there, in the team or not any more."""
    loads: Mapping[int, int] = Counter(
        {
            row["assignee"]: row["open"]
            for row in InboxCount.objects.filter(
                stream__in=streams, status=ConversationStatus.OPEN, assignee__isnull=False
            )
            .values("assignee")
            .annotate(open=Sum("number"))
            if row["open"] > 0
        }
    )
    teams = TeamStream.objects.filter(team=OuterRef("team"), stream__in=streams)
    member = TeamMembership.objects.filter(Exists(teams), user=OuterRef("pk"))
    users = User.objects.filter(Q(Exists(member), is_active=True) | Q(pk__in=loads))
    of_each: Any = (
        Conversation.objects.filter(
            assignee__in=loads, stream__in=streams, status=ConversationStatus.OPEN, waiting_since__isnull=False
        )
        .order_by()
        .values("assignee")
        .annotate(number=Count("pk"), since=Min("waiting_since"))
    )
    waits = {row["assignee"]: (row["number"], row["since"]) for row in of_each}
    people = [Person(user, loads.get(user.pk, 0), *waits.get(user.pk, (0, None))) for user in users]
    return sorted(people, key=lambda one: (not one.user.is_active, not one.user.is_available, -one.waiting, -one.open))


def work_of(person: User, *, seen_by: User) -> Any:
    """The conversations in the inbox that somebody has, as far as another person sees them; most urgent first."""
    theirs = Conversation.objects.visible_to(seen_by).filter(assignee=person, status__in=IN_INBOX)
    return theirs.in_order(ListOrder.URGENT)


def move_work(
    person: User, *, actor: User, to: User | None = None, team: Team | None = None
) -> tuple[handling.Handled, int]:
    """Give everything that somebody has to a person, a team or, with neither, back to everybody.

    Returns what came of it, and how many are left because of MOST_AT_ONCE. Raises ValidationError (`nothing_to_move`,
    `same_person`).
    """
    if to is not None and to.pk == person.pk:
        raise ValidationError(f"{person} has them already. Choose somebody else.", code="same_person")
    theirs = list(work_of(person, seen_by=actor).values_list("pk", flat=True)[: handling.MOST_AT_ONCE])
    if not theirs:
        raise ValidationError(f"{person} has no conversation that you see.", code="nothing_to_move")
    came_of = handling.assign(theirs, actor=actor, to=to, team=team)
    return came_of, work_of(person, seen_by=actor).count() - len(came_of.refused)
