"""Rows become chunks, one commit each; the first chunks leave while the last are still being laid."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from conversations.models import Campaign, CampaignChunk, CampaignRecipient
from conversations.models.campaign import CampaignStatus, RowVerdict
from conversations.services.campaigns import control
from conversations.services.campaigns.texts import TextRefused, Texts

PLANS = (CampaignStatus.RUNNING, CampaignStatus.PAUSED)


def plan(campaign_id: int) -> None:
    """Lay every row that is to be sent into a chunk, and wake a worker for each; goes on where another stopped.

    Harmless when called twice or by two workers at once: a chunk and the row it ends with are one commit.
    """
    campaign = Campaign.objects.select_related("stream__account", "template").get(pk=campaign_id)
    texts = Texts(campaign)
    while campaign.status in PLANS and not campaign.is_planned:
        with transaction.atomic():
            campaign = _locked(campaign_id)
            chunk = _next_chunk(campaign, texts) if campaign.status in PLANS and not campaign.is_planned else None
            campaign.save(update_fields=["planned_row", "is_planned"])
        if chunk is not None and not control.wake_for(chunk.pk):
            CampaignChunk.objects.filter(pk=chunk.pk).update(hinted_at=None)
    control.finish_if_over(campaign_id)


def _locked(campaign_id: int) -> Campaign:
    return Campaign.objects.select_for_update(no_key=True).get(pk=campaign_id)


def _next_chunk(campaign: Campaign, texts: Texts) -> CampaignChunk | None:
    rows = list(
        CampaignRecipient.objects.filter(campaign=campaign, verdict=RowVerdict.SEND, row__gt=campaign.planned_row)
        .order_by("row")
        .values_list("row", "id", "phone", "fields")[: settings.CAMPAIGN_CHUNK]
    )
    if not rows:
        campaign.is_planned = True
        return None
    people = [person(texts, pk, phone, fields) for _, pk, phone, fields in rows]
    campaign.planned_row = rows[-1][0]
    campaign.is_planned = len(rows) < settings.CAMPAIGN_CHUNK
    return CampaignChunk.objects.create(
        campaign=campaign,
        number=campaign.chunks.count() + 1,
        payload=people,
        rest=list(range(len(people))),
        hinted_at=timezone.now(),
    )


def person(texts: Texts, recipient_id: int, phone: str, fields: dict[str, str]) -> dict[str, Any]:
    """What a chunk keeps of one person; `ref` is the reference that the message will have."""
    kept: dict[str, Any] = {"recipient": recipient_id, "ref": str(uuid.uuid4()), "phone": phone}
    kept |= {name: fields[name] for name in ("firstname", "lastname") if fields.get(name)}
    try:
        text = texts.for_row(fields)
    except TextRefused as refused:
        return kept | {"refused": refused.sentence}
    kept |= {"body": text.body} if texts.fields else {}
    optional = {"segments": text.segments, "fields": dict(text.fields), "values": dict(text.template_values)}
    optional |= {"rendered": dict(text.rendered)}
    return kept | {name: value for name, value in optional.items() if value}
