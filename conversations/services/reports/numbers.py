"""Reads the numbers that are kept, for one scope: a few statements, however many conversations there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from conversations.models import InboxCount, OptIn, ReportCount
from conversations.models.consent import ConsentEventKind
from conversations.models.report import MessageOutcome, Subject
from conversations.services.reports.scope import Scope

# What a receipt says
REPORTED = (MessageOutcome.SENT, MessageOutcome.DELIVERED, MessageOutcome.READ, MessageOutcome.LOST)
TAKEN = (MessageOutcome.ACCEPTED, *REPORTED)
ARRIVED = (MessageOutcome.DELIVERED, MessageOutcome.READ)
FAILED = (MessageOutcome.LOST, MessageOutcome.REFUSED)


class Tally:
    """How many messages there are of each outcome."""

    __slots__ = ("_number", "parts")

    def __init__(self) -> None:
        self._number: dict[str, int] = defaultdict(int)
        self.parts = 0  # of what providers took

    def add(self, outcome: str, number: int, parts: int = 0) -> None:
        """So many more."""
        self._number[outcome] += number
        if outcome in TAKEN:
            self.parts += parts

    def merge(self, other: Tally) -> None:
        """All of another one's more."""
        for outcome, number in other._number.items():
            self._number[outcome] += number
        self.parts += other.parts

    def of(self, outcomes: Iterable[str]) -> int:
        """How many have one of these outcomes."""
        return sum(self._number.get(one, 0) for one in outcomes)

    @property
    def received(self) -> int:
        """The customers' messages."""
        return self.of((MessageOutcome.RECEIVED,))

    @property
    def taken(self) -> int:
        """Ours that a provider took."""
        return self.of(TAKEN)

    @property
    def arrived(self) -> int:
        """Ours that were delivered, or read."""
        return self.of(ARRIVED)

    @property
    def reported(self) -> int:
        """Ours of which a receipt came: of the others nobody knows whether they arrived."""
        return self.of(REPORTED)


def total(tallies: Iterable[Tally]) -> Tally:
    """All of them together."""
    found = Tally()
    for one in tallies:
        found.merge(one)
    return found


@dataclass(frozen=True, slots=True)
class Times:
    """How long some conversations took: seconds, of half of them at most (typical) and of nine in ten.

    `in_time` is by what streams promise now, in working hours; `resolution_promised` leaves out those that promise
    nothing. `again` are answers after the first.
    """

    begun: int = 0
    answered: int = 0
    reply_typical: int | None = None
    reply_slow: int | None = None
    resolved: int = 0
    resolution_typical: int | None = None
    resolution_slow: int | None = None
    same_day: int = 0
    reply_in_time: int = 0
    resolution_promised: int = 0
    resolution_in_time: int = 0
    again: int = 0
    again_typical: int | None = None
    again_slow: int | None = None
    again_in_time: int = 0


@dataclass(slots=True)
class TimesBy:
    """The times of all, and of those of one person, stream or hour of the day."""

    everything: Times = field(default_factory=Times)
    person: dict[int, Times] = field(default_factory=dict)
    stream: dict[int, Times] = field(default_factory=dict)
    hour: dict[int, Times] = field(default_factory=dict)


