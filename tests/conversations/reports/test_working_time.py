"""Seconds in working hours, against a count of minutes by hand, over changes of the clock and holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.services.reports.working_time import MIDNIGHT, Calendar, working_seconds

LONDON = ZoneInfo("Europe/London")
NINE_TO_FIVE = {day: [(time(9), time(17))] for day in range(5)}
OFFICE = Calendar(LONDON, NINE_TO_FIVE)
HOUR = 3600


def at(text: str) -> datetime:
    """A moment on London's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        ("2026-11-16 10:00", "2026-11-16 10:30", 0.5),
        ("2026-11-16 08:00", "2026-11-16 09:30", 0.5),
        ("2026-11-16 16:30", "2026-11-17 09:30", 1),
        ("2026-11-20 16:00", "2026-11-23 10:00", 2),  # Friday to Monday
        ("2026-11-21 10:00", "2026-11-22 18:00", 0),  # a weekend
        ("2026-11-16 17:00", "2026-11-17 09:00", 0),
        ("2026-11-16 00:00", "2026-11-30 00:00", 80),
        ("2026-11-16 11:00", "2026-11-16 10:00", 0),
        ("2026-03-27 16:00", "2026-03-30 10:00", 2),  # clocks go forward in between
    ],
)
def test_hours_that_people_would_count(since: str, until: str, hours: float) -> None:
    assert working_seconds(at(since), at(until), OFFICE) == hours * HOUR


def test_without_a_calendar_every_second_counts() -> None:
    assert working_seconds(at("2026-10-24 12:00"), at("2026-10-25 12:00"), None) == 25 * HOUR  # clocks go back


def test_nights_are_an_hour_longer_when_clocks_go_back_and_shorter_when_they_go_forward() -> None:
    nights = Calendar(LONDON, {day: [(time(0), time(6))] for day in range(7)})
    assert nights.seconds_of(date(2026, 10, 25)) == 7 * HOUR
    assert nights.seconds_of(date(2026, 3, 29)) == 5 * HOUR
    assert nights.seconds_of(date(2026, 6, 1)) == 6 * HOUR


def test_a_holiday_has_no_hours() -> None:
    closed = Calendar(LONDON, NINE_TO_FIVE, frozenset({date(2026, 12, 25)}))
    assert working_seconds(at("2026-12-24 16:00"), at("2026-12-28 10:00"), closed) == 2 * HOUR


def test_breaks_midnight_and_periods_that_overlap() -> None:
    mixed = Calendar(LONDON, {0: [(time(9), time(12)), (time(13), MIDNIGHT), (time(11), time(14))]})
    assert mixed.seconds_of(date(2026, 11, 16)) == 15 * HOUR


ZONES = st.sampled_from(["Europe/London", "America/New_York", "Asia/Kolkata", "Pacific/Chatham", "UTC"])
TIMES = st.integers(0, 47).map(lambda half: time(half // 2, 30 * (half % 2)))
PERIODS = st.lists(st.tuples(TIMES, TIMES).filter(lambda one: one[1] > one[0] or one[1] == MIDNIGHT), max_size=3)
CALENDARS = st.builds(
    Calendar,
    ZONES.map(ZoneInfo),
    st.dictionaries(st.integers(0, 6), PERIODS),
    st.frozensets(st.dates(date(2026, 3, 20), date(2026, 4, 10)), max_size=3),
)
MOMENTS = st.integers(0, 21 * 24 * 12).map(
    lambda number: datetime(2026, 3, 20, tzinfo=UTC) + timedelta(minutes=5 * number)
)


def by_hand(since: datetime, until: datetime, calendar: Calendar) -> int:
    """The same, five minutes by five minutes on the clock on the wall."""
    total, moment = 0, since
    while moment < until:
        there = moment.astimezone(calendar.zone)
        open_now = any(
            opens <= there.time().replace(tzinfo=None) and (there.time() < closes or closes == MIDNIGHT)
            for opens, closes in calendar.week.get(there.weekday(), ())
        )
        total += 300 * (open_now and there.date() not in calendar.holidays)
        moment += timedelta(minutes=5)
    return total


def on_a_change_of_clocks(calendar: Calendar) -> bool:
    """Does a period begin or end in an hour that the clock skips or shows twice? People would not agree there."""
    for day in (date(2026, 3, 20) + timedelta(days=number) for number in range(23)):
        for pair in calendar.week.get(day.weekday(), ()):
            for one in pair:
                moment = datetime.combine(day, one, tzinfo=calendar.zone)
                back = moment.astimezone(UTC).astimezone(calendar.zone).replace(tzinfo=None)
                if back != moment.replace(tzinfo=None) or moment.utcoffset() != moment.replace(fold=1).utcoffset():
                    return True
    return False


@given(CALENDARS, MOMENTS, MOMENTS)
def test_it_is_what_counting_by_hand_finds(calendar: Calendar, one: datetime, other: datetime) -> None:
    if not on_a_change_of_clocks(calendar):
        assert working_seconds(one, other, calendar) == by_hand(one, other, calendar)


@given(CALENDARS, st.lists(MOMENTS, min_size=3, max_size=3).map(sorted))
def test_parts_add_up_and_never_exceed_the_time_itself(calendar: Calendar, moments: list[datetime]) -> None:
    first, middle, last = moments
    whole = working_seconds(first, last, calendar)
    assert whole == working_seconds(first, middle, calendar) + working_seconds(middle, last, calendar)
    assert 0 <= whole <= working_seconds(first, last, None)
