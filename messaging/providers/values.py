"""Reading single values of a provider's JSON: whatever stands there, the result has the type that was asked for."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

_NUMBER = re.compile(r"\+?[0-9]{4,15}")


def text(value: Any) -> str:
    """Text or a whole number as text, without what UTF-8 and PostgreSQL cannot hold; else nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).replace("\x00", "").encode("utf-8", "replace").decode()


def record(value: Any) -> dict[str, Any]:
    """The object; empty where something else stands in its place."""
    return value if isinstance(value, dict) else {}


def records(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; whatever else it holds is left out, as is anything that is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def iso_moment(value: Any) -> datetime | None:
    """An aware UTC time from ISO 8601 text, or None; times without a zone are UTC."""
    try:
        moment = datetime.fromisoformat(text(value))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def phone(value: Any) -> str:
    """A number, or a short code, with its country code and a `+`, however it was written; else nothing."""
    given = re.sub(r"[ ().-]", "", text(value))
    return "+" + given.removeprefix("+") if _NUMBER.fullmatch(given) else ""
