"""What a variable without a name is for, as far as its template tells: by its place in the text and by its sample.

A template with numbers only says `Hello {{1}}` and that `Rosa` is a sample; people read from it that a name is meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from messaging.whatsapp.templates import Component, component_of, samples_of, text_in

_GREETINGS = (
    "hello hi hey dear hallo hola bonjour salut ciao ciao, olá oi hej hoi cześć ahoj merhaba namaste "
    "مرحبا مرحباً أهلا أهلاً שלום привет здравствуйте"
)
_GREETED = re.compile(rf"^\s*(?:{'|'.join(map(re.escape, _GREETINGS.split()))})[ ,]+\{{\{{([1-9][0-9]*)\}}\}}", re.I)
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec"
_BY_SAMPLE = (
    ("amount", re.compile(r"[£$€]\s?[0-9][0-9.,]*|[0-9][0-9.,]*\s?[£$€]")),
    ("time", re.compile(r"[0-2]?[0-9]:[0-5][0-9](?:\s?[ap]m)?", re.I)),
    ("date", re.compile(rf".*\b(?:{'|'.join(_MONTHS.split())}|\w+day)\w*\b.*|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}", re.I)),
    ("number", re.compile(r"[0-9]{1,6}")),
)
_CURRENCY = re.compile(r"[£$€]")
_COMMA_FOR_PENCE = re.compile(r"[0-9],[0-9]{2}(?![0-9])")


class Meaning(StrEnum):
    """What a value is."""

    TEXT = "text"
    FIRST_NAME = "first name"
    AMOUNT = "amount"
    TIME = "time"
    DATE = "date"
    NUMBER = "number"


def meaning_of(components: Sequence[Component], part: str, name: str) -> Meaning:
    """Return what the variable `name` of `part` (`header`, `body`) is for; TEXT where nothing tells."""
    greeted = _GREETED.match(text_in(component_of(components, "BODY")))
    if part == "body" and greeted and greeted[1] == name:
        return Meaning.FIRST_NAME
    sample = samples_of(components).get(part, {}).get(name, "").strip()
    return next((Meaning(word) for word, pattern in _BY_SAMPLE if pattern.fullmatch(sample)), Meaning.TEXT)


def kind_words(meaning: Meaning, sample: str) -> str:
    """Return what kind of value is asked for, in a word or three: `date`, `amount in £`, `text`."""
    if meaning is Meaning.AMOUNT and (sign := _CURRENCY.search(sample)):
        return f"amount in {sign[0]}"
    return Meaning.TEXT.value if meaning is Meaning.FIRST_NAME else meaning.value


def date_shape(sample: str) -> str:
    """Return which parts a sample date is written with, for whoever writes another one like it.

    Words out of `weekday`, `day`, `month` or `month-short`, `year`; `iso` for 2026-11-26; empty when no day or no month
    is in it, as in `next Friday`.
    """
    sample = sample.strip()
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", sample):
        return "iso"
    month = next((word for word in re.findall(r"[a-z]+", sample.lower()) if word[:3] in _MONTHS.split()), "")
    if not month or not re.search(r"(?<![0-9])[0-3]?[0-9](?![0-9])", sample):
        return ""
    parts = [
        "weekday" if re.search(r"\w{3,}day\b", sample, re.I) else "",
        "day",
        "month-short" if len(month) == 3 and month != "may" else "month",
        "year" if re.search(r"\b[12][0-9]{3}\b", sample) else "",
    ]
    return " ".join(filter(None, parts))


def wrong_value(meaning: Meaning, value: str, *, language: str) -> str:
    """Return what is wrong with how a value is written, as a sentence; empty when nothing is, or nothing is known.

    Only what customers would misread: an amount with a comma for its pence, in English.
    """
    if meaning is not Meaning.AMOUNT or not language.startswith("en") or not _COMMA_FOR_PENCE.search(value):
        return ""
    if pence := re.fullmatch(r"([^0-9]*[0-9]+),([0-9]{2})[^0-9]*", value.strip()):
        return f"Use a point for pence: {pence[1]}.{pence[2]}."
    return "Write the amount with a point and two digits, like 40.00."
