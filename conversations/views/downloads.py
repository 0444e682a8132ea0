"""Files that are written while they are read."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest, StreamingHttpResponse

from conversations.models.audit import AuditAction
from conversations.services import audit
from conversations.services.csv_files import download
from conversations.views.requests import signed_in


def csv_answer(request: HttpRequest, rows: Iterable[Iterable[object]], name: str) -> StreamingHttpResponse:
    """A download of these rows, which the audit notes; the day stands behind its name."""
    audit.record(AuditAction.EXPORTED, actor=signed_in(request), summary=f"{name}, as CSV.", request=request)
    return download(rows, name)
