"""The common core of reading an answer: which HTTP statuses prove what."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from messaging.errors import CredentialsRefused, Refused, Throttled, Unconfirmed
from messaging.types import Answer

LONGEST_WAIT = 3600.0  # seconds: a longer Retry-After is capped, so that a typing error cannot stop a stream


def raise_for_status(answer: Answer, text: str = "") -> None:
    """Return for a 2xx answer; raise what any other status proves.

    `text` is the provider's own message where the caller could read one. Redirects are never followed: the
    body may already have been taken, so they are Unconfirmed, as is every 5xx but 503.
    """
    status = answer.status
    words = text or f"HTTP {status}"
    if 200 <= status < 300:
        return
    if status in (429, 503):
        raise Throttled(words, answer=answer, retry_after=retry_after(answer))
    if status in (408, 425):
        raise Throttled(words, answer=answer)
    if status in (401, 403):
        raise CredentialsRefused(words, answer=answer)
    if 400 <= status < 500:
        raise Refused(words, answer=answer)
    raise Unconfirmed(words, answer=answer)


def retry_after(answer: Answer, *, now: datetime | None = None) -> float | None:
    """Seconds to wait by the Retry-After header, digits or an HTTP date; None when absent or unreadable."""
    value = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,10}", value):
        return min(float(value), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - (now or datetime.now(UTC))).total_seconds(), 0.0), LONGEST_WAIT)


def read_json_object(answer: Answer) -> dict[str, Any]:
    """The JSON object of a 2xx answer; Unconfirmed when a success cannot be read (it may have been taken)."""
    try:
        data = answer.json()
    except ValueError as error:
        raise Unconfirmed("The answer could not be read.", code="unreadable_answer", answer=answer) from error
    if not isinstance(data, dict):
        raise Unconfirmed("The answer is not an object.", code="unreadable_answer", answer=answer)
    return data


def text_at(answer: Answer, *path: str | int) -> str:
    """The text at a path of the answer's JSON, or nothing: for the provider's words in an error answer."""
    try:
        value: Any = answer.json()
        for step in path:
            value = value[step]
    except (ValueError, KeyError, IndexError, TypeError):
        return ""
    return value if isinstance(value, str) else ""