_TIMES = """
    SELECT {key} AS person, stream_id, hour,
           count(*), count(replied_at), percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY reply),
           count(resolved_at), percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY resolution),
           count(*) FILTER (WHERE (started_at AT TIME ZONE %(zone)s)::date = (resolved_at AT TIME ZONE %(zone)s)::date),
           count(*) FILTER (WHERE reply_working <= 60 * reply_within),
           count(resolved_at) FILTER (WHERE resolve_within IS NOT NULL),
           count(*) FILTER (WHERE resolution_working <= 60 * resolve_within)
      FROM (SELECT stream_id, started_at, replied_at, resolved_at, replied_by_id, reply_working, resolution_working,
                   stream.reply_within, stream.resolve_within,
                   EXTRACT(HOUR FROM asked_at AT TIME ZONE %(zone)s)::integer AS hour,
                   {reply} AS reply, {resolution} AS resolution
              FROM conversations_conversationtimes
              JOIN conversations_stream AS stream ON stream.id = stream_id
             WHERE stream_id = ANY (%(streams)s) AND started_at >= %(since)s AND started_at < %(until)s) AS times
     GROUP BY GROUPING SETS ({sets})
"""
_AGAIN = """
    SELECT GROUPING(replied_by_id), GROUPING(stream_id), replied_by_id, stream_id,
           count(*), percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY {reply}),
           count(*) FILTER (WHERE reply_working <= 60 * COALESCE(stream.reply_again_within, stream.reply_within))
      FROM conversations_nextreply
      JOIN conversations_stream AS stream ON stream.id = stream_id
     WHERE stream_id = ANY (%(streams)s) AND asked_at >= %(since)s AND asked_at < %(until)s
     GROUP BY GROUPING SETS ((), (replied_by_id), (stream_id))
"""
_WORKING = {"reply": "reply_working", "resolution": "resolution_working"}
_ALL = {
    "reply": "floor(EXTRACT(EPOCH FROM replied_at - asked_at))::integer",
    "resolution": "CASE WHEN resolved_at < started_at THEN 0 "
    "ELSE floor(EXTRACT(EPOCH FROM resolved_at - started_at))::integer END",
}


def read_times(scope: Scope, *, working: bool, parts: bool = False) -> TimesBy:
    """The times of conversations that began in the scope; with `parts` also those of people, streams and hours."""
    sets = "(), (replied_by_id), (stream_id), (hour)" if parts else "()"
    kinds = "GROUPING(replied_by_id), GROUPING(stream_id), GROUPING(hour)" if parts else "1, 1, 1"
    statement = _TIMES.format(key="replied_by_id", sets=sets, **(_WORKING if working else _ALL))
    if not parts:
        statement = statement.replace("replied_by_id AS person, stream_id, hour,", "NULL, NULL, NULL,", 1)
    statement = statement.replace("SELECT", f"SELECT {kinds},", 1)
    found = TimesBy()
    values = {"zone": settings.TIME_ZONE, "streams": scope.stream_ids, "since": scope.since, "until": scope.until}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    for no_person, no_stream, no_hour, person, stream, hour, *numbers in rows:
        begun, answered, reply, resolved, resolution, same_day, reply_in_time, promised, resolution_in_time = numbers
        reply, resolution = reply or (None, None), resolution or (None, None)
        times = Times(
            *(begun, answered, reply[0], reply[1], resolved, resolution[0], resolution[1], same_day),
            reply_in_time=reply_in_time,
            resolution_promised=promised,
            resolution_in_time=resolution_in_time,
        )
        if not no_person and person is not None:
            found.person[person] = times
        elif not no_stream:
            found.stream[stream] = times
        elif not no_hour and hour is not None:
            found.hour[hour] = times
        elif no_person and no_stream and no_hour:
            found.everything = times
    _add_later_answers(found, scope, working=working)
    return found


def _add_later_answers(found: TimesBy, scope: Scope, *, working: bool) -> None:
    """To what customers wrote in the scope who had been answered before, whenever their conversation began."""
    statement = _AGAIN.format(reply=(_WORKING if working else _ALL)["reply"])
    with connection.cursor() as cursor:
        cursor.execute(statement, {"streams": scope.stream_ids, "since": scope.since, "until": scope.until})
        rows = cursor.fetchall()
    for no_person, no_stream, person, stream, number, reply, in_time in rows:
        typical, slow = reply or (None, None)
        again = {"again": number, "again_typical": typical, "again_slow": slow, "again_in_time": in_time}
        if not no_person:
            found.person[person] = replace(found.person.get(person, Times()), **again)
        elif not no_stream:
            found.stream[stream] = replace(found.stream.get(stream, Times()), **again)
        else:
            found.everything = replace(found.everything, **again)


