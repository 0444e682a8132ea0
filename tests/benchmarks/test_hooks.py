"""`benchmark hooks`, small: nothing is lost or doubled, and early reports are applied. No test is about speed."""

from __future__ import annotations

from conversations.management.benchmark.report import FLOOR, OURS
from tests.benchmarks.running import found, report_of


def test_forty_calls_of_either_kind_are_stored_read_and_counted() -> None:
    report = report_of("hooks", "-n", "40")
    counts = found(report)
    assert counts["different calls kept and read"] == counts["different calls kept by the floor"] == 72
    assert counts["calls counted"] == 80
    assert (counts["reports kept"], counts["reports that wait for their message"]) == (36, 2)
    assert (counts["messages delivered"], counts["messages of customers"]) == (17, 36)
    assert counts["messages of the campaign delivered by early reports"] == 1
    sides = {measure["name"]: set(measure["sides"]) for measure in report["measures"]}
    for name in ("reports, calls", "reports read", "customers' messages, calls", "customers' messages read"):
        assert sides[name] == {OURS, FLOOR}
