"""Seconds in working hours between two moments. No database and no clock: rules alone.

Hours are those on the clock of their time zone. On the days when clocks change, a period that holds the change is an
hour shorter or longer, as it is for the people who work then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

MIDNIGHT = time(0)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Calendar:
    """A week of working hours: by weekday (Monday is 0) pairs of opening and closing; closing at 00:00 is midnight."""

    zone: ZoneInfo
    week: Mapping[int, Collection[tuple[time, time]]]
    holidays: frozenset[date] = field(default_factory=frozenset)

    @cached_property
    def _seconds_of_day(self) -> dict[date, int]:
        """What whole days come to, as they are asked for."""
        return {}

    def periods(self, day: date) -> Iterable[tuple[datetime, datetime]]:
        """When somebody is there on that day, in UTC; periods that overlap are one."""
        if day in self.holidays:
            return
        until: datetime | None = None
        for opens, closes in sorted(self.week.get(day.weekday(), ()), key=lambda one: one[0]):
            begins = self._moment(day, opens)
            ends = self._moment(day + _DAY if closes == MIDNIGHT else day, closes)
            if until is not None:
                begins = max(begins, until)
            if ends > begins:
                yield begins, ends
                until = ends

    def seconds_of(self, day: date) -> int:
        """How long somebody is there on that day."""
        kept = self._seconds_of_day
        if day not in kept:
            kept[day] = sum((ends - begins) // _SECOND for begins, ends in self.periods(day))
        return kept[day]

    def _moment(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, tzinfo=self.zone).astimezone(UTC)


def working_seconds(since: datetime, until: datetime, calendar: Calendar | None) -> int:
    """Whole seconds in working hours from `since` to `until` (aware); 0 when the second is not later.

    Without a calendar every second counts.
    """
    since, until = since.astimezone(UTC), until.astimezone(UTC)  # times of one zone are subtracted as the clock shows
    if until <= since:
        return 0
    if calendar is None:
        return (until - since) // _SECOND
    first, last = (moment.astimezone(calendar.zone).date() for moment in (since, until))
    if first == last:
        return _within(first, since, until, calendar) // _SECOND
    ends = _within(first, since, until, calendar) + _within(last, since, until, calendar)
    between = sum(calendar.seconds_of(first + number * _DAY) for number in range(1, (last - first).days))
    return between + ends // _SECOND


def _within(day: date, since: datetime, until: datetime, calendar: Calendar) -> timedelta:
    """The part of a day's periods that lies between the two."""
    spans = ((max(begins, since), min(ends, until)) for begins, ends in calendar.periods(day))
    return sum((ends - begins for begins, ends in spans if ends > begins), timedelta())
