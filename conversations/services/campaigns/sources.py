"""The people of a campaign from conversations, such as those of a tag or of a saved filter."""

from __future__ import annotations

from collections.abc import Iterator
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


def load_people(campaign: Campaign, conversations: QuerySet[Any], *, name: str) -> None:
    """Make the people of some conversations the list of a campaign, as they are now, in place of the one it has.

    `conversations` are those that whoever asks may see; `name` says for people where they are from. Raises CsvProblem
    (`no_rows`, `too_many_rows`) and ValidationError (`campaign_began`); then nothing changes.
    """
    audience.store(campaign, _rows(people_of(conversations), name), COLUMNS, name=name)


def _rows(people: QuerySet[Contact], name: str) -> Iterator[ListRow]:
    found = people.order_by("pk").values_list("phone", *_DETAILS.values())
    row = 0
    for row, (phone, *details) in enumerate(found.iterator(chunk_size=audience.AT_ONCE), start=1):
        if row > audience.MOST_ROWS:
            raise CsvProblem(
                "too_many_rows", f"{name} has more than {audience.MOST_ROWS:,} people. Choose a smaller one."
            )
        yield ListRow(row, phone, {field: text for field, text in zip(_DETAILS, details, strict=True) if text})
    if not row:
        raise CsvProblem("no_rows", f"{name} has nobody in it now. Choose another one, or a file.")
