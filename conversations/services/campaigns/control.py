"""What people do with a campaign: confirm, begin, pause, resume, stop, and send what failed once more."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from conversations import queue
from conversations.models import Campaign, CampaignChunk, User
from conversations.models.campaign import CampaignStatus as Status
from conversations.models.campaign import ChunkStatus, RowVerdict
from conversations.models.message import NOT_ARRIVED
from conversations.permissions import may_send_in_bulk
from conversations.services import notifications
from conversations.services.campaigns.audience import OPEN_TO_CHANGE, count_rows
from conversations.services.campaigns.preflight import problems


def confirm(campaign: Campaign, *, actor: User | None, people: int) -> None:
    """Let a checked campaign go, now or at its time. `people` is how many the actor was told it goes to.

    `actor` None, here and below, is whoever has a shell on the server. Above CAMPAIGN_SECOND_PERSON_ABOVE people
    somebody else than its author has to do it. Raises ValidationError: `not_allowed`, `not_ready`,
    `number_changed`, `second_person`, or what has become wrong since the check.
    """
    check_right(campaign, actor)
    with transaction.atomic():
        locked = _locked(campaign)
        if locked.status != Status.READY:
            raise ValidationError("Check the campaign first: something was changed.", code="not_ready")
        if people != locked.sendable_count:
            raise ValidationError(
                f"The campaign goes to {locked.sendable_count:,} people now. Look at the check again.",
                code="number_changed",
            )
        large = locked.sendable_count > settings.CAMPAIGN_SECOND_PERSON_ABOVE
        if large and actor is not None and actor.pk == locked.created_by_id:
            raise ValidationError(
                f"More than {settings.CAMPAIGN_SECOND_PERSON_ABOVE:,} people: a second supervisor has to confirm it.",
                code="second_person",
            )
        for problem in problems(locked):
            raise problem
        now = timezone.now()
        locked.confirmed_by, locked.confirmed_at = actor, now
        if locked.scheduled_for is None:
            locked.status, locked.started_at = Status.RUNNING, now
            transaction.on_commit(lambda: hint_planner(campaign.pk), robust=True)
        else:
            locked.status = Status.SCHEDULED
        locked.save(update_fields=["confirmed_by", "confirmed_at", "status", "started_at"])
    campaign.refresh_from_db()


def begin(campaign_id: int) -> bool:
    """The time of a scheduled campaign has come; False when somebody stopped it, or was quicker."""
    begun = Campaign.objects.filter(pk=campaign_id, status=Status.SCHEDULED).update(
        status=Status.RUNNING, started_at=timezone.now()
    )
    if begun:
        hint_planner(campaign_id)
    return bool(begun)


def unschedule(campaign: Campaign, *, actor: User | None) -> None:
    """Take a scheduled campaign back: it can be changed again. Raises ValidationError when it has begun."""
    _move(campaign, (Status.SCHEDULED,), Status.DRAFT, actor=actor, confirmed_by=None, confirmed_at=None)


def pause(campaign: Campaign, *, actor: User | None, reason: str = "") -> None:
    """Nothing more leaves until somebody resumes it; requests on the wire are answered. Raises ValidationError."""
    _move(campaign, (Status.RUNNING,), Status.PAUSED, actor=actor, status_reason=reason[:300])


def pause_by_itself(campaign_id: int, *, reason: str) -> bool:
    """A rule of the campaign says that a person has to look; False when it does not run any more."""
    with transaction.atomic():
        running = Campaign.objects.select_for_update(no_key=True).filter(pk=campaign_id, status=Status.RUNNING).first()
        if running is None:
            return False
        running.status, running.status_reason = Status.PAUSED, reason[:300]
        running.save(update_fields=["status", "status_reason"])
        notifications.campaign_stands_still(running)
    return True


def resume(campaign: Campaign, *, actor: User | None) -> None:
    """Go on with what has not left. What failed before does not pause it again. Raises ValidationError."""
    _move(campaign, (Status.PAUSED,), Status.RUNNING, actor=actor, status_reason="", recent_outcomes="")
    hint_planner(campaign.pk)
    for pk in campaign.chunks.filter(status=ChunkStatus.READY).values_list("pk", flat=True):
        hint_chunk(pk)


def stop(campaign: Campaign, *, actor: User | None) -> None:
    """What has not left never will; what a provider has accepted cannot be recalled. Raises ValidationError."""
    _move(campaign, (Status.SCHEDULED, Status.RUNNING, Status.PAUSED), Status.STOPPED, actor=actor, status_reason="")
    finish_if_over(campaign.pk)
    campaign.refresh_from_db()


def finish_if_over(campaign_id: int) -> bool:
    """Close a campaign that has nothing under way any more; true when this call closed it."""
    open_chunks = CampaignChunk.objects.filter(campaign=campaign_id)
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(no_key=True).filter(pk=campaign_id, ended_at=None).first()
        if campaign is None:
            return False
        if campaign.status == Status.STOPPED:
            open_chunks.filter(status=ChunkStatus.READY).update(status=ChunkStatus.STOPPED)
            over = not open_chunks.filter(status=ChunkStatus.SENDING).exists()
        else:
            over = campaign.is_planned and not open_chunks.exclude(status=ChunkStatus.DONE).exists()
            over = over and campaign.status in (Status.RUNNING, Status.PAUSED)
        if not over:
            return False
        if campaign.status != Status.STOPPED:
            campaign.status = Status.DONE
        campaign.ended_at = timezone.now()
        campaign.save(update_fields=["status", "ended_at"])
        if campaign.status == Status.DONE:
            notifications.campaign_stands_still(campaign)
    return True


def retry_failures(campaign: Campaign, *, actor: User | None) -> Campaign:
    """A new campaign, linked to this one, with the people whose message certainly did not arrive.

    It has to be checked and confirmed like any other. Raises ValidationError (`not_over`, `nothing_failed`).
    """
    check_right(campaign, actor)
    if campaign.ended_at is None:
        raise ValidationError("The campaign is still under way. Wait for its end, or stop it.", code="not_over")
    with transaction.atomic():
        copy = Campaign.objects.create(
            name=f"{campaign.name[:100]}, failures",
            created_by=actor,
            retry_of=campaign,
            **{name: getattr(campaign, name) for name in _KEPT_BY_A_RETRY},
        )
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO conversations_campaignrecipient
                               (campaign_id, "row", given, phone, fields, verdict, reason)
                   SELECT %s, recipient."row", recipient.given, recipient.phone, recipient.fields, %s, ''
                     FROM conversations_campaignrecipient AS recipient
                     JOIN conversations_message AS message ON message.recipient_id = recipient.id
                    WHERE recipient.campaign_id = %s AND message.status = ANY(%s)""",
                [copy.pk, RowVerdict.SEND, campaign.pk, [str(status) for status in NOT_ARRIVED]],
            )
        count_rows(copy)
        if not copy.row_count:
            raise ValidationError("No message of this campaign failed.", code="nothing_failed")
        copy.save(update_fields=["row_count", "verdict_counts"])
    return copy


