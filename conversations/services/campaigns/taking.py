"""What a window is: the people of a chunk who may be written to now, in requests that have their turn."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction

from conversations.models import Campaign, CampaignChunk
from conversations.models.account import AccountHealth
from conversations.models.campaign import CampaignStatus
from conversations.models.message import Kind
from conversations.models.template import TemplateStatus
from conversations.services import pacing
from conversations.services.accounts import provider_for
from conversations.services.campaigns import control
from conversations.services.campaigns.hours import Hours
from conversations.services.campaigns.statements import begin_attempts, locked_chunk, renew_claim
from conversations.services.campaigns.wave import Call
from conversations.services.clock import database_now
from conversations.services.envelope import template_content
from conversations.services.gate import refusals_of
from messaging.providers.base import Provider
from messaging.quiet_hours import NeverOpen
from messaging.types import OutboundMessage, Recipient, TemplateContent

MOST_AT_ONCE = 20  # requests of one wave: they connect together, and one commit puts them on the wire
MOST_PEOPLE = 200  # of a window with several requests: what one crash leaves in doubt beyond a single request
PACES_A_MINUTE = 6  # a pace is kept every ten seconds
_READ_WITH_CAMPAIGN = ("stream__account", "stream__policy", "template")


@dataclass(slots=True)
class Taken:
    """A window that a worker is about to send. `calls` may be empty: then everybody was refused."""

    chunk: CampaignChunk
    campaign: Campaign
    provider: Provider
    calls: list[Call] = field(default_factory=list)
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)


def take(chunk_id: int, claim: uuid.UUID, payload: list[dict[str, Any]], *, in_waves: bool) -> Taken | None:
    """The next window of a claimed chunk, in one commit; None when nothing more may leave now.

    `payload` is the chunk's, which never changes. A window has one wave, or with `in_waves` as many as MOST_PEOPLE
    allows.
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
        if campaign.stream.account.health == AccountHealth.NEEDS_CREDENTIALS:
            return None
        if not campaign.stream.is_active or not campaign.stream.account.is_active:
            control.pause_by_itself(campaign.pk, reason=f"{campaign.stream.name} is switched off.")
            return None
        if campaign.template is not None and campaign.template.status != TemplateStatus.APPROVED:
            status = campaign.template.get_status_display().lower()
            control.pause_by_itself(campaign.pk, reason=f"The template {campaign.template.name} is {status} now.")
            return None
        taken = Taken(chunk, campaign, provider_for(campaign.stream.account))
        if campaign.valid_until is not None and campaign.valid_until <= now:
            taken.refused = dict.fromkeys(chunk.rest, ("expired", "Its validity ended before it could leave."))
            return taken
        size = _people_in_a_request(chunk, campaign)
        requests = MOST_PEOPLE // size if in_waves else min(MOST_AT_ONCE, MOST_PEOPLE // size)
        places = awake(chunk, campaign, now, most=size if campaign.pace else size * max(1, requests))
        taken.refused = refused_among(chunk, campaign, places)
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


def awake(chunk: CampaignChunk, campaign: Campaign, now: datetime, *, most: int) -> list[int]:
    """The first places whose people may be written to at this hour; when there is none, the chunk waits for one."""
    hours = Hours(campaign)
    found: list[int] = []
    openings: list[datetime] = []
    for start in range(0, len(chunk.rest), most):
        places = chunk.rest[start : start + most]
        hours.learn([chunk.payload[place]["phone"] for place in places])
        for place in places:
            try:
                opening = hours.opening(chunk.payload[place]["phone"], now)
            except NeverOpen:
                opening = None  # judged by the check; a zone that changed since is no reason to wait for ever
            if opening is None:
                found.append(place)
            else:
                openings.append(opening)
        if len(found) >= most:
            return found[:most]
    if not found and openings:
        chunk.next_attempt_at = min(openings)
    return found


def refused_among(chunk: CampaignChunk, campaign: Campaign, places: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Of these places those that may not be written to, each with a code and a sentence."""
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
    attempts = begin_attempts(chunk, campaign, len(groups), at=now)
    for attempt, places in zip(attempts, groups, strict=True):
        message = _outbound_message(campaign, [chunk.payload[place] for place in places])
        taken.calls.append(
            Call(
                attempt=attempt,
                places=tuple(places),
                refs=tuple(chunk.payload[place]["ref"] for place in places),
                plan=partial(taken.provider.plan, message, campaign.stream.config),
            )
        )


def _outbound_message(campaign: Campaign, people: Sequence[dict[str, Any]]) -> OutboundMessage:
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
