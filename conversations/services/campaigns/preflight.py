"""The check before a campaign may be confirmed: the campaign as a whole, then every row with its own text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from conversations.models import Campaign, CampaignRecipient
from conversations.models.campaign import CampaignStatus, RowVerdict
from conversations.models.message import Kind
from conversations.models.stream import Channel
from conversations.models.template import TemplateStatus
from conversations.services.campaigns.audience import (
    AT_ONCE,
    OPEN_TO_CHANGE,
    JudgedRow,
    Tell,
    count_rows,
    refused_by_the_gate,
    tell_nobody,
)
from conversations.services.campaigns.hours import Hours
from conversations.services.campaigns.texts import TextRefused, Texts
from conversations.services.csv_report import in_parts
from messaging.merge import MergeError
from messaging.segments import is_blank, unsendable_characters

FURTHEST = timedelta(days=365)
# What the texts and times decide, and so what other texts and times can change.
_OF_THE_TEXT = (RowVerdict.MISSING_FIELD, RowVerdict.TOO_LONG, RowVerdict.QUIET)


def problems(campaign: Campaign, *, at: datetime | None = None) -> list[ValidationError]:
    """What is wrong with the campaign as a whole, each with a code and what to do; the rows are not looked at."""
    at = at or timezone.now()
    found = [*_of_the_stream(campaign), *_of_the_words(campaign), *_of_the_times(campaign, at)]
    if not campaign.row_count:
        found.append(ValidationError("The campaign has no list yet. Choose a file.", code="no_list"))
    elif campaign.asks_for_number_column:
        found.append(ValidationError("Say which column of the list has the numbers.", code="no_number_column"))
    return found


def check(campaign: Campaign, *, tell: Tell = tell_nobody) -> list[ValidationError]:
    """Check everything; the campaign is ready afterwards, or a draft with the problems that are returned.

    Every row gets the verdict that its text, its consent and the hours deserve now. Raises ValidationError
    (`campaign_began`) when the campaign can no longer be changed.
    """
    with transaction.atomic():
        locked = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        if locked.status not in OPEN_TO_CHANGE:
            raise ValidationError("This campaign has begun and is not checked again.", code="campaign_began")
        locked = Campaign.objects.select_related("stream__account", "template").get(pk=campaign.pk)
        found = problems(locked)
        if not found:
            _judge_rows(locked, tell)
            if not locked.sendable_count:
                found.append(ValidationError("Nobody on the list can be written to.", code="nobody_left"))
        locked.status = CampaignStatus.DRAFT if found else CampaignStatus.READY
        locked.save(update_fields=["status", "row_count", "verdict_counts", "segment_counts"])
    campaign.refresh_from_db()
    return found


def _judge_rows(campaign: Campaign, tell: Tell) -> None:
    texts, hours = Texts(campaign), Hours(campaign)
    segments: Counter[int] = Counter()
    at = campaign.scheduled_for or timezone.now()
    rows = (
        CampaignRecipient.objects.filter(campaign=campaign, verdict__in=(RowVerdict.SEND, *_OF_THE_TEXT))
        .order_by("row")
        .values_list("row", "given", "phone", "fields", "verdict", "reason")
    )
    done = 0
    for part in in_parts((JudgedRow(*row) for row in rows.iterator(chunk_size=AT_ONCE)), AT_ONCE):
        before = {row.row: (row.verdict, row.reason) for row in part}
        fresh = [row._replace(verdict=RowVerdict.SEND, reason="") for row in part]
        hours.learn([row.phone for row in part])
        judged = _with_their_texts(refused_by_the_gate(campaign, fresh), texts, hours, at, segments)
        _change(campaign, [row for row in judged if (row.verdict, row.reason) != before[row.row]])
        done += len(part)
        tell(done)
    campaign.segment_counts = {str(number): count for number, count in sorted(segments.items())}
    count_rows(campaign)


def _with_their_texts(
    rows: Iterator[JudgedRow], texts: Texts, hours: Hours, at: datetime, segments: Counter[int]
) -> Iterator[JudgedRow]:
    for row in rows:
        if row.verdict != RowVerdict.SEND:
            yield row
            continue
        try:
            text = texts.for_row(row.fields)
        except TextRefused as refused:
            yield row._replace(verdict=refused.verdict, reason=refused.sentence[:300])
            continue
        if reason := hours.never_open(row.phone, at):
            yield row._replace(verdict=RowVerdict.QUIET, reason=reason[:300])
            continue
        segments[text.segments] += 1
        yield row


def _change(campaign: Campaign, rows: list[JudgedRow]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE conversations_campaignrecipient AS recipient
                  SET verdict = judged.verdict, reason = judged.reason
                 FROM unnest(%s::integer[], %s::text[], %s::text[]) AS judged ("row", verdict, reason)
                WHERE recipient.campaign_id = %s AND recipient."row" = judged."row" """,
            [[row.row for row in rows], [str(row.verdict) for row in rows], [row.reason for row in rows], campaign.pk],
        )


def _of_the_stream(campaign: Campaign) -> Iterator[ValidationError]:
    stream = campaign.stream
    if not stream.is_active or not stream.account.is_active:
        yield ValidationError(f"{stream.name} is switched off. Choose another stream.", code="stream_off")


def _of_the_words(campaign: Campaign) -> Iterator[ValidationError]:
    if campaign.kind == Kind.TEMPLATE:
        template = campaign.template
        if template is None or template.stream_id != campaign.stream_id:
            yield ValidationError(f"Choose a template of {campaign.stream.name}.", code="template_missing")
            return
        if template.status != TemplateStatus.APPROVED:
            status = template.get_status_display().lower()
            yield ValidationError(f"The template {template.name} is {status}. Choose an approved one.", code="template")
    elif is_blank(campaign.body):
        yield ValidationError("Write the text first.", code="empty_body")
        return
    elif unsendable_characters(campaign.body):
        yield ValidationError("The text holds a character that cannot be sent. Type it again.", code="unsendable")
    elif campaign.stream.channel != Channel.SMS:
        yield ValidationError(
            f"{campaign.stream.name} is WhatsApp: a campaign there needs a template.", code="template_missing"
        )
    try:
        missing = Texts(campaign).missing_columns()
    except MergeError as error:
        yield ValidationError(error.sentence, code=error.code)
        return
    for name in missing:
        yield ValidationError(
            f"Your list has no column for ${{{name}}}. Add one, a value for everybody, or a fallback.",
            code="missing_column",
        )


def _of_the_times(campaign: Campaign, at: datetime) -> Iterator[ValidationError]:
    begins, ends = campaign.scheduled_for, campaign.valid_until
    if begins is not None and begins <= at:
        yield ValidationError("Choose a time that lies ahead, or send now.", code="scheduled_in_the_past")
    if begins is not None and begins > at + FURTHEST:
        yield ValidationError("Choose a time within a year.", code="scheduled_too_far")
    if ends is None:
        return
    if ends <= (begins or at):
        yield ValidationError("The messages must stay valid until after they are sent.", code="valid_until_too_early")
    limits = campaign.stream.limits(campaign.kind)
    if limits.validity_days and ends > (begins or at) + timedelta(days=limits.validity_days):
        label = campaign.stream.account.provider_label
        yield ValidationError(
            f"{label} keeps a message for {limits.validity_days} days at most. Choose an earlier end.",
            code="valid_until_too_late",
        )
