"""Writes down every request with its answer and every webhook with its answer; secrets are masked first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from django.http import HttpRequest

from .models import EntryKind, LedgerEntry, SandboxAccount, TimerEvent

if TYPE_CHECKING:
    import requests

    from .plays import Hook

BODY_LIMIT = 64 * 1024  # characters kept of each body
_TOKEN = re.compile(r"(?<=/)[\w-]{16,}")  # a long last or middle part of a path
_SECRET_HEADERS = frozenset(
    {"authorization", "x-auth-key", "cookie", "set-cookie", "x-signature", "x-hub-signature", "x-webhook-secret"}
)


def mask_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that have a value, every secret replaced by its last four characters."""
    return {name: _mask(name.lower(), value) for name, value in headers.items() if value}


def _mask(name: str, value: str) -> str:
    if name not in _SECRET_HEADERS:
        return value
    scheme = f"{value.partition(' ')[0]} " if name == "authorization" and " " in value else ""
    secret = value.removeprefix(scheme)
    return f"{scheme}****{secret[-4:] if len(secret) >= 12 else ''}"


def _mask_address(url: str) -> str:
    """A webhook's address without the token in it: that token is what protects the product's webhook."""
    return _TOKEN.sub(lambda match: f"****{match[0][-4:]}", url)


def _cut(body: bytes | str) -> str:
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    if len(text) <= BODY_LIMIT:
        return text
    return f"{text[:BODY_LIMIT]}\n[{len(text) - BODY_LIMIT} more characters]"


def record_request(
    request: HttpRequest,
    *,
    provider: str,
    account: SandboxAccount | None,
    body: bytes,
    status: int | None,
    answer_headers: Mapping[str, str],
    answer_body: bytes,
    duration_ms: float,
    phones: Iterable[str] = (),
    fault: str = "",
    outcome: str = "",
) -> LedgerEntry:
    """Keep one call of the product. `status` is None when no whole status line was sent."""
    return LedgerEntry.objects.create(
        kind=EntryKind.REQUEST,
        provider=provider,
        account=account,
        method=request.method or "",
        path=request.get_full_path()[:1000],
        headers=mask_headers(dict(request.headers)),
        body=_cut(body),
        status=status,
        answer_headers=mask_headers(answer_headers),
        answer_body=_cut(answer_body),
        outcome=outcome,
        duration_ms=round(duration_ms, 1),
        phones=_spaced(phones),
        fault=fault,
    )


def record_hook(
    event: TimerEvent, hook: Hook, answer: requests.Response | None, problem: str, duration_ms: float
) -> LedgerEntry:
    """Keep one webhook that was sent to the product. `problem` says why there is no answer."""
    return LedgerEntry.objects.create(
        kind=EntryKind.HOOK,
        provider=event.account.provider,
        account=event.account,
        method="POST",
        path=_mask_address(event.account.webhook_url)[:1000],
        summary=hook.summary[:120],
        headers=mask_headers(hook.headers),
        body=_cut(hook.body),
        status=None if answer is None else answer.status_code,
        answer_headers={} if answer is None else mask_headers(dict(answer.headers)),
        answer_body="" if answer is None else _cut(answer.content),
        outcome=problem[:120],
        duration_ms=round(duration_ms, 1),
        phones=_spaced([event.message.phone.number]) if event.message else "",
        fault=event.message.fault if event.message else "",
    )


def _spaced(phones: Iterable[str]) -> str:
    joined = " ".join(dict.fromkeys(phones))
    return f" {joined} " if joined else ""
