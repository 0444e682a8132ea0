"""Contacts from a CSV file: first read and judged as a whole, one kind of problem at a time, then stored or not.

Nothing is stored while there is a problem, and what is stored is one transaction. Numbers that a spreadsheet has
changed in a way that can be seen are named, and read only when the person says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from conversations.models import Contact, User
from conversations.models.contact import LONGEST_RECORD
from conversations.services.contacts import DETAILS
from conversations.services.csv_files import CsvProblem, Table
from conversations.services.csv_report import (
    KINDS,
    PHONE_COLUMN,
    BadRow,
    SheetReport,
    in_parts,
    is_repeated,
    judged,
    name_columns,
    named_cells,
    note_bad,
    read_number,
)
from conversations.services.languages import language_code

AT_ONCE = 1000  # contacts that one statement looks up or writes
LONGEST_NAME = 100

# What people call the columns. The first word is the one that a sentence names.
COLUMNS = {
    "phone": PHONE_COLUMN,
    "first_name": ("first name", "firstname", "given name", "forename", "first"),
    "last_name": ("last name", "lastname", "surname", "family name", "last"),
    "name": ("name", "full name", "contact", "contact name", "customer", "customer name"),
    "email": ("email", "e-mail", "email address", "e-mail address", "mail"),
    "language": ("language", "lang", "locale", "preferred language"),
    "time_zone": ("time zone", "timezone", "tz"),
    "record": ("customer record", "record"),
}


@dataclass(slots=True)
class Report(SheetReport):
    """What a file of contacts holds."""

    new: int = 0
    known: int = 0
    would_change: int = 0
    elsewhere: int = 0


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
    report = Report.of(table)
    with judged(report, _KINDS):
        _name_columns(report)
        for people in in_parts(_read(table, report, choices), AT_ONCE):
            _compare(people, report, user)
    return report


def store_file(table: Table, choices: Choices, user: User | None) -> Report:
    """Check the file again and store it as a whole. Raises ValidationError when it cannot be taken."""
    with transaction.atomic():
        report = check_file(table, choices, user)
        if not report.can_be_stored:
            raise ValidationError(report.problem, code=report.code)
        for people in in_parts(_read(table, Report(columns=report.columns, used=report.used), choices), AT_ONCE):
            _store(people, choices, user)
    return report


def _name_columns(report: Report) -> None:
    name_columns(report, COLUMNS)
    if "name" in report.used and {"first_name", "last_name"} & set(report.used):
        other = next(report.used[name] for name in ("first_name", "last_name") if name in report.used)
        raise CsvProblem(
            "two_columns_of_a_kind",
            f"The file has the name twice: in {report.used['name']} and in {other}. Keep one of them.",
        )


# Kinds of problems, in the order in which they are shown, with the words for one and for several rows.
_KINDS = {
    **KINDS,
    "email": ("1 e-mail address cannot be used", "{} e-mail addresses cannot be used"),
    "language": ("1 language is not known", "{} languages are not known"),
    "time_zone": ("1 time zone is not known", "{} time zones are not known"),
    "name": ("1 name is too long", "{} names are too long"),
    "record": ("1 customer record is too long", "{} customer records are too long"),
}


def _read(table: Table, report: Report, choices: Choices) -> Iterator[Person]:
    """The rows that can be taken; what is wrong with others goes into the report."""
    seen: set[str] = set()
    for row in table.rows():
        report.rows += 1
        try:
            cells = named_cells(row, report)
            number = read_number(cells["phone"], report, choices)
            details = _details(cells)
        except BadRow as bad:
            note_bad(report, row, bad, _KINDS)
            continue
        if number is None:
            continue
        if is_repeated(row, number, seen, report):
            continue
        yield Person(row.line, number.e164, details)


def _details(cells: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {name: cells[name] for name in ("first_name", "last_name") if name in cells}
    if "name" in cells:
        found["first_name"], _, found["last_name"] = cells["name"].partition(" ")
    for name, text in found.items():
        if len(text) > LONGEST_NAME:
            column = "name" if "name" in cells else name
            raise BadRow("name", column, f"{len(text)} characters. {LONGEST_NAME} are the most.")
    for name, read in _READERS.items():
        if cells.get(name):
            found[name] = read(cells[name])
    return found


def _email(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError as error:
        raise BadRow("email", "email", "Write it like amira@example.com, or leave the cell empty.") from error
    return text


def _language(text: str) -> str:
    code = language_code(text)
    if code is None:
        raise BadRow("language", "language", "Write a code such as en_GB or ar, or the name in English.")
    return code


def _time_zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadRow("time_zone", "time_zone", "Write it like Europe/London, or leave the cell empty.") from error


def _record(text: str) -> str:
    if len(text) > LONGEST_RECORD:
        raise BadRow("record", "record", f"{len(text)} characters. {LONGEST_RECORD} are the most.")
    return text


_READERS: dict[str, Callable[[str], str]] = {
    "email": _email,
    "language": _language,
    "time_zone": _time_zone,
    "record": _record,
}


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
