"""What one person of a campaign would get: the next, the one before, the longest, anybody."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, IntegerField, Q, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Length

from conversations.models import Campaign, CampaignRecipient
from conversations.models.campaign import RowVerdict
from conversations.models.message import Kind
from conversations.services.campaigns.texts import PersonalText, TextRefused, Texts
from conversations.views.campaign_rows import search
from messaging.merge import MergeError
from messaging.phone import format_for_people

# Rows whose own text may yet be refused belong to the preview: that is where one sees why.
_SHOWN = (RowVerdict.SEND, RowVerdict.MISSING_FIELD, RowVerdict.TOO_LONG)


@dataclass(frozen=True, slots=True)
class Person:
    """One person and their text; `refused` says why there is none. `before` and `after` are rows, 0 at the ends.

    `parts` are the text in pieces, each with whether it is a value; `place` counts the person among `of`. `is_missed`
    when somebody else was looked for.
    """

    row: int
    name: str
    phone: str
    text: PersonalText | None = None
    refused: str = ""
    before: int = 0
    after: int = 0
    place: int = 0
    of: int = 0
    parts: list[tuple[str, bool]] = field(default_factory=list)
    is_missed: bool = False


def person_of(campaign: Campaign, wanted: str, find: str = "") -> Person | None:
    """The person of a row (its number), `longest`, `fallback` or `random`, or the first one that `find` finds.

    The first of all where there is none. None: an empty list, or a text that cannot be read.
    """
    people = CampaignRecipient.objects.filter(campaign=campaign, verdict__in=_SHOWN).order_by("row")
    try:
        texts = Texts(campaign)
    except MergeError:
        return None
    found = search(campaign, people, find).first() if find else None
    is_missed = bool(find) and found is None
    found = found or _chosen(people, wanted, texts, campaign) or people.first()
    if found is None:
        return None
    text, refused = None, ""
    try:
        text = texts.for_row(found.fields)
    except TextRefused as error:
        refused = error.sentence
    name = " ".join(found.fields.get(one, "") for one in ("firstname", "lastname")).strip()
    return Person(
        row=found.row,
        name=name or found.fields.get("name", ""),
        phone=format_for_people(found.phone),
        text=text,
        refused=refused,
        before=people.filter(row__lt=found.row).order_by("-row").values_list("row", flat=True).first() or 0,
        after=people.filter(row__gt=found.row).values_list("row", flat=True).first() or 0,
        place=people.filter(row__lte=found.row).count(),
        of=people.count(),
        parts=texts.pieces_for_row(found.fields) if text is not None and campaign.kind == Kind.TEXT else [],
        is_missed=is_missed,
    )


def longest_of(campaign: Campaign) -> CampaignRecipient | None:
    """Whoever gets the longest text of those it will be sent to; None when that is nobody."""
    people = CampaignRecipient.objects.filter(campaign=campaign, verdict=RowVerdict.SEND)
    try:
        return people.order_by(_length(Texts(campaign), campaign).desc(), "row").first()
    except MergeError:
        return None


def _chosen(
    people: QuerySet[CampaignRecipient], wanted: str, texts: Texts, campaign: Campaign
) -> CampaignRecipient | None:
    if wanted == "random":
        return people.order_by("?").first()
    if wanted == "fallback":
        fed = [texts.campaign.column_of(name) for name in texts.fields if name in texts.fallbacks]
        empty = [~Q(fields__has_key=column) for column in fed]
        return people.filter(reduce(or_, empty)).first() if empty else None
    if wanted == "longest":
        return people.order_by(_length(texts, campaign).desc(), "row").first()
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 10:
        return people.filter(row=int(wanted)).first()
    return None


def _length(texts: Texts, campaign: Campaign) -> Any:
    """How many characters the values of a row bring into the text, each as often as it stands there."""
    words = campaign.body if campaign.kind == Kind.TEXT else repr(campaign.template_values)
    length: Any = Value(0, output_field=IntegerField())
    for name in texts.fields:
        default = str(texts.values.get(name) or texts.fallbacks.get(name, ""))
        column = campaign.column_of(name)
        value = Coalesce(Cast(KeyTextTransform(column, "fields"), TextField()), Value(default))
        length = length + Length(value) * words.count(f"${{{name}}}")
    return length


def empties(campaign: Campaign, names: list[str]) -> dict[str, int]:
    """How many of the people who could be written to have nothing in each of these columns; one query."""
    people = CampaignRecipient.objects.filter(campaign=campaign, verdict__in=_SHOWN)
    counts = {f"of_{name}": Count("pk", filter=~Q(fields__has_key=name)) for name in names}
    found = people.aggregate(**counts) if counts else {}
    return {name: found[f"of_{name}"] for name in names}


def examples(campaign: Campaign, names: list[str]) -> dict[str, str]:
    """A value of each of these columns, from the first rows."""
    first = CampaignRecipient.objects.filter(campaign=campaign).order_by("row").values_list("fields", flat=True)
    found: dict[str, str] = {}
    for fields in first[:20]:
        for name in names:
            if fields.get(name):
                found.setdefault(name, fields[name])
    return found
