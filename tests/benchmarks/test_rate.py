"""`benchmark rate`, short: everybody on two streams with a limit gets it once, and its own sum is right."""

from __future__ import annotations

from conversations.management.benchmark.rate import within_a_second
from tests.benchmarks.running import found, report_of

OVER = "seconds with more than rate and burst"  # requests that were held up arrive with later ones


def test_two_streams_keep_a_small_rate() -> None:
    report = report_of("rate", "--rate", "20", "--burst", "5", "--seconds", "2", depends=OVER)
    counts = found(report)
    assert len(counts) == 4
    assert [number for name, number in counts.items() if not name.endswith(OVER)] == [40, 40]
    assert [len(measure["sides"]["Parley"]["values"]) for measure in report["measures"]] == [2, 2]


def test_what_comes_within_a_second_is_counted_from_each_moment_on() -> None:
    assert within_a_second([0.0, 0.4, 0.9, 1.0, 1.3, 5.0]) == [3, 4, 3, 2, 1, 1]
