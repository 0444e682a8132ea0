"""`benchmark crash`, small: workers are killed, and everybody on the list is accounted for."""

from __future__ import annotations

from tests.benchmarks.running import found, report_of

SHORT = {
    "DELIVERY_CONNECT_SECONDS": "1",
    "DELIVERY_READ_SECONDS": "1.5",
    "DELIVERY_TOTAL_SECONDS": "2",
    "DELIVERY_LEASE_SECONDS": "3",
    "DELIVERY_MARGIN_SECONDS": "0.5",
    "CAMPAIGN_CHUNK": "100",
}


def test_two_workers_are_killed_and_nobody_gets_two() -> None:
    report = report_of("crash", "--recipients", "600", "--kills", "2", "--seed", "7", environment=SHORT)
    counts = found(report)
    assert counts["workers killed that held something"] == 2
    assert counts["people accepted or unconfirmed"] == 600
    assert counts["people who got it more than once"] == counts["people accepted who got nothing"] == 0
    kills = [measure for measure in report["measures"] if measure["unit"] == "times"]
    assert sum(measure["sides"]["Parley"]["median"] for measure in kills) == 2
    assert report["remarks"] == ["The points follow from --seed 7."]
