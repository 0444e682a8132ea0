"""What a benchmark prints, and that one wrong count makes it fail."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from django.core.management.base import CommandError

from conversations.management.benchmark.machine import Machine
from conversations.management.benchmark.report import FLOOR, OURS, Count, Findings, Measure, Report, spread
from conversations.management.commands.benchmark import Command

MEASURES = [
    Measure(
        "commit to provider", "ms", {OURS: [12.0, 10.0, 20.0], "in between": [7.0, 8.0, 9.0], FLOOR: [4.0, 3.0, 5.0]}
    ),
    Measure("queued", "a second", {OURS: [1234.5, 900.0, 99.99]}),
]


def _report(*counts: Count) -> Report:
    machine = Machine("A processor", 2, 24, "Linux 6", {"Python": "3.11"})
    command = "manage.py benchmark delivery"
    return Report(
        command, "1 March 2026", 61.23, machine, [0.1, 0.2, 0.3], [1.5, 1.0, 0.5], Findings(MEASURES, [*counts])
    )


def test_the_text_has_median_least_most_and_the_ratio_to_the_floor() -> None:
    text = _report(Count("rows accepted", 5, 5)).as_text()
    rows = {line.split("  ")[0]: " ".join(line.split()) for line in text.splitlines() if line}
    assert rows["commit to provider, ms"].endswith("12.0 (10.0 to 20.0) 8.00 (7.00 to 9.00) 4.00 (3.00 to 5.00) 3.00")
    assert rows["queued, a second"].endswith("900 (100.0 to 1,234)")
    assert "ok    rows accepted: 5" in text
    assert "0.10, 0.20, 0.30 before, 1.50, 1.00, 0.50 after" in text


def test_the_page_gets_a_table_with_the_command_that_made_it() -> None:
    lines = _report(Count("rows accepted", 5, 4)).as_markdown().splitlines()
    assert lines[0].startswith(
        "`manage.py benchmark delivery`, 1 March 2026, 61 s, on 2 cores (A processor) and 24 GiB"
    )
    assert lines[2:4] == ["|  | Parley | in between | floor | Parley / floor |", "| --- | ---: | ---: | ---: | ---: |"]
    assert lines[5] == "| queued, a second | 900 (100.0 to 1,234) |  |  |  |"
    assert lines[7] == "- rows accepted: 4 instead of 5"


def test_measures_that_compare_other_sides_stand_in_a_table_of_their_own() -> None:
    growth = ("large", "small")
    measures = [
        *MEASURES,
        Measure("list", "ms", {"small": [10.0], "large": [15.0]}, growth),
        Measure("search", "ms", {"small": [4.0, 4.0], "large": [4.0, 8.0]}, growth),
    ]
    lines = replace(_report(), findings=Findings(measures)).as_markdown().splitlines()
    at = lines.index("|  | small | large | large / small |")
    assert lines[at + 2 : at + 4] == [
        "| list, ms | 10.0 | 15.0 | 1.50 |",
        "| search, ms | 4.00 | 6.00 (4.00 to 8.00) | 1.50 |",
    ]
    assert lines[at - 1] == ""


def test_what_another_system_leaves_out_stands_below_its_figures_and_what_was_not_measured_below_all() -> None:
    compared, note = (OURS, "Kannel"), "Kannel keeps no rows."
    rows = [Measure(name, "s", {OURS: [2.0], "Kannel": [1.0]}, compared, note) for name in ("1,000 people", "10,000")]
    findings = Findings([*MEASURES, *rows], remarks=["RapidSMS was not measured: there is no index."])
    report = replace(_report(), findings=findings)
    for text in (report.as_text(), report.as_markdown()):
        assert text.count(note) == text.count("RapidSMS") == 1
        assert text.index("10,000, s") < text.index(note) < text.index("RapidSMS was not measured: there is no index.")
    printed = report.as_json()
    assert printed["remarks"] == findings.remarks
    assert [measure["note"] for measure in printed["measures"]] == ["", "", note, note]


def test_scripts_get_every_value() -> None:
    report = _report(Count("rows accepted", 5, 5)).as_json()
    assert report["ok"] is True
    assert report["load"] == {"before": [0.1, 0.2, 0.3], "after": [1.5, 1.0, 0.5]}
    assert report["machine"]["versions"] == {"Python": "3.11"}
    first, second = report["measures"]
    assert first["ratio"] == 3.0
    assert first["sides"][OURS] == {"median": 12.0, "min": 10.0, "max": 20.0, "values": [12.0, 10.0, 20.0]}
    assert (second["ratio"], list(second["sides"])) == (None, [OURS])


def test_one_wrong_count_fails_the_command_after_all_was_printed() -> None:
    report = _report(Count("rows accepted", 5, 5), Count("jobs left in the queue", 0, 1))
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"^Wrong: jobs left in the queue: 1 instead of 0\.$"):
        Command(stdout=out).tell(report, json_wanted=True, markdown_wanted=False)
    printed = json.loads(out.getvalue())
    assert printed["ok"] is False
    assert [count["ok"] for count in printed["counts"]] == [True, False]
    assert "WRONG jobs left in the queue: 1 instead of 0" in report.as_text()


def test_how_long_it_took_is_said_by_three_numbers() -> None:
    assert spread([float(number) for number in range(101)]) == [("median", 50), ("95 of 100", 95), ("longest", 100)]
    assert spread([3.0]) == [("median", 3), ("95 of 100", 3), ("longest", 3)]
