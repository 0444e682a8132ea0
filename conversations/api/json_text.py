"""JSON as programs send it: as the standard has it, with texts that PostgreSQL can hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn


def read_strictly(text: str | bytes) -> Any:
    """The value of a JSON text in UTF-8. Raises ValueError for what is none: NaN, or nested beyond reason, as well."""
    try:
        return json.loads(text.decode() if isinstance(text, bytes) else text, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def can_be_stored(value: Any) -> bool:
    """False when a text in it, however deep, has NUL or half a pair of surrogates, which JSON may bring."""
    return not any("\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text) for text in _texts(value))


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value; names of fields too."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
