"""What the dispatcher does for the mirror: wake a worker for what no job woke."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from conversations import queue
from conversations.models import Activity, Stream
from conversations.models.account import AccountHealth

MOST_CONVERSATIONS = 200


def sweep(at: datetime) -> None:
    """Wake a worker for each conversation whose next entry is due. While Valkey is away the dispatcher tells them."""
    if ids := take_streams_to_read(at):
        queue.hint("read_mirrors", ids, queue=queue.BULK)
    for pk in due_conversations(at)[:MOST_CONVERSATIONS]:
        if not queue.hint("push_mirror", [pk], queue=queue.BULK):
            return


def take_streams_to_read(at: datetime) -> list[int]:
    """The mirrored streams that are to be read now; each is taken by one sweep only."""
    if not settings.MIRROR_SYNC_MINUTES:
        return []
    before = at - timedelta(minutes=settings.MIRROR_SYNC_MINUTES)
    waiting = Stream.objects.working().filter(Q(mirror_read_at=None) | Q(mirror_read_at__lte=before))
    taken = []
    for stream in waiting.select_related("account").defer("account__credentials"):
        if waiting.filter(pk=stream.pk).update(mirror_read_at=at) and stream.is_mirrored:
            taken.append(stream.pk)
    return taken


def due_conversations(at: datetime) -> list[int]:
    """The conversations whose first waiting entry may be told now, the longest waiting first."""
    first = (
        Activity.objects.to_push()
        .filter(conversation__stream__is_active=True, conversation__stream__account__is_active=True)
        .exclude(conversation__stream__account__health=AccountHealth.NEEDS_CREDENTIALS)
        .exclude(conversation__stream__paused_until__gt=at)
        .order_by("conversation_id", "id")
        .distinct("conversation_id")
    )
    due = Activity.objects.filter(pk__in=first.values("pk")).filter(
        Q(push_claim=None) | Q(push_lease_until__lte=at), Q(push_next_at=None) | Q(push_next_at__lte=at)
    )
    return list(due.order_by("id").values_list("conversation_id", flat=True))
