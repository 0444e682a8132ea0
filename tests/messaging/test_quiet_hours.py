"""When messages may arrive: open in every zone the number may be in, by clocks that change twice a year."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging.quiet_hours import NeverOpen, QuietHours, default_for, next_opening

DAY = QuietHours(time(9), time(20))
WEEKDAYS = QuietHours(time(9), time(20), frozenset({5, 6}))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "zones", "opening"),
    [
        # one zone, winter: local time is UTC
        ("2026-01-14T09:00", ["Europe/London"], None),
        ("2026-01-14T19:59", ["Europe/London"], None),
        ("2026-01-14T20:00", ["Europe/London"], "2026-01-15T09:00"),
        ("2026-01-14T08:59", ["Europe/London"], "2026-01-14T09:00"),
        # the hour of the opening moves with the clock, in UTC
        ("2026-03-28T21:00", ["Europe/London"], "2026-03-29T08:00"),
        ("2026-10-24T21:00", ["Europe/London"], "2026-10-25T09:00"),
        ("2026-11-01T03:00", ["America/New_York"], "2026-11-01T14:00"),
        # open in every zone: New York opens first, Los Angeles last
        ("2026-01-14T14:00", ["America/New_York", "America/Los_Angeles"], "2026-01-14T17:00"),
        ("2026-01-14T17:00", ["America/New_York", "America/Los_Angeles"], None),
        # at 01:00 UTC New York has closed, so both wait for the next day in Los Angeles
        ("2026-01-15T01:00", ["America/New_York", "America/Los_Angeles"], "2026-01-15T17:00"),
        # all zones of a UK mobile keep the same time
        ("2026-01-14T12:00", ["Europe/Guernsey", "Europe/Isle_of_Man", "Europe/Jersey", "Europe/London"], None),
    ],
)
def test_next_opening(at: str, zones: list[str], opening: str | None) -> None:
    assert next_opening(utc(at), zones, DAY) == (utc(opening) if opening else None)


def test_closed_days_are_days_of_the_customer_s_calendar() -> None:
    friday_evening = utc("2026-01-16T21:00")
    assert next_opening(friday_evening, ["Europe/London"], WEEKDAYS) == utc("2026-01-19T09:00")
    # 23:30 on Sunday in London is already Monday morning in Tokyo, where it is too early
    assert next_opening(utc("2026-01-18T23:30"), ["Asia/Tokyo"], WEEKDAYS) == utc("2026-01-19T00:00")


def test_a_time_in_any_zone_is_understood_and_the_answer_is_utc() -> None:
    evening = datetime(2026, 1, 14, 21, tzinfo=ZoneInfo("Europe/Paris"))
    opening = next_opening(evening, ["Europe/Paris"], DAY)
    assert opening == utc("2026-01-15T08:00")
    assert opening is not None
    assert opening.tzinfo is UTC


def test_an_opening_that_the_clock_skips_counts_an_hour_later() -> None:
    night = QuietHours(time(1, 30), time(6))
    assert next_opening(utc("2026-03-29T00:10"), ["Europe/London"], night) == utc("2026-03-29T01:30")


def test_an_opening_that_the_clock_repeats_counts_both_times() -> None:
    night = QuietHours(time(1, 30), time(6))
    assert next_opening(utc("2026-10-25T00:10"), ["Europe/London"], night) == utc("2026-10-25T00:30")
    assert next_opening(utc("2026-10-25T01:10"), ["Europe/London"], night) == utc("2026-10-25T01:30")


def test_closing_at_midnight_is_the_end_of_the_day() -> None:
    late = QuietHours(time(22), time(0))
    assert next_opening(utc("2026-01-14T23:59"), ["UTC"], late) is None
    assert next_opening(utc("2026-01-15T00:00"), ["UTC"], late) == utc("2026-01-15T22:00")


def test_zones_that_are_never_open_together_are_reported_not_waited_for() -> None:
    with pytest.raises(NeverOpen) as caught:
        next_opening(utc("2026-01-14T12:00"), ["Pacific/Honolulu", "Africa/Johannesburg"], DAY)
    assert caught.value.code == "never_open"
    assert "time zone" in caught.value.sentence


@pytest.mark.parametrize(
    ("at", "zones", "error"),
    [
        (utc("2026-01-14T12:00").replace(tzinfo=None), ["UTC"], ValueError),
        (utc("2026-01-14T12:00"), [], ValueError),
        (utc("2026-01-14T12:00"), ["Europe/Atlantis"], ZoneInfoNotFoundError),
    ],
)
def test_questions_without_an_answer(at: datetime, zones: list[str], error: type[Exception]) -> None:
    with pytest.raises(error):
        next_opening(at, zones, DAY)


@pytest.mark.parametrize(
    ("opens", "closes", "closed"),
    [(time(20), time(9), ()), (time(9), time(9), ()), (time(9), time(20), range(7)), (time(9), time(20), (7,))],
)
def test_hours_that_make_no_sense_are_refused(opens: time, closes: time, closed: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"must lie before|one must stay open"):
        QuietHours(opens, closes, frozenset(closed))


def test_defaults_by_country() -> None:
    assert (default_for("US").opens, default_for("US").closes) == (time(8), time(20))
    assert default_for("CA") == default_for("us") == default_for("US")
    assert default_for("GB") == default_for("DE") == DAY
    assert default_for(None) == default_for("") == default_for("001") == DAY
    sunday_in_paris = utc("2026-01-18T12:00")
    assert next_opening(sunday_in_paris, ["Europe/Paris"], default_for("FR")) == utc("2026-01-19T08:00")


ZONES = st.sampled_from(
    ["Europe/London", "America/New_York", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Cairo"]
)
MOMENTS = st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: utc("2025-01-01") + timedelta(minutes=minutes))


@given(MOMENTS, st.lists(ZONES, min_size=1, max_size=2), st.frozensets(st.integers(0, 6), max_size=3))
@settings(deadline=None)
def test_the_opening_is_open_everywhere_and_nothing_before_it_is(
    at: datetime, zones: list[str], closed: frozenset[int]
) -> None:
    hours = QuietHours(time(8), time(21), closed)

    def open_everywhere(moment: datetime) -> bool:
        return all(hours.allows(moment.astimezone(ZoneInfo(zone))) for zone in zones)

    try:
        opening = next_opening(at, zones, hours)
    except NeverOpen:
        opening = at + timedelta(days=9)
    else:
        assert open_everywhere(opening or at)
    tried = at
    while opening is not None and tried < opening:
        assert not open_everywhere(tried)
        tried += timedelta(minutes=15)
