"""`benchmark start`: a copy of the program starts with nothing there and with what it made, and leaves nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from conversations.management.benchmark.report import FLOOR, OURS
from tests.benchmarks.running import found, report_of


def test_a_site_starts_in_an_empty_directory_and_again() -> None:
    report = report_of("start", "--no-demo-data")
    assert found(report) == {"starts that ended with a page": 2}
    sides = {measure["name"]: set(measure["sides"]) for measure in report["measures"]}
    assert sides["in an empty directory, first page"] == sides["started again, first page"] == {OURS, FLOOR}
    assert not list(Path(tempfile.gettempdir()).glob("parley-start-*"))
