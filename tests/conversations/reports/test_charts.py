"""Charts and words: numbers on a drawing stand where they belong, and nothing is rounded to all or nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest

from conversations.services.reports import words
from conversations.services.reports.tables import Day, Hour
from conversations.views.report_charts import bars, heat, lines, spark


def test_bars_are_as_high_as_their_numbers() -> None:
    drawn = bars([Day("Mon 16", "Monday 16 November", 30, 10), Day("Tue 17", "Tuesday 17 November", 0, 0)])
    assert drawn.title == "Messages per day, sent and received. Most on Monday 16 November, with 40."
    monday, tuesday = drawn.bars
    assert (drawn.grid[0].words, drawn.grid[-1].words) == ("0", "40")
    assert float(monday.sent_height) == 3 * (float(monday.received_height) + 2)
    assert float(monday.sent_y) + float(monday.sent_height) == float(drawn.baseline)
    assert (monday.total, tuesday.total, tuesday.sent_height) == ("40", "", "0")


@pytest.mark.parametrize("highest", [0, 1, 3, 7, 9, 12, 53, 99, 101, 2898, 3243, 10_000, 123_456])
def test_scales_end_above_the_highest_bar_in_whole_steps(highest: int) -> None:
    drawn = bars([Day("Mon", "Monday", highest, 0)])
    values = [int(one.words.replace(",", "")) for one in drawn.grid]
    assert values[0] == 0
    assert highest <= values[-1] <= max(1, highest * 2)
    assert len({after - before for before, after in pairwise(values)}) == 1


def test_lines_have_gaps_where_nothing_was_answered() -> None:
    hours = [Hour(8, 600, 1800), Hour(9, None, None), Hour(10, 300, 900), Hour(11, 420, 1200)]
    drawn = lines(hours, 1800)
    assert (len(drawn.typical), len(drawn.dots)) == (1, 2)
    assert drawn.target is not None
    assert drawn.target.words == "target 30 m"
    assert "typical 5 m to 10 m, the slowest tenth from 30 m at 08:00" in drawn.title
    assert lines(hours, 4 * 3600).target.words.endswith("far above")  # type: ignore[union-attr]
    assert lines([Hour(8, None, None)], None).title == "First reply by hour: nothing was answered."


def test_the_busiest_hour_is_the_darkest() -> None:
    drawn = heat([("Mon", [0, 1, 40]), ("Tue", [20, 0, 0])], 8)
    assert [one.level for one in drawn.squares] == [0, 1, 4, 2, 0, 0]
    assert drawn.title == "Busy hours: most on Mon from 10:00, with 40 received."
    assert heat([("Mon", [0])], 8).title == "Busy hours: nothing was received."


def test_small_lines_end_where_their_numbers_do() -> None:
    assert spark([0, 2]) == "0,17 72,3"
    assert spark([5]) == ""


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(0, 0, "–"), (0, 9, "0%"), (9, 9, "100%"), (9999, 10_000, "99.9%"), (1, 100_000, "0.1%"), (971, 1000, "97.1%")],
)
def test_shares(part: int, whole: int, shown: str) -> None:
    assert words.share(part, whole) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (0, "0 s"),
        (59, "59 s"),
        (660, "11 m"),
        (3900, "1 h 05 m"),
        (172_800, "2 d 0 h"),
        (189_000, "2 d 4 h"),
    ],
)
def test_durations(seconds: int | None, shown: str) -> None:
    assert words.duration(seconds) == shown


def test_changes_say_which_way() -> None:
    assert words.relative_change(1062, 1000) == "↑ 6.2%"
    assert words.relative_change(5, 0) == ""
    assert words.point_change(97.1, 97.7) == "↓ 0.6 pt"
    assert words.duration_change(660, 900) == "↓ 4 m"
    assert words.relative_change(7, 7) == "no change"
