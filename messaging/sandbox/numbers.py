"""Phone numbers as the providers read them, and the virtual phones behind them."""

from __future__ import annotations

from collections.abc import Iterable

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from .models import VirtualPhone


def parse(text: str, region: str | None = None) -> PhoneNumber | None:
    """The number in `text`, or None when it cannot be one (it need not be valid: fiction is deliverable here)."""
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def e164(number: PhoneNumber) -> str:
    """The number as E.164 text with its plus sign."""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def from_digits(text: str) -> str | None:
    """E.164 of a number written as digits with country code and without plus sign, as Cirrus wants it."""
    if not (text.isascii() and text.isdecimal() and 5 <= len(text) <= 20):
        return None
    number = parse(f"+{text}")
    return e164(number) if number is not None else None


def from_international(text: str) -> str | None:
    """E.164 of a number in international format with a plus sign, as Webex wants it."""
    if not (text.startswith("+") and text[1:].isascii() and text[1:].isdecimal()):
        return None
    number = parse(text)
    return e164(number) if number is not None else None


def phones_for(numbers: Iterable[str]) -> dict[str, VirtualPhone]:
    """The virtual phone of each E.164 number, made where there was none. Call inside `database.writing()`."""
    wanted = list(dict.fromkeys(numbers))
    known = {phone.number: phone for phone in VirtualPhone.objects.filter(number__in=wanted)}
    new = [VirtualPhone(number=number) for number in wanted if number not in known]
    VirtualPhone.objects.bulk_create(new, batch_size=500)
    return known | {phone.number: phone for phone in new}
