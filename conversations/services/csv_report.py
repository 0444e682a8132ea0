"""Reading a file of people row by row into a report: one kind of problem at a time, in the words of the file.

What contacts and permissions have in common when they come from a CSV file; services/contact_import.py and
services/opt_in_import.py say which columns there are and what is done with the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, Self, TypeVar

from conversations.services.csv_files import CsvProblem, Row, Table
from messaging.phone import PhoneError, PhoneNumber, lost_its_zero, parse_number

MOST_SHOWN = 50

# What people call the column of the number. The first word is the one that a sentence names.
PHONE_COLUMN = (
    *("phone", "phone number", "mobile", "mobile number", "mobile phone", "telephone", "telephone number"),
    *("tel", "number", "cell", "cell phone", "msisdn", "to", "contact number"),
)

# Kinds of problems that every file may have, with the words for one and for several rows.
KINDS = {
    "ragged": ("1 row has another number of cells than there are columns", "{} rows have another number of cells"),
    "phone": ("1 number cannot be used", "{} numbers cannot be used"),
}

Read = TypeVar("Read")


class BadCell(NamedTuple):
    """A row that cannot be taken: its line and cells, the number of the column at fault, and what to do."""

    line: int
    cells: list[str]
    column: int
    sentence: str


class LeftOut(NamedTuple):
    """A row that is not taken, without being at fault."""

    line: int
    number: str


@dataclass(slots=True)
class Repair:
    """Numbers that can be read when one assumes what happened to them."""

    count: int = 0
    typed: str = ""
    read_as: str = ""


@dataclass(slots=True)
class SheetReport:
    """What a file holds. `problem` and `bad_cells` say why it cannot be taken; else it can."""

    columns: list[str] = field(default_factory=list)
    used: dict[str, str] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    encoding: str = ""
    separator: str = ""
    rows: int = 0
    problem: str = ""
    code: str = ""
    bad_count: int = 0
    bad_cells: list[BadCell] = field(default_factory=list)
    lost_zeros: Repair = field(default_factory=Repair)
    without_plus: Repair = field(default_factory=Repair)
    repeated: list[LeftOut] = field(default_factory=list)
    repeated_count: int = 0

    @classmethod
    def of(cls, table: Table) -> Self:
        """The report that reading a file begins with."""
        return cls(columns=table.columns, encoding=table.encoding, separator=table.separator)

    @property
    def can_be_stored(self) -> bool:
        """Is there nothing wrong?"""
        return not self.problem

    @property
    def repairs(self) -> int:
        """How many numbers are read by assuming what happened to them."""
        return self.lost_zeros.count + self.without_plus.count


class NumberChoices(Protocol):
    """How numbers are read: the country of those without one, and whether changed ones are mended."""

    @property
    def region(self) -> str:
        """Two letters."""

    @property
    def repair(self) -> bool:
        """Read numbers that a spreadsheet has changed?"""

    @property
    def allow_fictional(self) -> bool:
        """Take numbers that are kept for films?"""


class BadRow(Exception):
    """A row that cannot be taken: the kind of the problem, our name of the column, and what to do."""

    def __init__(self, kind: str, column: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind, self.column, self.sentence = kind, column, sentence


def name_columns(report: SheetReport, known: Mapping[str, Sequence[str]]) -> None:
    """Find out which column is which; `known` are our names with what people call them.

    Raises CsvProblem (`two_columns_of_a_kind`, `no_phone_column`).
    """
    fields: dict[str, list[str]] = {}
    for column in report.columns:
        plain = " ".join(column.casefold().replace("_", " ").split())
        found = next((name for name, words in known.items() if plain in words), None)
        if found is None:
            report.unused.append(column)
        else:
            fields.setdefault(found, []).append(column)
    for name, columns in fields.items():
        if len(columns) > 1:
            raise CsvProblem(
                "two_columns_of_a_kind",
                f"The file has {len(columns)} columns for the {known[name][0]}: {listed(columns)}. "
                "Keep one, and give the others another name.",
            )
        report.used[name] = columns[0]
    if "phone" not in report.used:
        called = "one column called" if len(report.columns) == 1 else "columns called"
        raise CsvProblem(
            "no_phone_column", f"Your file has {called} {listed(report.columns)}. It needs one called phone."
        )


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def named_cells(row: Row, report: SheetReport) -> dict[str, str]:
    """The cells of a row by our names. Raises BadRow when they are not as many as the columns."""
    found, wanted = len(row.cells), len(report.columns)
    if found < wanted or any(row.cells[wanted:]):
        raise BadRow("ragged", "", f"{found} cells, and {wanted} columns. Look for a separator or a quote too many.")
    places = {name: row.cells[report.columns.index(column)] for name, column in report.used.items()}
    return {name: text.removeprefix("'") for name, text in places.items()}  # as our own export protects formulas


def read_number(typed: str, report: SheetReport, choices: NumberChoices) -> PhoneNumber | None:
    """The number; None where it would have to be repaired and must not be. Raises BadRow for what is none."""
    try:
        number = parse_number(typed, region=choices.region, allow_fictional=choices.allow_fictional)
        repair = report.lost_zeros if lost_its_zero(typed, choices.region) else None
    except PhoneError as error:
        try:
            if not typed.isdecimal() or typed.startswith("0"):
                raise error
            number = parse_number(f"+{typed}", allow_fictional=choices.allow_fictional)
        except PhoneError:
            raise BadRow("phone", "phone", error.sentence) from error
        repair = report.without_plus
    if repair is None:
        return number
    if not repair.count:
        repair.typed, repair.read_as = typed, number.international
    repair.count += 1
    return number if choices.repair else None


def is_repeated(row: Row, number: PhoneNumber, seen: set[str], report: SheetReport, *, key: str = "") -> bool:
    """Did the file say this before? The first row counts; `key` tells apart what may be said of one number."""
    said = f"{number.e164} {key}"
    if said not in seen:
        seen.add(said)
        return False
    report.repeated_count += 1
    if len(report.repeated) < MOST_SHOWN:
        report.repeated.append(LeftOut(row.line, number.international))
    return True


def note_bad(report: SheetReport, row: Row, bad: BadRow, kinds: Mapping[str, tuple[str, str]]) -> None:
    """Keep the rows of the kind that is shown first; others are only known to be there until those are mended."""
    order = list(kinds)
    if report.code and order.index(bad.kind) > order.index(report.code):
        return
    if bad.kind != report.code:
        report.code, report.bad_count, report.bad_cells = bad.kind, 0, []
    report.bad_count += 1
    if len(report.bad_cells) < MOST_SHOWN:
        column = report.columns.index(report.used[bad.column]) if bad.column in report.used else -1
        report.bad_cells.append(BadCell(row.line, row.cells, column, bad.sentence))


@contextmanager
def judged(report: SheetReport, kinds: Mapping[str, tuple[str, str]]) -> Iterator[None]:
    """Where a file is read: afterwards the report says what is wrong with it, if something is."""
    try:
        yield
    except CsvProblem as problem:
        report.problem, report.code = problem.sentence, problem.code
    if report.bad_cells and not report.problem:
        one, several = kinds[report.code]
        words = one if report.bad_count == 1 else several.format(f"{report.bad_count:,}")
        report.problem = f"{words}. Correct the file and try again."


def in_parts(read: Iterable[Read], size: int) -> Iterator[list[Read]]:
    """What was read, as many at a time."""
    part: list[Read] = []
    for one in read:
        part.append(one)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
