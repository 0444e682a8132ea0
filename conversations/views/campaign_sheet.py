"""Rows of a campaign's list as they stand in the file, with what is wrong in the cell where it is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from conversations.models import Campaign, CampaignRecipient
from conversations.models.campaign import RowVerdict
from conversations.services.campaigns.texts import Texts
from messaging.merge import MergeError
from messaging.phone import format_for_people

MOST_COLUMNS = 6  # that a page shows of a file
SAMPLE = 5  # rows

# What is wrong with the file, the worst first: one class is shown at a time. All else is about the people.
OF_THE_FILE = (RowVerdict.INVALID, RowVerdict.UNREACHABLE, RowVerdict.MISSING_FIELD, RowVerdict.TOO_LONG)
_WRONG_NUMBER = (RowVerdict.INVALID, RowVerdict.UNREACHABLE, RowVerdict.DUPLICATE)


class Cell(NamedTuple):
    """A cell as it was given; `reason` says what is wrong with it, or what the number may not get."""

    title: str
    text: str
    reason: str
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row of the file, with the number as it was read and the verdict."""

    line: int
    cells: list[Cell]
    phone: str
    verdict: str
    words: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """Some rows; `more` columns of the file are not shown."""

    titles: list[str]
    rows: list[SheetRow]
    more: int


def sheet_of(campaign: Campaign, rows: Iterable[CampaignRecipient]) -> Sheet:
    """These rows with the number and the columns that the message uses first among those that are shown."""
    titles = dict(campaign.titles) or {"": "Number", **{name: name for name in campaign.columns}}
    try:
        used = list(Texts(campaign).fields)
    except MergeError:
        used = []
    feeding = [campaign.column_of(name) for name in used]
    wanted = dict.fromkeys([campaign.number_column, *feeding, *titles])
    shown = [name for name in wanted if name in titles][:MOST_COLUMNS]
    shown.sort(key=list(titles).index)
    return Sheet(
        titles=[titles[name] for name in shown],
        rows=[_row(campaign, row, {name: titles[name] for name in shown}, used) for row in rows],
        more=len(titles) - len(shown),
    )


def _row(campaign: Campaign, row: CampaignRecipient, titles: dict[str, str], used: list[str]) -> SheetRow:
    at_fault = campaign.number_column
    if row.verdict == RowVerdict.MISSING_FIELD:
        empty = (campaign.column_of(name) for name in used if not _value(campaign, row, name))
        at_fault = next((name for name in empty if name in titles), at_fault)
    if at_fault not in titles:
        at_fault = next(iter(titles), "")
    is_wrong = row.verdict in (*_WRONG_NUMBER, RowVerdict.MISSING_FIELD) and not campaign.asks_for_number_column
    cells = [
        Cell(
            title=title,
            text=row.given if name == campaign.number_column else row.fields.get(name, ""),
            reason=row.reason if name == at_fault and not campaign.asks_for_number_column else "",
            is_wrong=is_wrong and name == at_fault,
        )
        for name, title in titles.items()
    ]
    phone = format_for_people(row.phone) if row.phone else ""
    return SheetRow(row.row, cells, phone, row.verdict, row.get_verdict_display())


def _value(campaign: Campaign, row: CampaignRecipient, name: str) -> str:
    own = row.fields.get(campaign.column_of(name), "").strip()
    return own or str(campaign.values.get(name, "")).strip() or campaign.fallbacks.get(name, "")
