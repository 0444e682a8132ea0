"""A worker and a chunk: claim it, then window after window: gate, wire, outcome; every step a commit.

What a worker dies in the middle of is known by `on_wire`: a window that stands there may have left, and nothing
else can have.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from conversations.models import Campaign, CampaignChunk, SendAttempt
from conversations.models.campaign import CampaignStatus, ChunkStatus
from conversations.models.message import Kind
from conversations.models.template import TemplateStatus
from conversations.services import consent, pacing, spool
from conversations.services.accounts import provider_for
from conversations.services.campaigns import control, media, recording, window
from conversations.services.campaigns.hours import Hours
from conversations.services.campaigns.statements import (
    begin_attempts,
    locked_chunk,
    mark_attempts,
    mark_chunk,
    renew_claim,
)
from conversations.services.clock import database_now
from conversations.services.envelope import template_content
from conversations.services.exchange import Fenced, kept_of
from conversations.services.gate import refusals_of
from messaging.providers.base import Provider
from messaging.quiet_hours import NeverOpen
from messaging.types import OutboundMessage, Recipient, TemplateContent

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 20  # requests of one window
MOST_PEOPLE = 100  # of a window with several requests: what one crash leaves in doubt beyond a single request
JOB_SECONDS = 60.0  # then the worker leaves the chunk to another job
GO_ON_SECONDS = 10.0  # so long a worker takes chunk after chunk; then other jobs have their turn
PACES_A_MINUTE = 6  # a pace is kept every ten seconds
LONGEST_BACKOFF = 300.0  # seconds
_READ_WITH_CAMPAIGN = ("stream__account", "stream__policy", "template")


@dataclass(slots=True)
class Taken:
    """A window that a worker is about to send. `calls` may be empty: everybody was refused."""

    chunk: CampaignChunk
    campaign: Campaign
    calls: list[window.Call] = field(default_factory=list)
    attempts: list[SendAttempt] = field(default_factory=list)
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)


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
    while may_leave and time.monotonic() < ends:
        taken = _take(chunk_id, claim, payload)
        if taken is None:
            break
        if taken.calls or taken.refused:
            _send(taken, claim)
    campaign_id = _release(chunk_id, claim)
    if campaign_id is not None:
        control.finish_if_over(campaign_id)


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


def _take(chunk_id: int, claim: uuid.UUID, payload: list[dict[str, Any]]) -> Taken | None:
    """The next window of a claimed chunk, in one commit; None when nothing more may leave now.

    `payload` is the chunk's, which never changes.
    """
    with transaction.atomic():
        chunk = locked_chunk(chunk_id)
        now = database_now()
        # What is still on the wire here has its answer on the disk: nothing more leaves before that is stored.
        if chunk.claim != claim or not chunk.rest or chunk.on_wire or (chunk.next_attempt_at or now) > now:
            return None
        chunk.payload = payload
        campaign = Campaign.objects.select_related(*_READ_WITH_CAMPAIGN).get(pk=chunk.campaign_id)
        if campaign.status != CampaignStatus.RUNNING or campaign.stream.is_paused:
            return None
        if not campaign.stream.is_active or not campaign.stream.account.is_active:
            control.pause_by_itself(campaign.pk, reason=f"{campaign.stream.name} is switched off.")
            return None
        if campaign.template is not None and campaign.template.status != TemplateStatus.APPROVED:
            status = campaign.template.get_status_display().lower()
            control.pause_by_itself(campaign.pk, reason=f"The template {campaign.template.name} is {status} now.")
            return None
        taken = Taken(chunk, campaign)
        if campaign.valid_until is not None and campaign.valid_until <= now:
            taken.refused = dict.fromkeys(chunk.rest, ("expired", "Its validity ended before it could leave."))
            return taken
        size = _people_in_a_request(chunk, campaign)
        at_once = size if campaign.pace else size * max(1, min(MOST_AT_ONCE, MOST_PEOPLE // size))
        places = _awake(chunk, campaign, now)[:at_once]
        taken.refused = _refused(chunk, campaign, places)
        places = [place for place in places if place not in taken.refused]
        groups = [tuple(places[start : start + size]) for start in range(0, len(places), size)]
        granted = _turns(chunk, campaign, groups, now) if groups else 0
        _plan(taken, groups[:granted], now)
        renew_claim(chunk, now + timedelta(seconds=settings.DELIVERY_LEASE_SECONDS))
        return taken if taken.calls or taken.refused else None


def _people_in_a_request(chunk: CampaignChunk, campaign: Campaign) -> int:
    limits = campaign.stream.limits(campaign.kind)
    if campaign.kind == Kind.TEXT and not limits.merges_fields and "body" in chunk.payload[0]:
        return 1  # each has another text
    size = limits.recipients_per_request
    return min(size, max(1, campaign.pace // PACES_A_MINUTE)) if campaign.pace else size


def _awake(chunk: CampaignChunk, campaign: Campaign, now: datetime) -> list[int]:
    """The places whose people may be written to at this hour; when there is none, the chunk waits for the first."""
    hours = Hours(campaign)
    hours.learn([chunk.payload[place]["phone"] for place in chunk.rest])
    awake, openings = [], []
    for place in chunk.rest:
        try:
            opening = hours.opening(chunk.payload[place]["phone"], now)
        except NeverOpen:
            opening = None  # judged by the check; a zone that changed since is no reason to wait for ever
        if opening is None:
            awake.append(place)
        else:
            openings.append(opening)
    if not awake and openings:
        chunk.next_attempt_at = min(openings)
    return awake


def _refused(chunk: CampaignChunk, campaign: Campaign, places: Sequence[int]) -> dict[int, tuple[str, str]]:
    found: dict[int, tuple[str, str]] = {}
    for place in places:
        if sentence := chunk.payload[place].get("refused"):
            found[place] = ("unsendable", sentence)
    verdicts = refusals_of(
        stream=campaign.stream,
        kind=campaign.kind,
        purpose=campaign.purpose,
        phones=[chunk.payload[place]["phone"] for place in places],
    )
    for place in places:
        verdict = verdicts.get(chunk.payload[place]["phone"])
        if verdict is not None:
            found[place] = (verdict.code, verdict.sentence)
    return found


def _turns(chunk: CampaignChunk, campaign: Campaign, groups: Sequence[Sequence[int]], now: datetime) -> int:
    """How many of these requests the campaign's pace and the stream's gate let go now."""
    gate = pacing.lock(campaign.stream)  # before the campaign, as whoever records a window locks them
    if campaign.pace:
        locked = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        if locked.next_chunk_at is not None and locked.next_chunk_at > now:
            chunk.next_attempt_at = locked.next_chunk_at
            return 0
    granted, wait_until = pacing.admit_many(gate, len(groups), at=now)
    if not granted:
        chunk.next_attempt_at = wait_until
    if campaign.pace and granted:
        people = sum(len(group) for group in groups[:granted])
        locked.next_chunk_at = now + timedelta(minutes=people / campaign.pace)
        locked.save(update_fields=["next_chunk_at"])
    return granted


def _plan(taken: Taken, groups: Sequence[Sequence[int]], now: datetime) -> None:
    chunk, campaign = taken.chunk, taken.campaign
    taken.attempts = begin_attempts(chunk, campaign, len(groups), at=now)
    provider = provider_for(campaign.stream.account)
    for places in groups:
        message = outbound_message(campaign, [chunk.payload[place] for place in places])
        taken.calls.append(
            window.Call(
                places=tuple(places),
                refs=tuple(chunk.payload[place]["ref"] for place in places),
                plan=partial(provider.plan, message, campaign.stream.config),
            )
        )


def outbound_message(campaign: Campaign, people: Sequence[dict[str, Any]]) -> OutboundMessage:
    """One request's worth of a chunk: its people, and the text that is the same for all of them."""
    one_text = campaign.body if campaign.stream.limits(campaign.kind).merges_fields else ""
    return OutboundMessage(
        kind=campaign.kind,
        recipients=tuple(
            Recipient(
                ref=person["ref"],
                phone=person["phone"],
                first_name=person.get("firstname", ""),
                last_name=person.get("lastname", ""),
                fields=person.get("fields", {}),
                template=_template(campaign, person) if campaign.kind == Kind.TEMPLATE else None,
            )
            for person in people
        ),
        body="" if campaign.kind == Kind.TEMPLATE else one_text or people[0].get("body", campaign.body),
        valid_until=campaign.valid_until,
    )


