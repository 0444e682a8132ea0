"""The ledger's own pages: every request and webhook, and one of them in full."""

from __future__ import annotations

from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse

from messaging.sandbox.models import EntryKind, LedgerEntry

from .exchanges import SHORT_NAMES, cut, of_provider, read
from .rendering import page

PAGE_SIZE = 50


def ledger(request: HttpRequest) -> HttpResponse:
    """GET /ledger/: newest first, `before` or `after` an id, filtered by provider, direction and phone."""
    provider, kind = request.GET.get("provider", ""), request.GET.get("kind", "")
    phone = request.GET.get("phone", "").strip()[:20]
    entries = of_provider(provider)
    if kind in EntryKind.values:
        entries = entries.filter(kind=kind)
    digits = "".join(character for character in phone if character.isdecimal())
    if digits:
        entries = entries.filter(phones__contains=digits)
    rows, newer, older = _one_page(entries, _key(request, "before"), _key(request, "after"))
    chosen = {name: value for name, value in {"provider": provider, "kind": kind, "phone": phone}.items() if value}
    return page(
        request,
        "ledger.html",
        {
            "section": "ledger",
            "exchanges": [read(entry, is_whole=False) for entry in rows],
            "count": entries.count(),
            "newer": f"?{urlencode(chosen | {'after': rows[0].pk})}" if newer else "",
            "older": f"?{urlencode(chosen | {'before': rows[-1].pk})}" if older else "",
            "providers": [(slug, label, f"?{urlencode(chosen | {'provider': slug})}") for slug, label in _providers()],
            "kinds": EntryKind.choices,
            "provider": provider,
            "kind": kind,
            "phone": phone,
            "is_filtered": bool(chosen),
        },
    )


def exchange(request: HttpRequest, entry_id: int) -> HttpResponse:
    """GET /ledger/{id}/: one exchange with its headers and whole bodies."""
    entry = LedgerEntry.objects.select_related("account").filter(pk=entry_id).first()
    if entry is None:
        raise Http404
    neighbours = LedgerEntry.objects.values_list("pk", flat=True)
    return page(
        request,
        "exchange.html",
        {
            "section": "ledger",
            "exchange": read(entry, is_whole=True),
            "account": entry.account,
            "newer": neighbours.filter(pk__gt=entry.pk).order_by("pk").first(),
            "older": neighbours.filter(pk__lt=entry.pk).first(),
        },
    )


def _providers() -> list[tuple[str, str]]:
    return [("", "All"), *SHORT_NAMES.items()]


def _key(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 15 else None


def _one_page(
    entries: QuerySet[LedgerEntry], before: int | None, after: int | None
) -> tuple[list[LedgerEntry], bool, bool]:
    """The rows of a page, newest first, and whether there are newer and older ones."""
    if after is not None:
        rows = list(cut(entries).filter(pk__gt=after).order_by("pk")[: PAGE_SIZE + 1])
        more = len(rows) > PAGE_SIZE
        return rows[:PAGE_SIZE][::-1], more, bool(rows)
    if before is not None:
        entries_before = cut(entries).filter(pk__lt=before)
    else:
        entries_before = cut(entries)
    rows = list(entries_before[: PAGE_SIZE + 1])
    return rows[:PAGE_SIZE], before is not None and bool(rows), len(rows) > PAGE_SIZE