_TAGGED = """
    SELECT tag.id, tag.name, count(*),
           percentile_disc(0.5) WITHIN GROUP (ORDER BY {reply}), count(replied_at),
           percentile_disc(0.5) WITHIN GROUP (ORDER BY {resolution}), count(resolved_at)
      FROM conversations_conversationtimes AS times
      JOIN conversations_conversationtag AS row ON row.conversation_id = times.conversation_id
      JOIN conversations_tag AS tag ON tag.id = row.tag_id
     WHERE stream_id = ANY (%(streams)s) AND started_at >= %(since)s AND started_at < %(until)s
     GROUP BY tag.id, tag.name
     ORDER BY count(*) DESC, lower(tag.name)
"""


def times_by_tag(scope: Scope, *, working: bool) -> list[tuple[int, str, Times]]:
    """Tag, its name and the times of conversations that began in the scope and have it now, most first."""
    statement = _TAGGED.format(**(_WORKING if working else _ALL))
    with connection.cursor() as cursor:
        cursor.execute(statement, {"streams": scope.stream_ids, "since": scope.since, "until": scope.until})
        rows = cursor.fetchall()
    return [
        (
            pk,
            name,
            Times(begun, answered, reply_typical=reply, resolved=resolved, resolution_typical=resolution),
        )
        for pk, name, begun, reply, answered, resolution, resolved in rows
    ]


def _counts(scope: Scope, subject: Subject) -> QuerySet[Any]:
    kept = ReportCount.objects.visible_to(scope.user).filter(subject=subject, stream__in=scope.stream_ids)
    return kept.filter(hour__gte=scope.since, hour__lt=scope.until, number__gt=0).order_by()


def messages_by_hour(scope: Scope) -> dict[datetime, Tally]:
    """The messages of each hour in which there were some, by when it began on the site's clock."""
    found: dict[datetime, Tally] = defaultdict(Tally)
    rows = _counts(scope, Subject.STREAM).values_list("hour", "outcome").annotate(Sum("number"))
    for hour, outcome, number in rows:
        found[timezone.localtime(hour)].add(outcome, number)
    return found


def messages_by_stream(scope: Scope) -> dict[int, Tally]:
    """The messages of each stream, with their parts."""
    return _by_id(_counts(scope, Subject.STREAM).values_list("stream", "outcome").annotate(Sum("number"), Sum("parts")))


def messages_by_subject(scope: Scope, subject: Subject) -> dict[int, Tally]:
    """The messages of each template, or of each campaign."""
    return _by_id(_counts(scope, subject).values_list("subject_id", "outcome").annotate(Sum("number"), Sum("parts")))


def _by_id(rows: QuerySet[Any]) -> dict[int, Tally]:
    found: dict[int, Tally] = defaultdict(Tally)
    for pk, outcome, number, parts in rows:
        found[pk].add(outcome, number, parts)
    return found


def sent_by_person(scope: Scope) -> dict[int, dict[date, int]]:
    """How many messages of each person were taken by a provider, by the day on which they were written."""
    found: dict[int, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    rows = _counts(scope, Subject.AUTHOR).filter(outcome__in=TAKEN)
    for person, hour, number in rows.values_list("subject_id", "hour").annotate(Sum("number")):
        found[person][timezone.localtime(hour).date()] += number
    return found


def open_by_person(scope: Scope) -> dict[int, int]:
    """How many open conversations each person has at present."""
    kept = InboxCount.objects.visible_to(scope.user).filter(stream__in=scope.stream_ids, status="open")
    rows = kept.filter(assignee__isnull=False).order_by().values_list("assignee").annotate(Sum("number"))
    return {person: number for person, number in rows if number}


def opt_outs(scope: Scope) -> QuerySet[OptIn]:
    """The decisions of customers who opted out in the scope."""
    found = OptIn.objects.visible_to(scope.user).filter(event=ConsentEventKind.OPT_OUT)
    found = found.filter(occurred_at__gte=scope.since, occurred_at__lt=scope.until)
    return found.filter(stream__in=scope.stream_ids) if scope.is_narrowed else found


def opt_outs_by(scope: Scope) -> list[tuple[str, str, int]]:
    """Channel, source and how many customers opted out that way, most first."""
    rows = opt_outs(scope).order_by().values_list("channel", "source").annotate(number=Count("pk"))
    return sorted(rows, key=lambda one: (-one[2], one[0], one[1]))
