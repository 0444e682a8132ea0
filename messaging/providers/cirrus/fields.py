"""Reading their JSON and XML: key case varies, numbers come as strings, dates come in several forms."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from messaging.providers import values

_DAY_FIRST = re.compile(r"^(\d{2})[-/](\d{2})[-/](\d{4})")
_COLON_FRACTION = re.compile(r"(\d{2}:\d{2}:\d{2}):(\d+)")


def clean_text(value: Any) -> str:
    """Text or a number as text, without what UTF-8 and PostgreSQL cannot hold; nothing for any other type."""
    if isinstance(value, Mapping):
        value = value.get("#text", "")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return values.text(str(value) if isinstance(value, float) else value)


def whole_number(value: Any) -> int | None:
    """A whole number of at most 19 digits, given as a number or as its text; None for anything else."""
    text = clean_text(value).strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,19}", text) else None


def read_moment(value: Any) -> datetime | None:
    """An aware time from any form the documents show; times without a zone are UTC.

    `2024-08-06T07:51:52.2581942Z`, `2023-09-05T08:44:20`, `2025-04-15T07:23:18:479`, `26-03-2017 06:36:15`.
    None for what cannot be read and for .NET's empty date of the year 1.
    """
    text = _DAY_FIRST.sub(r"\3-\2-\1", clean_text(value).strip())
    moment = values.iso_moment(_COLON_FRACTION.sub(r"\1.\2", text))
    return None if moment is None or moment.year == 1 else moment


def e164(number: str) -> str:
    """A number of 7 to 15 digits with its country code, with a `+`; nothing for anything else."""
    digits = number.strip().removeprefix("+").removeprefix("00")
    return f"+{digits}" if re.fullmatch(r"[0-9]{7,15}", digits) else ""


def customer_phone(*, identity: str, phone1: str, phone2: str) -> str:
    """The number that wrote, E.164, or nothing.

    The identity is the address that wrote, but in the published example it lacks the country code that
    `Phone1` has; where both are the same number, `Phone1` is the whole of it.
    """
    if phone1.endswith(identity) or not e164(identity):
        return e164(phone1) or e164(identity) or e164(phone2)
    return e164(identity)


def read_content(value: Any) -> dict[str, Any]:
    """`Content`, documented as a JSON string, sent as an object in examples: either way its values, or none."""
    try:
        if isinstance(value, str):
            value = json.loads(value, parse_constant=lambda _: None)
        return _storable(value) if isinstance(value, Mapping) else {}
    except (ValueError, RecursionError):
        return {}


def _storable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {clean_text(name): _storable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return clean_text(value) if isinstance(value, str) else value


class Fields:
    """One of their records, read by name without regard to case. A record of a wrong type reads as empty.

    Where several names are given, the first that holds something wins. A leading `@`, as converters put
    before what were attributes in XML, is not part of the name.
    """

    __slots__ = ("_values",)

    def __init__(self, value: Any) -> None:
        pairs = value.items() if isinstance(value, Mapping) else ()
        self._values = {str(name).removeprefix("@").lower(): item for name, item in pairs}

    def __bool__(self) -> bool:
        return bool(self._values)

    def has(self, name: str) -> bool:
        """Is the name there, whatever it holds?"""
        return name in self._values

    def raw(self, *names: str) -> Any:
        """The value as it came; None where there is none or only empty text. Names are lower case."""
        for name in names:
            value = self._values.get(name)
            if value not in (None, ""):
                return value
        return None

    def text(self, *names: str) -> str:
        """Text as it came; a number as its text."""
        return clean_text(self.raw(*names))

    def number(self, *names: str) -> int | None:
        """A whole number."""
        return whole_number(self.raw(*names))

    def flag(self, *names: str) -> bool:
        """True for true, 1 and their texts."""
        value = self.raw(*names)
        return value is True or clean_text(value).strip().lower() in ("true", "1")

    def moment(self, *names: str) -> datetime | None:
        """An aware time."""
        return read_moment(self.raw(*names))

    def content(self, *names: str) -> dict[str, Any]:
        """A JSON string or an object."""
        return read_content(self.raw(*names))

    def inner(self, *names: str) -> Fields:
        """A record inside this one; empty where there is none."""
        return Fields(self.raw(*names))

    def inner_all(self, *names: str) -> list[Fields]:
        """The records of a list; a single record reads as a list of one."""
        return as_records(self.raw(*names))


def as_records(value: Any) -> list[Fields]:
    """The records of a list or of a single one; anything else among them is left out."""
    items = value if isinstance(value, list) else [value]
    return [Fields(item) for item in items if isinstance(item, Mapping)]
