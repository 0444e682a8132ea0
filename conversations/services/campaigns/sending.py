"""A worker and a chunk: claim it, then window after window: gate, wire, outcome; every step a commit.

What a worker dies in the middle of is known by `on_wire`: a window that stands there may have left, and nothing
else can have.
"""

from __future__ import annotations

import logging
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from conversations.models import CampaignChunk, SendAttempt
from conversations.models.campaign import CampaignStatus, ChunkStatus
from conversations.services import spool
from conversations.services.campaigns import control, media, taking, window
from conversations.services.clock import database_now

logger = logging.getLogger(__name__)

JOB_SECONDS = 60.0  # then the worker leaves the chunk to another job
LONGEST_NAP, SHORTEST_NAP = timedelta(seconds=0.2), timedelta(seconds=0.05)  # several turns may come in one
GO_ON_SECONDS = 10.0  # so long a worker takes chunk after chunk; then other jobs have their turn


def deliver_chunk(chunk_id: int) -> None:
    """Send a chunk as far as it may leave now; harmless when called twice, late, or at once by two workers.

    Never raises for a provider's fault: what happened is on the rows.
    """
    if _has_room() and (claim := _claim(chunk_id)):
        _deliver(chunk_id, claim, ends=time.monotonic() + JOB_SECONDS)


def deliver_what_is_due() -> None:
    """Send chunk after chunk, the oldest first, as long as there are any and GO_ON_SECONDS have not passed.

    A job costs a new process with new connections, so whoever has finished its own work takes what comes next.
    """
    ends = time.monotonic() + GO_ON_SECONDS
    had: list[int] = []
    while time.monotonic() < ends and _has_room():
        with transaction.atomic():  # another worker passes over it until the claim is written
            due = CampaignChunk.objects.due(database_now()).exclude(pk__in=had)
            free = due.select_for_update(no_key=True, skip_locked=True, of=("self",))
            chunk = free.order_by("id").only("pk").first()
            claim = _claim(chunk.pk) if chunk is not None else None
        if chunk is None or claim is None:
            return
        had.append(chunk.pk)
        control.take_back_hint(chunk.pk)
        _deliver(chunk.pk, claim, ends=ends)


def _has_room() -> bool:
    if spool.has_room():
        return True
    logger.error("The disk of SPOOL_DIR is full: this host sends nothing, since an answer could be lost.")
    return False


def _deliver(chunk_id: int, claim: uuid.UUID, *, ends: float) -> None:
    of_chunk = CampaignChunk.objects.values_list("payload", "campaign", "campaign__media")
    payload, campaign_of_chunk, files = of_chunk.get(pk=chunk_id)
    may_leave = not files or media.keep_usable(campaign_of_chunk)
    pace = window.Pace()
    with ThreadPoolExecutor(taking.MOST_AT_ONCE, thread_name_prefix="wave") as threads:
        while may_leave and time.monotonic() < ends:
            taken = taking.take(chunk_id, claim, payload, in_waves=pace.is_quick)
            if taken is not None:
                pace = window.send(taken, threads, pace)
            elif not _nap_until_its_turn(chunk_id, claim):
                break
    campaign_id = _release(chunk_id, claim)
    if campaign_id is not None:
        control.finish_if_over(campaign_id)


def _nap_until_its_turn(chunk_id: int, claim: uuid.UUID) -> bool:
    """Wait for the next turn of the stream where it comes soon; False when the worker should look elsewhere.

    The dispatcher comes by once a second, and by then more turns may have come than a stream keeps. Streams at which no
    worker is come first.
    """
    held = CampaignChunk.objects.filter(pk=chunk_id, claim=claim, campaign__status=CampaignStatus.RUNNING)
    turn = held.exclude(rest=[]).values_list("next_attempt_at", flat=True).first()
    now = database_now()
    if turn is None or turn > now + LONGEST_NAP:
        return False
    busy = CampaignChunk.objects.filter(status=ChunkStatus.SENDING).values("campaign__stream")
    if CampaignChunk.objects.due(now).exclude(campaign__stream__in=busy).exists():
        return False
    time.sleep(max(turn - now, SHORTEST_NAP).total_seconds())
    return True


def _claim(chunk_id: int) -> uuid.UUID | None:
    claim, now = uuid.uuid4(), database_now()
    due = CampaignChunk.objects.due(now).filter(pk=chunk_id)
    # The status stands outside too: whoever waited for another's claim looks at it again, and at nothing within.
    claimed = CampaignChunk.objects.filter(pk__in=due, status=ChunkStatus.READY).update(
        status=ChunkStatus.SENDING,
        claim=claim,
        lease_until=now + timedelta(seconds=settings.DELIVERY_LEASE_SECONDS),
        backend_pid=connection.connection.info.backend_pid,
    )
    return claim if claimed else None


def _release(chunk_id: int, claim: uuid.UUID) -> int | None:
    """End the claim: the chunk is done, or ready for whoever comes next. Returns the campaign of a done chunk."""
    with transaction.atomic():
        claimed = CampaignChunk.objects.defer("payload").filter(pk=chunk_id, claim=claim)
        chunk = claimed.select_for_update(no_key=True, of=("self",)).first()
        if chunk is None or chunk.on_wire:
            return None  # somebody has taken over, or the answer waits on the disk
        SendAttempt.objects.filter(chunk=chunk, finished_at=None).update(finished_at=timezone.now())
        chunk.status = ChunkStatus.READY if chunk.rest else ChunkStatus.DONE
        chunk.claim = chunk.lease_until = chunk.backend_pid = chunk.hinted_at = None
        chunk.save(update_fields=["status", "claim", "lease_until", "backend_pid", "hinted_at"])
    return chunk.campaign_id
