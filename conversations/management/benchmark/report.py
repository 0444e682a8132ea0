"""What a benchmark found, and how it reads: as text, as JSON for scripts, as a section of docs/performance.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from statistics import median, quantiles
from typing import Any

from conversations.management.benchmark.machine import Machine

OURS, FLOOR = "Parley", "floor"
THOUSAND = 1000.0  # milliseconds in a second


def late(values: Sequence[float]) -> float:
    """What 95 of 100 stayed below; of a single one, that one."""
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def spread(values: Sequence[float]) -> list[tuple[str, float]]:
    """How long it took, in the words of every table."""
    return [("median", median(values)), ("95 of 100", late(values)), ("longest", max(values))]


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity, a value a round for each side; sides in the order in which they are shown.

    `compared` are the sides whose ratio is shown. Measures that compare others stand in a table of their own, and
    below it what their `note` says about one of the sides.
    """

    name: str
    unit: str
    sides: Mapping[str, Sequence[float]]
    compared: tuple[str, str] = (OURS, FLOOR)
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The median of one of the sides compared over that of the other, where both were measured."""
        ours, other = self.compared
        if ours not in self.sides or other not in self.sides:
            return None
        divisor = median(self.sides[other])
        return median(self.sides[ours]) / divisor if divisor else None


@dataclass(frozen=True, slots=True)
class Count:
    """Something that must come out exactly: the benchmark fails otherwise."""

    name: str
    expected: int
    found: int

    @property
    def is_right(self) -> bool:
        """Did it?"""
        return self.found == self.expected

    def __str__(self) -> str:
        return f"{self.name}: {self.found:,}" + ("" if self.is_right else f" instead of {self.expected:,}")


@dataclass(slots=True)
class Findings:
    """What a run hands back. Remarks are sentences about what was not measured."""

    measures: list[Measure] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """The findings with the circumstances in which they were found. Loads are those of 1, 5 and 15 minutes."""

    command: str
    day: str
    seconds: float
    machine: Machine
    load_before: Sequence[float]
    load_after: Sequence[float]
    findings: Findings

    @property
    def wrong(self) -> list[Count]:
        """The counts that did not come out."""
        return [count for count in self.findings.counts if not count.is_right]

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "command": self.command,
            "day": self.day,
            "seconds": round(self.seconds, 1),
            "machine": self.machine.as_json(),
            "load": {"before": list(self.load_before), "after": list(self.load_after)},
            "measures": [
                {
                    "name": measure.name,
                    "unit": measure.unit,
                    "ratio": measure.ratio,
                    "note": measure.note,
                    "sides": {
                        side: {
                            "median": median(values),
                            "min": min(values),
                            "max": max(values),
                            "values": list(values),
                        }
                        for side, values in measure.sides.items()
                    },
                }
                for measure in self.findings.measures
            ],
            "counts": [
                {"name": count.name, "expected": count.expected, "found": count.found, "ok": count.is_right}
                for count in self.findings.counts
            ],
            "remarks": self.findings.remarks,
            "ok": not self.wrong,
        }

    def as_text(self) -> str:
        """For a terminal."""
        lines = []
        for table, notes in _tables(self.findings.measures):
            widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
            lines += [*("  ".join(map(str.ljust, row, widths)).rstrip() for row in table), *notes, ""]
        counts = [f"{'ok' if count.is_right else 'WRONG':<6}{count}" for count in self.findings.counts]
        return "\n".join([self._circumstances(), "", *lines, *self._remarks(), *counts, ""])

    def as_markdown(self) -> str:
        """The section of docs/performance.md between its marks."""
        lines = []
        for (head, *rows), notes in _tables(self.findings.measures):
            lines += [_row(head), _row(["---"] + ["---:"] * (len(head) - 1)), *map(_row, rows), ""]
            lines += [part for note in notes for part in (note, "")]
        counts = [f"- {count}" for count in self.findings.counts]
        return "\n".join([f"`{self.command}`, {self._circumstances()}", "", *lines, *self._remarks(), *counts, ""])

    def _remarks(self) -> list[str]:
        return [part for remark in self.findings.remarks for part in (remark, "")]

    def _circumstances(self) -> str:
        before, after = (", ".join(f"{load:.2f}" for load in loads) for loads in (self.load_before, self.load_after))
        return (
            f"{self.day}, {self.seconds:.0f} s, on {self.machine}. Load (1, 5, 15 minutes) {before} before, {after} "
            "after."
        )


def _tables(measures: Sequence[Measure]) -> list[tuple[list[list[str]], list[str]]]:
    """For those that compare the same sides a head and a row a measure: median, least and most of the rounds.

    With what their notes say, each once.
    """
    tables = []
    for compared, group in groupby(measures, key=lambda one: one.compared):
        alike = list(group)
        tables.append((_table(alike, compared), list(dict.fromkeys(one.note for one in alike if one.note))))
    return tables


def _table(measures: Sequence[Measure], compared: tuple[str, str]) -> list[list[str]]:
    sides = list(dict.fromkeys(side for measure in measures for side in measure.sides))
    rows = [["", *sides, " / ".join(compared)]]
    for measure in measures:
        cells = [_cell(measure.sides.get(side, ())) for side in sides]
        ratio = "" if measure.ratio is None else _figures(measure.ratio)
        rows.append([f"{measure.name}, {measure.unit}", *cells, ratio])
    return rows


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    if len(values) == 1 or min(values) == max(values):
        return _figures(values[0])
    return f"{_figures(median(values))} ({_figures(min(values))} to {_figures(max(values))})"


def _figures(value: float) -> str:
    """Three figures, no more: the last ones are noise."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
