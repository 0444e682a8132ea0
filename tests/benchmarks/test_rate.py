"""`benchmark rate`, short: two streams keep their limit, and its own sum is right."""

from __future__ import annotations

from conversations.management.benchmark.rate import within_a_second
from tests.benchmarks.running import found, report_of


def test_two_streams_keep_a_small_rate() -> None:
    report = report_of("rate", "--rate", "20", "--burst", "5", "--seconds", "2")
    counts = found(report)
    assert len(counts) == 4
    assert sorted(counts.values()) == [0, 0, 40, 40]
    assert [len(measure["sides"]["Parley"]["values"]) for measure in report["measures"]] == [2, 2]


def test_what_comes_within_a_second_is_counted_from_each_moment_on() -> None:
    assert within_a_second([0.0, 0.4, 0.9, 1.0, 1.3, 5.0]) == [3, 4, 3, 2, 1, 1]
