"""What a report is about: which days, which streams, and whether times are counted in working hours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from django.utils import timezone

from conversations.models import Stream, Team, User

LONGEST = 366  # days
_DAY = timedelta(days=1)


class Period(StrEnum):
    """The days that can be chosen by name."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    WEEK = "7d"
    FOUR_WEEKS = "28d"
    QUARTER = "90d"
    MONTH = "month"
    LAST_MONTH = "last-month"
    CHOSEN = "chosen"

    @property
    def words(self) -> str:
        """What people call it."""
        return _WORDS[self]

    def days(self, today: date) -> tuple[date, date]:
        """Its first and its last day. CHOSEN has none of its own."""
        match self:
            case Period.TODAY | Period.CHOSEN:
                return today, today
            case Period.YESTERDAY:
                return today - _DAY, today - _DAY
            case Period.MONTH:
                return today.replace(day=1), today
            case Period.LAST_MONTH:
                last = today.replace(day=1) - _DAY
                return last.replace(day=1), last
            case _:
                return today - (_LENGTHS[self] - 1) * _DAY, today


_WORDS = {
    Period.TODAY: "Today",
    Period.YESTERDAY: "Yesterday",
    Period.WEEK: "Last 7 days",
    Period.FOUR_WEEKS: "Last 28 days",
    Period.QUARTER: "Last 90 days",
    Period.MONTH: "This month",
    Period.LAST_MONTH: "Last month",
    Period.CHOSEN: "Chosen days",
}
_LENGTHS = {Period.WEEK: 7, Period.FOUR_WEEKS: 28, Period.QUARTER: 90}


@dataclass(frozen=True, slots=True)
class Scope:
    """A report's question. `streams` are those that the user may see, and no others; days are the site's."""

    user: User
    streams: tuple[Stream, ...]
    first: date
    last: date
    period: Period = Period.WEEK
    stream: Stream | None = None
    team: Team | None = None
    working: bool = True

    @property
    def stream_ids(self) -> list[int]:
        """The ids of the streams."""
        return [one.pk for one in self.streams]

    @property
    def since(self) -> datetime:
        """When the first day begins."""
        return midnight(self.first)

    @property
    def until(self) -> datetime:
        """When the day after the last begins."""
        return midnight(self.last + _DAY)

    @property
    def days(self) -> list[date]:
        """Every day."""
        return [self.first + number * _DAY for number in range((self.last - self.first).days + 1)]

    @property
    def before(self) -> Scope:
        """As many days, right before."""
        length = (self.last - self.first) + _DAY
        return replace(self, first=self.first - length, last=self.first - _DAY, period=Period.CHOSEN)

    @property
    def is_narrowed(self) -> bool:
        """Is it about fewer streams than the user may see?"""
        return self.stream is not None or self.team is not None

    @property
    def hours_words(self) -> str:
        """How times are counted."""
        return "in working hours" if self.working else "around the clock"

    @property
    def before_words(self) -> str:
        """What it is compared with."""
        number = len(self.days)
        return "the day before" if number == 1 else f"the {number} days before"


def midnight(day: date) -> datetime:
    """When a day of the site begins."""
    return datetime.combine(day, time(0), tzinfo=timezone.get_current_timezone())