_KEPT_BY_A_RETRY = (
    *("stream", "purpose", "kind", "body", "template", "template_values", "media", "values", "fallbacks", "columns"),
    *("titles", "number_column", "field_columns"),
    *("file_name", "keeps_quiet_hours", "pace", "failure_limit"),
)


def rename(campaign: Campaign, name: str, *, actor: User | None) -> None:
    """Give a campaign that has not begun another name. Raises ValidationError (`not_allowed`, `campaign_began`)."""
    check_right(campaign, actor)
    if not Campaign.objects.filter(pk=campaign.pk, status__in=OPEN_TO_CHANGE).update(name=name):
        raise ValidationError("This campaign has begun: it keeps its name.", code="campaign_began")
    campaign.refresh_from_db()


def delete_draft(campaign: Campaign, *, actor: User | None) -> None:
    """Remove a campaign that has not begun, with its list; nobody was written to.

    Raises ValidationError (`not_allowed`, `campaign_began`).
    """
    check_right(campaign, actor)
    with transaction.atomic():
        locked = Campaign.objects.select_for_update().filter(pk=campaign.pk, status__in=OPEN_TO_CHANGE).first()
        if locked is None:
            raise ValidationError("This campaign has begun: it is kept. You can stop it.", code="campaign_began")
        locked.recipients.all()._raw_delete(using="default")  # rows that nothing refers to, in one statement
        locked.delete()


def hint_planner(campaign_id: int) -> bool:
    """Wake a worker that lays the rows of a campaign into chunks."""
    return queue.hint("plan_campaign", [campaign_id], queue=queue.BULK)


def wake_for(chunk_id: int) -> bool:
    """Wake a worker for a chunk; False when the broker does not answer."""
    return queue.hint("deliver_chunk", [chunk_id], queue=queue.BULK)


def take_back_hint(chunk_id: int) -> None:
    """Nobody needs to be woken for a chunk any more."""
    queue.take_back("deliver_chunk", [chunk_id], queue=queue.BULK)


def hint_chunk(chunk_id: int) -> bool:
    """Wake a worker for a chunk, and note it on the chunk."""
    if not wake_for(chunk_id):
        return False
    CampaignChunk.objects.filter(pk=chunk_id).update(hinted_at=timezone.now())
    return True


def check_right(campaign: Campaign, actor: User | None) -> None:
    """Raise ValidationError (`not_allowed`) unless the actor, or the system (None), may send the campaign."""
    if actor is not None and not may_send_in_bulk(actor, campaign.stream):
        raise ValidationError("Ask a supervisor: you may not send campaigns on this stream.", code="not_allowed")


def _locked(campaign: Campaign) -> Campaign:
    Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    return Campaign.objects.select_related("stream__account", "template").get(pk=campaign.pk)


def _move(campaign: Campaign, come_from: Collection[str], to: str, *, actor: User | None, **changes: Any) -> None:
    check_right(campaign, actor)
    if not Campaign.objects.filter(pk=campaign.pk, status__in=come_from).update(status=to, **changes):
        campaign.refresh_from_db()
        raise ValidationError(
            f"The campaign is {campaign.get_status_display().lower()} now. Nothing was changed.", code="illegal_move"
        )
    campaign.refresh_from_db()
