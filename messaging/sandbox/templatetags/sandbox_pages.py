"""What the sandbox's templates need beyond Django's own tags."""

from __future__ import annotations

from datetime import datetime

import phonenumbers
from django import template
from django.utils import timezone
from django.utils.formats import date_format
from phonenumbers import NumberParseException, PhoneNumberFormat

from messaging.sandbox.pages.place import Place

register = template.Library()


@register.simple_tag(takes_context=True)
def here(context: template.Context, step: str = "", **changes: str | int) -> str:
    """The address of the page at hand with some of its query changed: {% here pane="sms" %}."""
    place: Place = context["place"]
    return place.url(step, **changes)


@register.filter
def spaced(number: str) -> str:
    """An E.164 number in its country's groups: +44 7700 900142."""
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException:
        return number
    return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL).replace("-", " ")


@register.filter
def initials(name: str) -> str:
    """One or two letters for a round picture; a name that is a number gives its last two digits."""
    words = [word for word in name.split() if word[:1].isalpha()]
    if not words:
        digits = [character for character in name if character.isdecimal()]
        return "".join(digits[-2:])
    if len(words) == 1:
        return words[0][:2] if words[0].isupper() else words[0][:1]
    if words[0].isupper() and len(words[0]) == 2:
        return words[0]
    return words[0][0].upper() + words[-1][0].upper()


@register.filter
def tint(text: str) -> int:
    """Which of the six colours of round pictures is this one's, always the same for the same text."""
    return sum(text.encode()) % 6 + 1


@register.filter
def day(moment: datetime) -> str:
    """Today, Yesterday, or the date; with its year when that is not this year."""
    local, today = timezone.localtime(moment).date(), timezone.localdate()
    distance = (today - local).days
    if distance in (0, 1):
        return ("Today", "Yesterday")[distance]
    return date_format(local, "D j M" if local.year == today.year else "j M Y")
