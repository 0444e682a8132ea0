"""The columns of a campaign's list: what their titles become as fields, and which of them holds the number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from conversations.models import Campaign, CampaignRecipient
from conversations.services.contact_import import COLUMNS
from conversations.services.csv_files import CsvProblem, Table
from conversations.services.csv_report import listed

LOOKED_AT = 50  # rows that a guess is made from
# The names that Webex Interact's documents use for what every list has.
_KNOWN_FIELDS = {"first_name": "firstname", "last_name": "lastname", "email": "email"}
_LIKE_A_NUMBER = re.compile(r"\+?(?=(?:\D*\d){7})[\d ().\-/]{7,24}")


class Columns(NamedTuple):
    """The columns of a file in their order, each with its field and its title; `number` is the field of one of them.

    `number` is empty where the titles do not say which column holds the numbers.
    """

    titles: list[tuple[str, str]]
    number: str

    @property
    def place(self) -> int:
        """Where the column with the numbers stands; -1 when that is not known."""
        return next((place for place, (name, _) in enumerate(self.titles) if name == self.number), -1)

    @property
    def fields(self) -> list[str]:
        """The fields that a message may use."""
        return [name for name, _ in self.titles if name != self.number]


def read_columns(titles: Sequence[str]) -> Columns:
    """Name the columns of a file, and find the one with the numbers by its title, when exactly one has such a title.

    Raises CsvProblem (`no_names`) when the first row has a number: it is a person, and no title.
    """
    if number := next((title for title in titles if _LIKE_A_NUMBER.fullmatch(title)), ""):
        raise CsvProblem(
            "no_names",
            f"The first row has no names of columns, but the number {number}. Put a row above it with the names, and "
            "call the one of the numbers phone.",
            1,
        )
    numbers = [place for place, title in enumerate(titles) if _plain(title) in COLUMNS["phone"]]
    names = field_names(titles)
    return Columns(list(zip(names, titles, strict=True)), names[numbers[0]] if len(numbers) == 1 else "")


def no_number_column(titles: Sequence[str]) -> CsvProblem:
    """What to say where nobody can be asked which column holds the numbers."""
    numbers = [title for title in titles if _plain(title) in COLUMNS["phone"]]
    if not numbers:
        called = "one column called" if len(titles) == 1 else "columns called"
        return CsvProblem("no_phone_column", f"Your file has {called} {listed(titles)}. It needs one called phone.")
    return CsvProblem(
        "two_columns_of_a_kind",
        f"Your file has {len(numbers)} columns with phone numbers ({', '.join(numbers)}). Keep one, and rename the "
        "others.",
    )


def field_names(titles: Iterable[str]) -> list[str]:
    """The merge fields of some columns, in their order: `First name` is firstname, `Order no.` is order_no."""
    names: list[str] = []
    for place, title in enumerate(titles, start=1):
        name = _field_name(title) or f"column_{place}"
        while name in names:
            name = f"{name[:36]}_{place}"
        names.append(name)
    return names


def has_numbers(table: Table) -> bool:
    """Does some cell of the first rows look like a number? Raises as Table.rows does."""
    first = islice(table.rows(), LOOKED_AT)
    return any(_LIKE_A_NUMBER.fullmatch(cell) for row in first for cell in row.cells)


def likely_number_column(campaign: Campaign) -> str:
    """The column of which most of the first cells look like numbers; empty when none does."""
    rows = CampaignRecipient.objects.filter(campaign=campaign).order_by("row").values_list("fields", flat=True)
    seen = dict.fromkeys((name for name, _ in campaign.titles), 0)
    for fields in rows[:LOOKED_AT]:
        for name, text in fields.items():
            seen[name] = seen.get(name, 0) + bool(_LIKE_A_NUMBER.fullmatch(text))
    best = max(seen, key=lambda name: seen[name], default="")
    return best if best and seen[best] else ""


def _field_name(title: str) -> str:
    plain = _plain(title)
    for known, name in _KNOWN_FIELDS.items():
        if plain in COLUMNS[known]:
            return name
    ascii_only = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_only).strip("_0123456789")[:40].rstrip("_")


def _plain(title: str) -> str:
    return " ".join(title.casefold().replace("_", " ").split())
