"""The ledger as the pages show it: rows, whole exchanges, and which of them no document describes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.db.models.functions import Left

from messaging.sandbox.faults import BY_KEY
from messaging.sandbox.models import EntryKind, LedgerEntry, Provider

SHORT_NAMES: Mapping[str, str] = {
    Provider.CIRRUS: "Cirrus",
    Provider.CCAI_PLATFORM: "CCAI",
    Provider.WEBEX_INTERACT: "Webex",
}
UNDOCUMENTED_HOOKS: Mapping[str, str] = {
    "OnChildStatus": "Cirrus documents no delivery or read reports; this event is the sandbox's own.",
    "message_status": "CCAI Platform documents no delivery reports; this event is the sandbox's own.",
    "message_received": "CCAI Platform documents this event for chats. That it tells of texts, and the keys "
    "end_user_number and outbound_number, are the sandbox's own.",
}
"""By the first word of a webhook's summary, its event."""

FIRST_LETTERS = 1500  # of each body in a list
"""How much of a body a list shows; the exchange's own page has it whole."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP exchange, ready to be read."""

    id: int
    at: datetime
    is_hook: bool
    method: str
    provider: str
    address: str
    subject: str  # what a list names it by
    headers: Mapping[str, str]
    body: str
    status: int | None
    answer_headers: Mapping[str, str]
    answer_body: str
    note: str
    milliseconds: float
    phones: Sequence[str]
    fault: str
    extension: str
    is_whole: bool

    @property
    def verdict(self) -> str:
        """The chip at the end of a row: the status, or that there was no answer."""
        if self.status is None:
            return "no answer"
        return "sent" if self.is_hook and self.status < 300 else str(self.status)

    @property
    def tone(self) -> str:
        """The chip's colour: ok, warn (refused), bad (no answer or a fault of the server), none (a webhook sent)."""
        if self.status is None or self.status >= 500:
            return "bad"
        if self.status >= 300:
            return "warn"
        return "" if self.is_hook else "ok"

    @property
    def duration(self) -> str:
        """In words: 38 ms, 30.0 s."""
        if self.milliseconds >= 1000:
            return f"{self.milliseconds / 1000:.1f} s"
        return f"{self.milliseconds:.0f} ms"


def latest(provider: str, count: int) -> list[Exchange]:
    """The newest exchanges, of one provider or (any other word) of all, bodies cut to their first letters."""
    return [read(entry, is_whole=False) for entry in cut(of_provider(provider))[:count]]


def of_provider(provider: str) -> QuerySet[LedgerEntry]:
    """The ledger, or one provider's part of it."""
    entries = LedgerEntry.objects.all()
    return entries.filter(provider=provider) if provider in SHORT_NAMES else entries


def cut(entries: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
    """The same rows without more of their bodies than a list shows: a campaign's have 64 KB each."""
    first = {name: Left(name, FIRST_LETTERS + 1) for name in ("body", "answer_body")}
    return entries.defer("body", "answer_body").annotate(
        first_body=first["body"], first_answer_body=first["answer_body"]
    )


def read(entry: LedgerEntry, *, is_whole: bool) -> Exchange:
    """A row of the ledger for people. With `is_whole` false, `entry` comes from `cut`."""
    is_hook = entry.kind == EntryKind.HOOK
    body = entry.body if is_whole else entry.first_body  # type: ignore[attr-defined]
    answer_body = entry.answer_body if is_whole else entry.first_answer_body  # type: ignore[attr-defined]
    fault = BY_KEY.get(entry.fault)
    return Exchange(
        id=entry.pk,
        at=entry.created_at,
        is_hook=is_hook,
        method=entry.method,
        provider=SHORT_NAMES.get(entry.provider, entry.provider),
        address=entry.path,
        subject=entry.summary.rpartition(": ")[2] if is_hook else entry.path.removeprefix(f"/{entry.provider}"),
        headers=entry.headers,
        body=_readable(body),
        status=entry.status,
        answer_headers=entry.answer_headers,
        answer_body=_readable(answer_body),
        note=entry.outcome,
        milliseconds=entry.duration_ms,
        phones=entry.phone_numbers,
        fault=fault.label if fault else "",
        extension=_extension(entry),
        is_whole=is_whole or max(len(body), len(answer_body)) <= FIRST_LETTERS,
    )


def _readable(body: str) -> str:
    """JSON with a line for each value; anything else as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body


def _extension(entry: LedgerEntry) -> str:
    """Why an exchange is an extension of the sandbox; "" when the provider's documents describe it."""
    if entry.kind == EntryKind.HOOK:
        return UNDOCUMENTED_HOOKS.get(entry.summary.partition(":")[0], "")
    fault = BY_KEY.get(entry.fault)
    return "" if fault is None or fault.documented else "No document describes this fault; the sandbox makes it up."
