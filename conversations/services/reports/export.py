"""One row a conversation, for whoever counts differently. Names, numbers and texts stay here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from conversations.models import ConversationTimes
from conversations.services.reports.scope import Scope
from conversations.services.reports.working_time import working_seconds

AT_ONCE = 2_000
COLUMNS = (
    *("conversation", "stream", "channel", "status", "began", "customer_wrote", "first_reply", "first_reply_by"),
    *("first_reply_seconds", "first_reply_working_seconds", "resolved", "resolution_seconds"),
    *("resolution_working_seconds", "assigned_to", "team"),
)


def rows(scope: Scope) -> Iterator[list[object]]:
    """The conversations that began in the scope, stream by stream and oldest first; times are the site's."""
    yield list(COLUMNS)
    names = {one.pk: one for one in scope.streams}
    for stream in scope.streams:
        begun = ConversationTimes.objects.visible_to(scope.user).filter(stream=stream.pk)
        begun = begun.begun(scope.since, scope.until).select_related(
            "conversation__assignee", "conversation__team", "replied_by"
        )
        after: Any = Q()
        while part := list(begun.filter(after).order_by("started_at", "pk")[:AT_ONCE]):
            for times in part:
                yield _row(times, names)
            last = part[-1]
            later = Q(started_at__gt=last.started_at) | Q(started_at=last.started_at, pk__gt=last.pk)
            after = Q(started_at__gte=last.started_at) & later


def _row(times: ConversationTimes, names: dict[int, Any]) -> list[object]:
    one, stream = times.conversation, names[times.stream_id]
    return [
        *(one.pk, stream.name, stream.get_channel_display(), one.get_status_display()),
        *(_time(times.started_at), _time(times.asked_at), _time(times.replied_at), times.replied_by or ""),
        working_seconds(times.asked_at, times.replied_at, None) if times.asked_at and times.replied_at else "",
        times.reply_working,
        _time(times.resolved_at),
        working_seconds(times.started_at, times.resolved_at, None) if times.resolved_at else "",
        times.resolution_working,
        *(one.assignee or "", one.team or ""),
    ]


def _time(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}" if moment else ""
