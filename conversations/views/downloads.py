"""Files that are written while they are read."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import StreamingHttpResponse
from django.utils import timezone

from conversations.services.csv_files import write_rows


def csv_answer(rows: Iterable[Iterable[object]], name: str) -> StreamingHttpResponse:
    """A download of these rows; the day stands behind its name."""
    response = StreamingHttpResponse(write_rows(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{timezone.localdate():%Y-%m-%d}.csv"'
    return response
