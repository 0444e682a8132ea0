"""What the dispatcher does for campaigns: begin what is due, recover what a lost worker held, wake for the rest."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from conversations.models import Campaign, CampaignChunk
from conversations.models.attempt import worker_lives
from conversations.models.campaign import UNDER_WAY, CampaignStatus, ChunkStatus
from conversations.services.campaigns import control, reading, recording

BATCH = 100


def sweep(at: datetime) -> None:
    """One round, harmless at any time."""
    for pk in Campaign.objects.to_begin(at).values_list("pk", flat=True)[:BATCH]:
        control.begin(pk)
    _recover(at)
    _wake(at)


def _recover(at: datetime) -> None:
    """What is on the wire waits for its lease, since a worker that lives has the answer; the rest goes back at once."""
    lost = Q(lease_until__lte=at) | (
        Q(on_wire_at=None) & ~Q(worker_lives("conversations_campaignchunk", "lease_until"))
    )
    ids = list(CampaignChunk.objects.filter(lost, status=ChunkStatus.SENDING).values_list("pk", flat=True)[:BATCH])
    for pk in ids:
        with transaction.atomic():
            chunk = (
                CampaignChunk.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
                .filter(lost, pk=pk, status=ChunkStatus.SENDING)
                .first()
            )
            if chunk is not None:
                recording.recover(chunk, at=at)


def _wake(at: datetime) -> None:
    _wake_readers(at)
    for pk in Campaign.objects.filter(status=CampaignStatus.RUNNING, is_planned=False).values_list("pk", flat=True):
        control.hint_planner(pk)
    stale = at - timedelta(seconds=settings.DELIVERY_HINT_SECONDS)
    due = CampaignChunk.objects.due(at).filter(
        Q(hinted_at=None) | Q(hinted_at__lte=stale) | Q(hinted_at__lt=F("next_attempt_at"))
    )
    for pk in due.order_by("id").values_list("pk", flat=True)[:BATCH]:
        if not control.hint_chunk(pk):
            return
    _finish()


def _wake_readers(at: datetime) -> None:
    """Wake again for what waits to be read or checked. Whose row is taken has a worker at it, and is passed by."""
    stale = at - timedelta(seconds=settings.DELIVERY_HINT_SECONDS)
    waiting = Campaign.objects.filter(Q(hinted_at=None) | Q(hinted_at__lte=stale), status=CampaignStatus.CHECKING)
    with transaction.atomic():
        ids = list(waiting.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True)[:BATCH])
        Campaign.objects.filter(pk__in=ids).update(hinted_at=at)
    for pk in ids:
        reading.wake_for(pk)


def _finish() -> None:
    """End what was stopped, and what a worker was lost of between its last outcome and the end of its campaign."""
    open_chunks = CampaignChunk.objects.filter(
        campaign=OuterRef("pk"), status__in=(ChunkStatus.READY, ChunkStatus.SENDING)
    )
    over = Q(status=CampaignStatus.STOPPED) | (Q(status__in=UNDER_WAY, is_planned=True) & ~Exists(open_chunks))
    for pk in Campaign.objects.filter(over, ended_at=None).values_list("pk", flat=True):
        control.finish_if_over(pk)