def _template(campaign: Campaign, person: dict[str, Any]) -> TemplateContent:
    assert campaign.template is not None
    return template_content(campaign.template, person.get("values", {}), campaign.media, person.get("rendered", {}))


def _send(taken: Taken, claim: uuid.UUID) -> None:
    provider: Provider = provider_for(taken.campaign.stream.account)
    attempts = dict(zip((call.places for call in taken.calls), taken.attempts, strict=True))
    if taken.calls:
        window.send(provider, taken.calls, lambda calls: _put_on_wire(taken, claim, calls, attempts))
    kept = recording.Window(taken.chunk.pk, str(claim), refused=taken.refused)
    for call in taken.calls:
        if call.done is None:
            continue
        attempt = attempts[call.places]
        call.done.describe(attempt)
        kept.requests.append(
            recording.RequestOutcome(
                claim=str(attempt.claim),
                places=list(call.places),
                attempt=kept_of(attempt),
                results=list(call.done.result.results),
                on_wire_at=attempt.on_wire_at.isoformat() if attempt.on_wire_at else None,
                request_id=call.done.result.request_id,
                retry_after=call.done.retry_after,
            )
        )
    kept.wait = _wait(taken, kept)
    by_claim = {str(attempt.claim): attempt for attempt in taken.attempts}
    spool.record_window_surely(kept, recording.AtHand(taken.campaign, by_claim, taken.chunk.payload))


def _put_on_wire(
    taken: Taken, claim: uuid.UUID, calls: Sequence[window.Call], attempts: dict[tuple[int, ...], SendAttempt]
) -> None:
    """The second commit: runs when the connections stand. Raises Fenced when nothing may be written."""
    chunk, campaign = taken.chunk, taken.campaign
    places = [place for call in calls for place in call.places]
    with transaction.atomic():
        consent.bulk_lock(campaign.stream.channel, shared=True)
        now = database_now()
        if _refused(chunk, campaign, places):
            raise Fenced("somebody has opted out meanwhile")
        enough_lease = now + timedelta(seconds=settings.DELIVERY_TOTAL_SECONDS + settings.DELIVERY_MARGIN_SECONDS)
        carried = {str(attempts[call.places].claim): list(call.places) for call in calls}
        if not mark_chunk(chunk.pk, claim, carried, at=now, lease_beyond=enough_lease):
            raise Fenced("the claim is over, or the campaign does not run")
        leaving = [attempts[call.places] for call in calls]
        mark_attempts(leaving, at=now)
    for attempt in leaving:
        attempt.on_wire_at = now


def _wait(taken: Taken, kept: recording.Window) -> float:
    """Seconds until those that were not accepted are tried again."""
    asked = [one.retry_after for one in kept.requests if one.retry_after is not None]
    if asked:
        return max(asked)
    longest = min(LONGEST_BACKOFF, 0.5 * 2 ** min(taken.chunk.tries + 1, 12))
    return random.uniform(0.2, longest)  # noqa: S311 jitter, no secret


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
