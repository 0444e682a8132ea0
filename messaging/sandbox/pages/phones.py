"""The list of virtual phones beside the screens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q

from messaging.sandbox.models import PhoneMessage, VirtualPhone
from messaging.sandbox.numbers import e164, parse

from .place import Place

MOST_SHOWN = 60  # a campaign makes thousands of phones
NAME_LENGTH = 80


@dataclass(frozen=True, slots=True)
class ListedPhone:
    """One row of the list."""

    phone: VirtualPhone
    unseen: int
    is_open: bool

    @property
    def digits(self) -> str:
        """As it stands in an address."""
        return self.phone.number.lstrip("+")


@dataclass(frozen=True, slots=True)
class PhoneList:
    """The rows, and how many phones the list leaves out."""

    rows: Sequence[ListedPhone]
    left_out: int


def find_phone(digits: str) -> VirtualPhone | None:
    """The phone with these digits; the first one of the list for "". None when there is no such phone."""
    if not digits:
        return VirtualPhone.objects.exclude(name="").first() or VirtualPhone.objects.first()
    return VirtualPhone.objects.filter(number=f"+{digits}").first()


def phone_list(chosen: VirtualPhone | None, place: Place) -> PhoneList:
    """Phones with a name first, then the newest ones; of those that match `place.find` when that is given."""
    matching = VirtualPhone.objects.all()
    if place.find:
        digits = "".join(character for character in place.find if character.isdecimal())
        by_number = Q(number__contains=digits) if digits else Q()
        matching = matching.filter(Q(name__icontains=place.find) | by_number)
    named = list(matching.exclude(name="")[:MOST_SHOWN])
    unnamed = matching.filter(name="").order_by("-id")[: MOST_SHOWN - len(named)]
    shown = [*named, *unnamed]
    left_out = max(0, matching.count() - len(shown))
    if chosen is not None and chosen not in shown:
        shown.insert(0, chosen)
        left_out = max(0, left_out - 1)
    unseen = PhoneMessage.objects.arrived().filter(is_seen=False, phone__in=shown).order_by()
    counts = dict(unseen.values_list("phone_id").annotate(Count("id")))
    return PhoneList([ListedPhone(phone, counts.get(phone.pk, 0), phone == chosen) for phone in shown], left_out)


def add_phone(number: str, name: str) -> VirtualPhone:
    """Make a virtual phone, or give an existing one a name. Call inside `database.writing()`.

    Raises ValueError with a sentence for people when the number cannot be one.
    """
    parsed = parse(number.strip())
    if parsed is None:
        raise ValueError("Write the number with its country code, such as +44 7700 900142.")
    phone, _ = VirtualPhone.objects.get_or_create(number=e164(parsed))
    name = " ".join(name.split())[:NAME_LENGTH]
    if name:
        phone.name = name
        phone.save(update_fields=["name"])
    return phone
