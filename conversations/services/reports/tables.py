"""A report as words: tiles and tables, which the page shows and the CSV file holds. Built in building.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from conversations.services.reports.scope import Scope
from conversations.services.reports.words import amount


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place. `rows` are the words of the address that shows the rows behind it, if it has any."""

    text: str
    rows: Mapping[str, object] = field(default_factory=dict)
    tone: str = ""


def linked(number: int, name: str, rows: Mapping[str, object] | None = None) -> Cell:
    """A number that leads to the rows behind it."""
    return Cell(amount(number), behind(name, number, rows))


def behind(name: str, number: int = 1, rows: Mapping[str, object] | None = None) -> Mapping[str, object]:
    """The words that lead to the rows behind a number; none where there are no rows."""
    return {"rows": name, **(rows or {})} if number else {}


@dataclass(frozen=True, slots=True)
class Tile:
    """A number that stands for itself, compared with the time before."""

    title: str
    value: Cell
    change: str
    change_tone: str  # good, bad or nothing
    note: str
    definition: str

    @property
    def words(self) -> list[str]:
        """Its cells in the file."""
        return [self.title, self.value.text, self.change, self.note]


TILE_COLUMNS = ("Figure", "Value", "Change", "Note")


@dataclass(frozen=True, slots=True)
class Table:
    """One part of a report. The first column names the row; the others hold its numbers."""

    key: str
    title: str
    definition: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the delivery funnel: how many messages, and of how many."""

    title: str
    hint: str
    number: Cell
    share: str
    part: float  # of the whole bar, 0 to 1
    tone: str


@dataclass(frozen=True, slots=True)
class Day:
    """A day, or a week of a long report, of the chart of messages."""

    label: str
    long_label: str
    sent: int
    received: int


@dataclass(frozen=True, slots=True)
class Hour:
    """How fast customers were answered who first wrote in that hour of the day (seconds)."""

    hour: int
    typical: int | None
    slow: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """All that one page shows."""

    scope: Scope
    tiles: Sequence[Tile]
    tables: Mapping[str, Table]
    steps: Sequence[Step]
    days: Sequence[Day]
    hours: Sequence[Hour]
    busy: Sequence[tuple[str, Sequence[int]]]  # a weekday and what was received in each hour from `busy_from` on
    busy_from: int
    target: int | None  # seconds in which customers should have an answer, where all streams agree
    by_day: Mapping[int, Sequence[int]]  # what each person sent, day by day
    unmeasured: int  # conversations whose working hours are still being counted

    def csv_rows(self, key: str = "") -> Iterator[list[str]]:
        """The lines of the file: all parts, each below its title, or one part alone."""
        if key:
            yield from _lines(self.tables[key])
            return
        scope = self.scope
        yield ["Report", f"{scope.first:%Y-%m-%d} to {scope.last:%Y-%m-%d}", f"times {scope.hours_words}"]
        yield ["Streams", ", ".join(one.name for one in scope.streams)]
        yield []
        yield list(TILE_COLUMNS)
        for tile in self.tiles:
            yield tile.words
        for table in self.tables.values():
            yield []
            yield [table.title]
            yield from _lines(table)


def _lines(table: Table) -> Iterator[list[str]]:
    yield list(table.columns)
    for row in table.rows:
        yield [cell.text for cell in row]
