"""Contacts from a CSV file: first read and judged as a whole, one kind of problem at a time, then stored or not.

Nothing is stored while there is a problem, and what is stored is one transaction. Numbers that a spreadsheet has
changed in a way that can be seen are named, and read only when the person says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from conversations.models import Contact, User
from conversations.services.contacts import DETAILS
from conversations.services.csv_files import CsvProblem, Row, Table
from conversations.services.languages import language_code
from messaging.phone import PhoneError, PhoneNumber, lost_its_zero, parse_number

MOST_SHOWN = 50
AT_ONCE = 1000  # contacts that one statement looks up or writes
LONGEST_NAME = 100

# What people call the columns. The first word is the one that a sentence names.
COLUMNS = {
    "phone": (
        *("phone", "phone number", "mobile", "mobile number", "mobile phone", "telephone", "telephone number"),
        *("tel", "number", "cell", "cell phone", "msisdn", "to", "contact number"),
    ),
    "first_name": ("first name", "firstname", "given name", "forename", "first"),
    "last_name": ("last name", "lastname", "surname", "family name", "last"),
    "name": ("name", "full name", "contact", "contact name", "customer", "customer name"),
    "email": ("email", "e-mail", "email address", "e-mail address", "mail"),
    "language": ("language", "lang", "locale", "preferred language"),
    "time_zone": ("time zone", "timezone", "tz"),
}


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
class Report:
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
    new: int = 0
    known: int = 0
    would_change: int = 0
    elsewhere: int = 0

    @property
    def can_be_stored(self) -> bool:
        """Is there nothing wrong?"""
        return not self.problem

    @property
    def repairs(self) -> int:
        """How many numbers are read by assuming what happened to them."""
        return self.lost_zeros.count + self.without_plus.count


@dataclass(frozen=True, slots=True)
class Choices:
    """What the person decided: whose numbers, what of known contacts, what of numbers that were changed."""

    region: str = "GB"
    update_known: bool = True
    repair: bool = True
    allow_fictional: bool = False


class Person(NamedTuple):
    """One row, read."""

    line: int
    phone: str
    details: dict[str, str]


def check_file(table: Table, choices: Choices, user: User | None) -> Report:
    """Read the whole file and say what it holds; nothing is stored. `user` None (a command) sees every contact."""
    report = Report(columns=table.columns, encoding=table.encoding, separator=table.separator)
    try:
        _name_columns(report)
        for people in _in_parts(_read(table, report, choices)):
            _compare(people, report, user)
    except CsvProblem as problem:
        report.problem, report.code = problem.sentence, problem.code
    if not report.problem:
        _sum_up_bad_cells(report)
    return report


def store_file(table: Table, choices: Choices, user: User | None) -> Report:
    """Check the file again and store it as a whole. Raises ValidationError when it cannot be taken."""
    with transaction.atomic():
        report = check_file(table, choices, user)
        if not report.can_be_stored:
            raise ValidationError(report.problem, code=report.code)
        for people in _in_parts(_read(table, Report(columns=report.columns, used=report.used), choices)):
            _store(people, choices, user)
    return report


def _name_columns(report: Report) -> None:
    fields: dict[str, list[str]] = {}
    for column in report.columns:
        plain = " ".join(column.casefold().replace("_", " ").split())
        found = next((name for name, words in COLUMNS.items() if plain in words), None)
        if found is None:
            report.unused.append(column)
        else:
            fields.setdefault(found, []).append(column)
    for name, columns in fields.items():
        if len(columns) > 1:
            raise CsvProblem(
                "two_columns_of_a_kind",
                f"The file has {len(columns)} columns for the {COLUMNS[name][0]}: {_listed(columns)}. "
                "Keep one, and give the others another name.",
            )
        report.used[name] = columns[0]
    if "phone" not in report.used:
        raise CsvProblem(
            "no_phone_column", f"Your file has {_columns_called(report.columns)}. It needs one called phone."
        )
    if "name" in report.used and {"first_name", "last_name"} & set(report.used):
        other = next(report.used[name] for name in ("first_name", "last_name") if name in report.used)
        raise CsvProblem(
            "two_columns_of_a_kind",
            f"The file has the name twice: in {report.used['name']} and in {other}. Keep one of them.",
        )


def _columns_called(columns: Sequence[str]) -> str:
    return f"{'one column called' if len(columns) == 1 else 'columns called'} {_listed(columns)}"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


# Kinds of problems, in the order in which they are shown, with the words for one and for several rows.
_KINDS = {
    "ragged": ("1 row has another number of cells than there are columns", "{} rows have another number of cells"),
    "phone": ("1 number cannot be used", "{} numbers cannot be used"),
    "email": ("1 e-mail address cannot be used", "{} e-mail addresses cannot be used"),
    "language": ("1 language is not known", "{} languages are not known"),
    "time_zone": ("1 time zone is not known", "{} time zones are not known"),
    "name": ("1 name is too long", "{} names are too long"),
}


class _BadRow(Exception):
    def __init__(self, kind: str, column: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind, self.column, self.sentence = kind, column, sentence


def _read(table: Table, report: Report, choices: Choices) -> Iterator[Person]:
    """The rows that can be taken; what is wrong with others goes into the report."""
    seen: set[str] = set()
    for row in table.rows():
        report.rows += 1
        try:
            cells = _cells(row, report)
            number = _number(cells["phone"], report, choices)
            details = _details(cells)
        except _BadRow as bad:
            _note_bad(report, row, bad)
            continue
        if number is None:
            continue
        if number.e164 in seen:
            report.repeated_count += 1
            if len(report.repeated) < MOST_SHOWN:
                report.repeated.append(LeftOut(row.line, number.international))
            continue
        seen.add(number.e164)
        yield Person(row.line, number.e164, details)


def _cells(row: Row, report: Report) -> dict[str, str]:
    found, wanted = len(row.cells), len(report.columns)
    if found < wanted or any(row.cells[wanted:]):
        raise _BadRow("ragged", "", f"{found} cells, and {wanted} columns. Look for a separator or a quote too many.")
    places = {name: row.cells[report.columns.index(column)] for name, column in report.used.items()}
    return {name: text.removeprefix("'") for name, text in places.items()}  # as our own export protects formulas


def _number(typed: str, report: Report, choices: Choices) -> PhoneNumber | None:
    """The number; None where it would have to be repaired and must not be."""
    try:
        number = parse_number(typed, region=choices.region, allow_fictional=choices.allow_fictional)
        repair = report.lost_zeros if lost_its_zero(typed, choices.region) else None
    except PhoneError as error:
        try:
            if not typed.isdecimal() or typed.startswith("0"):
                raise error
            number = parse_number(f"+{typed}", allow_fictional=choices.allow_fictional)
        except PhoneError:
            raise _BadRow("phone", "phone", error.sentence) from error
        repair = report.without_plus
    if repair is None:
        return number
    if not repair.count:
        repair.typed, repair.read_as = typed, number.international
    repair.count += 1
    return number if choices.repair else None


def _details(cells: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {name: cells[name] for name in ("first_name", "last_name") if name in cells}
    if "name" in cells:
        found["first_name"], _, found["last_name"] = cells["name"].partition(" ")
    for name, text in found.items():
        if len(text) > LONGEST_NAME:
            column = "name" if "name" in cells else name
            raise _BadRow("name", column, f"{len(text)} characters. {LONGEST_NAME} are the most.")
    for name, read in _READERS.items():
        if cells.get(name):
            found[name] = read(cells[name])
    return found


def _email(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError as error:
        raise _BadRow("email", "email", "Write it like amira@example.com, or leave the cell empty.") from error
    return text


def _language(text: str) -> str:
    code = language_code(text)
    if code is None:
        raise _BadRow("language", "language", "Write a code such as en_GB or ar, or the name in English.")
    return code


def _time_zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _BadRow("time_zone", "time_zone", "Write it like Europe/London, or leave the cell empty.") from error


_READERS: dict[str, Callable[[str], str]] = {"email": _email, "language": _language, "time_zone": _time_zone}


def _note_bad(report: Report, row: Row, bad: _BadRow) -> None:
    """Keep the rows of the kind that is shown first; others are only known to be there until those are mended."""
    order = list(_KINDS)
    if report.code and order.index(bad.kind) > order.index(report.code):
        return
    if bad.kind != report.code:
        report.code, report.bad_count, report.bad_cells = bad.kind, 0, []
    report.bad_count += 1
    if len(report.bad_cells) < MOST_SHOWN:
        column = report.columns.index(report.used[bad.column]) if bad.column else -1
        report.bad_cells.append(BadCell(row.line, row.cells, column, bad.sentence))


def _sum_up_bad_cells(report: Report) -> None:
    if report.bad_cells:
        one, several = _KINDS[report.code]
        words = one if report.bad_count == 1 else several.format(f"{report.bad_count:,}")
        report.problem = f"{words}. Correct the file and choose it again."


def _in_parts(people: Iterator[Person]) -> Iterator[list[Person]]:
    part: list[Person] = []
    for person in people:
        part.append(person)
        if len(part) == AT_ONCE:
            yield part
            part = []
    if part:
        yield part


def _compare(people: list[Person], report: Report, user: User | None) -> None:
    known, hidden = _known(people, user)
    for person in people:
        if person.phone in hidden:
            report.elsewhere += 1
        elif person.phone in known:
            report.known += 1
            report.would_change += bool(_changes(known[person.phone], person))
        else:
            report.new += 1


def _known(people: list[Person], user: User | None) -> tuple[dict[str, Contact], set[str]]:
    """The contacts with these numbers that the user may see, and the numbers of those who are hidden."""
    found = Contact.objects.filter(phone__in=[person.phone for person in people])
    visible = found if user is None else found.visible_to(user)
    known = {contact.phone: contact for contact in visible}
    return known, set(found.values_list("phone", flat=True)) - set(known)


def _changes(contact: Contact, person: Person) -> dict[str, str]:
    """What the row says otherwise; an empty cell says nothing."""
    return {name: text for name, text in person.details.items() if text and getattr(contact, name) != text}


def _store(people: list[Person], choices: Choices, user: User | None) -> None:
    known, hidden = _known(people, user)
    new = [Contact(phone=one.phone, **one.details) for one in people if one.phone not in known.keys() | hidden]
    Contact.objects.bulk_create(new, ignore_conflicts=True)  # somebody may have been quicker
    if not choices.update_known:
        return
    changed = []
    for person in people:
        contact = known.get(person.phone)
        if contact is not None and (changes := _changes(contact, person)):
            for name, text in changes.items():
                setattr(contact, name, text)
            changed.append(contact)
    Contact.objects.bulk_update(changed, DETAILS, batch_size=AT_ONCE)
