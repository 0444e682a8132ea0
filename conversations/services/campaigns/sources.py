"""The people of a campaign from conversations, such as those of a tag or of a saved filter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from conversations.models import Campaign, Contact
from conversations.services.campaigns import audience
from conversations.services.campaigns.audience import ListRow
from conversations.services.campaigns.columns import Columns
from conversations.services.csv_files import CsvProblem

COLUMNS = Columns(
    [("phone", "Phone"), ("firstname", "First name"), ("lastname", "Last name"), ("email", "E-mail")], "phone"
)
_DETAILS = {"firstname": "first_name", "lastname": "last_name", "email": "email"}


def people_of(conversations: QuerySet[Any]) -> QuerySet[Contact]:
    """Whom these conversations are with, each once, in no order."""
    return Contact.objects.filter(Exists(conversations.order_by().filter(contact=OuterRef("pk"))))


def contacts_of(conversations: QuerySet[Any], *, name: str) -> list[int]:
    """The ids of the people of some conversations, as they are now, in order.

    `conversations` are those that whoever asks may see; `name` says for people where they are from. Raises CsvProblem
    (`no_rows`, `too_many_rows`).
    """
    found = list(people_of(conversations).order_by("pk").values_list("pk", flat=True)[: audience.MOST_ROWS + 1])
    if not found:
        raise _nobody(name)
    if len(found) > audience.MOST_ROWS:
        raise CsvProblem("too_many_rows", f"{name} has more than {audience.MOST_ROWS:,} people. Choose a smaller one.")
    return found


def load_people(
    campaign: Campaign, contacts: Sequence[int], *, name: str, tell: audience.Tell = audience.tell_nobody
) -> None:
    """Make these contacts the list of a campaign, in place of the one it has; who is gone meanwhile is left out.

    Raises CsvProblem (`no_rows`) and ValidationError (`campaign_began`); then nothing changes. `tell` hears now and
    then how many rows are done.
    """
    audience.store(campaign, _rows(contacts, name), COLUMNS, name=name, tell=tell)


def _rows(contacts: Sequence[int], name: str) -> Iterator[ListRow]:
    row = 0
    for start in range(0, len(contacts), audience.AT_ONCE):
        part = Contact.objects.filter(pk__in=contacts[start : start + audience.AT_ONCE]).order_by("pk")
        for phone, *details in part.values_list("phone", *_DETAILS.values()):
            row += 1
            yield ListRow(row, phone, {field: text for field, text in zip(_DETAILS, details, strict=True) if text})
    if not row:
        raise _nobody(name)


def _nobody(name: str) -> CsvProblem:
    return CsvProblem("no_rows", f"{name} has nobody in it now. Choose another one, or a file.")
