"""A campaign: one message for many, from a file to the last receipt."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from conversations.models.account import AccountHealth
from conversations.models.message import Kind, Purpose
from conversations.models.outgoing_triggers import campaign_outgoing_triggers
from conversations.models.stream import Stream

if TYPE_CHECKING:
    from conversations.models.team import User


class CampaignStatus(models.TextChoices):
    """Where a campaign stands."""

    DRAFT = "draft", _("Draft")  # being written
    CHECKING = "checking", _("Being checked")  # its file, or its texts, are read by a worker
    READY = "ready", _("Ready")  # checked: waits for somebody to confirm it
    SCHEDULED = "scheduled", _("Scheduled")  # confirmed: begins at scheduled_for
    RUNNING = "running", _("Sending")  # chunks leave
    PAUSED = "paused", _("Paused")  # nothing leaves until somebody resumes it
    STOPPED = "stopped", _("Stopped")  # what had not left never will
    DONE = "done", _("Done")  # every row has its outcome


UNDER_WAY = (CampaignStatus.RUNNING, CampaignStatus.PAUSED)
ENDED = (CampaignStatus.STOPPED, CampaignStatus.DONE)


class RowVerdict(models.TextChoices):
    """What the check says of one row of the list. Only `send` is written to; every other says why not."""

    SEND = "send", _("Will be sent")
    INVALID = "invalid", _("Not a usable number")
    UNREACHABLE = "unreachable", _("Country or kind of number not reached")
    DUPLICATE = "duplicate", _("Number stands in the list before")
    OPTED_OUT = "opted_out", _("Opted out")
    NO_PERMISSION = "no_permission", _("No permission on record")
    MISSING_FIELD = "missing_field", _("A value is missing")
    TOO_LONG = "too_long", _("Text too long")
    QUIET = "quiet", _("Quiet hours until it is no longer valid")


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """Questions about campaigns."""

    def visible_to(self, user: User, *, streams: Collection[int] | None = None) -> CampaignQuerySet:
        """The campaigns on streams that this user may see; nobody without the right to send in bulk sees any.

        `streams` are the ids of Stream.objects.visible_to(user), where they were read for the same answer.
        """
        if not user.has_perm("conversations.send_in_bulk"):
            return self.none()
        return self.filter(stream__in=Stream.objects.visible_to(user) if streams is None else streams)

    def to_begin(self, at: datetime) -> CampaignQuerySet:
        """Scheduled for then, or before."""
        return self.filter(status=CampaignStatus.SCHEDULED, scheduled_for__lte=at)


class Campaign(models.Model):
    """One text or template to a list of people, and how it is going.

    Providers' terms: broadcast (Cirrus), one request with many `to` (Webex Interact); CCAI Platform has none.
    """

    name = models.CharField(max_length=120)
    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="campaigns")
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.MARKETING)
    kind = models.CharField(
        max_length=10, choices=[(kind.value, kind.label) for kind in (Kind.TEXT, Kind.TEMPLATE)], default=Kind.TEXT
    )
    body = models.TextField(blank=True, help_text=_("May hold merge fields: ${firstname}."))
    template = models.ForeignKey(
        "conversations.WhatsAppTemplate", on_delete=models.PROTECT, null=True, blank=True, related_name="campaigns"
    )
    template_values = models.JSONField(
        default=dict, blank=True, help_text=_("As for a single template; each value may hold merge fields.")
    )
    media = models.JSONField(default=list, blank=True, help_text=_("The file of a template's header."))
    values = models.JSONField(default=dict, blank=True, help_text=_("The same for everybody without a value."))
    fallbacks = models.JSONField(default=dict, blank=True, help_text=_("What stands where there is no value at all."))
    columns = models.JSONField(default=list, blank=True, help_text=_("The fields that the list brings."))
    titles = models.JSONField(
        default=list, blank=True, help_text=_("All its columns in their order, each a field and its title in the file.")
    )
    number_column = models.CharField(
        max_length=60, blank=True, help_text=_("The column with the numbers; empty while nobody has said which.")
    )
    field_columns = models.JSONField(
        default=dict,
        blank=True,
        help_text=_("The column that feeds a field of another name; an empty one, that none does."),
    )
    file_name = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=10, choices=CampaignStatus.choices, default=CampaignStatus.DRAFT)
    status_reason = models.CharField(max_length=300, blank=True, help_text=_("Why it was paused, or cannot go on."))
    task = models.JSONField(
        default=dict, blank=True, help_text=_("What a worker has to do with its list: services/campaigns/reading.py.")
    )
    hinted_at = models.DateTimeField(null=True, blank=True, help_text=_("When a worker was last woken for that."))
    retry_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="retries", help_text=_("Its failures.")
    )
    scheduled_for = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    keeps_quiet_hours = models.BooleanField(default=True)
    pace = models.PositiveIntegerField(null=True, blank=True, help_text=_("At most so many messages a minute."))
    failure_limit = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("Pauses when more of the last 200 fail, in percent."),
    )
    created_by = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="campaigns"
    )
    confirmed_by = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    row_count = models.PositiveIntegerField(default=0)
    verdict_counts = models.JSONField(default=dict, blank=True, help_text=_("Rows by verdict."))
    segment_counts = models.JSONField(default=dict, blank=True, help_text=_("Recipients by segments of their text."))
    planned_row = models.PositiveIntegerField(default=0, help_text=_("The last row that lies in a chunk."))
    is_planned = models.BooleanField(default=False, help_text=_("Does every row lie in a chunk?"))
    accepted_count = models.PositiveIntegerField(default=0)
    failed_count = models.PositiveIntegerField(default=0)
    unconfirmed_count = models.PositiveIntegerField(default=0)
    recent_outcomes = models.CharField(
        max_length=200, blank=True, help_text=_("The last 200 in order: . taken, x failed.")
    )
    next_chunk_at = models.DateTimeField(null=True, blank=True, help_text=_("When its pace lets the next ones go."))

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        triggers = campaign_outgoing_triggers()
        constraints = [
            models.CheckConstraint(condition=Q(status__in=CampaignStatus.values), name="campaign_status_known"),
            models.CheckConstraint(
                condition=~Q(status=CampaignStatus.SCHEDULED) | Q(scheduled_for__isnull=False),
                name="campaign_scheduled_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=("stream", "-id"), name="campaign_of_stream"),
            models.Index(
                fields=("scheduled_for",), name="campaign_scheduled", condition=Q(status=CampaignStatus.SCHEDULED)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def column_of(self, name: str) -> str:
        """The column that feeds a field, which may be called as the list calls it; empty when none does."""
        if name in self.field_columns:
            return str(self.field_columns[name])
        if name in self.columns:
            return name
        called = ((column, "_".join(title.casefold().split())) for column, title in self.titles)
        return next((column for column, title in called if title == name and column in self.columns), "")

    @property
    def asks_for_number_column(self) -> bool:
        """Is there a list of which nobody has said where its numbers stand?"""
        return bool(self.titles) and not self.number_column

    @property
    def number_title(self) -> str:
        """What the list calls the column with the numbers."""
        return next((title for name, title in self.titles if name == self.number_column), "phone")

    @property
    def sendable_count(self) -> int:
        """How many people it goes to."""
        return int(self.verdict_counts.get(RowVerdict.SEND, 0))

    @property
    def left_out_count(self) -> int:
        """How many rows of the list it does not go to."""
        return self.row_count - self.sendable_count

    @property
    def answered_count(self) -> int:
        """How many have an outcome."""
        return self.accepted_count + self.failed_count + self.unconfirmed_count

    @property
    def waiting_count(self) -> int:
        """How many have none yet; of a stopped campaign, how many never will."""
        return self.sendable_count - self.answered_count


class CampaignRecipient(models.Model):
    """One row of a campaign's list, as it was given, and what the check says of it; untouched once the campaign runs.

    Its message, when there is one, names it. Providers' terms: to[] (Webex Interact).
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="recipients", db_index=False)
    row = models.PositiveIntegerField(help_text=_("The line of the file on which it begins."))
    given = models.CharField(max_length=200, blank=True, help_text=_("The number as it stands in the file."))
    phone = models.CharField(max_length=16, blank=True, help_text=_("E.164; empty when it is not a usable number."))
    fields = models.JSONField(default=dict, blank=True)
    verdict = models.CharField(max_length=14, choices=RowVerdict.choices)
    reason = models.CharField(max_length=300, blank=True, help_text=_("Why it is left out, for people."))

    class Meta:
        ordering = ("row",)
        constraints = [
            models.UniqueConstraint(fields=("campaign", "row"), name="campaign_row_once"),
            models.UniqueConstraint(
                fields=("campaign", "phone"), condition=Q(verdict=RowVerdict.SEND), name="campaign_number_once"
            ),
            models.CheckConstraint(condition=Q(verdict__in=RowVerdict.values), name="campaign_verdict_known"),
            models.CheckConstraint(
                condition=~Q(verdict=RowVerdict.SEND) | ~Q(phone=""), name="campaign_send_has_number"
            ),
        ]
        indexes = [models.Index(fields=("campaign", "verdict", "row"), name="campaign_row_by_verdict")]

    def __str__(self) -> str:
        return f"Row {self.row}"


class ChunkStatus(models.TextChoices):
    """Where a chunk stands."""

    READY = "ready", _("Ready")
    SENDING = "sending", _("Being sent")
    DONE = "done", _("Done")
    STOPPED = "stopped", _("Stopped")


class CampaignChunkQuerySet(models.QuerySet["CampaignChunk"]):
    """Questions about chunks."""

    def due(self, at: datetime) -> CampaignChunkQuerySet:
        """May be claimed then."""
        return (
            self.filter(status=ChunkStatus.READY, campaign__status=CampaignStatus.RUNNING)
            .filter(Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=at))
            .exclude(campaign__stream__account__health=AccountHealth.NEEDS_CREDENTIALS)
            .exclude(campaign__stream__paused_until__gt=at)
        )

    def lease_over(self, at: datetime) -> CampaignChunkQuerySet:
        """Claimed by a worker that has not come back in time."""
        return self.filter(status=ChunkStatus.SENDING, lease_until__lte=at)


class CampaignChunk(models.Model):
    """Some recipients of a campaign: the unit of job, claim and lease, and the outbox of their messages.

    `payload` holds what each of them is sent, with the reference of a message that is written only with its
    outcome. `rest` are the places in it that have none yet, `on_wire` those of the request under way.

        ready <─> sending ─> done          (ready | paused) ─> stopped

    No provider has a term for it.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=8, choices=ChunkStatus.choices, default=ChunkStatus.READY)
    payload = models.JSONField()
    rest = ArrayField(models.PositiveIntegerField())
    on_wire = models.JSONField(default=dict, blank=True, help_text=_("Places under way, by the claim of the attempt."))
    on_wire_at = models.DateTimeField(null=True, blank=True)
    claim = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    backend_pid = models.IntegerField(null=True, blank=True, help_text=_("The worker's session in PostgreSQL."))
    tries = models.PositiveSmallIntegerField(default=0, help_text=_("Requests in a row that were not accepted."))
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    hinted_at = models.DateTimeField(null=True, blank=True)

    objects = CampaignChunkQuerySet.as_manager()

    class Meta:
        ordering = ("campaign_id", "number")
        constraints = [
            models.UniqueConstraint(fields=("campaign", "number"), name="campaign_chunk_once"),
            models.CheckConstraint(condition=Q(status__in=ChunkStatus.values), name="campaign_chunk_status_known"),
            models.CheckConstraint(
                condition=~Q(status=ChunkStatus.SENDING) | Q(claim__isnull=False, lease_until__isnull=False),
                name="campaign_chunk_sending_has_a_claim",
            ),
        ]
        indexes = [
            models.Index(
                fields=("status", "id"),
                name="campaign_chunk_open",
                condition=Q(status__in=(ChunkStatus.READY, ChunkStatus.SENDING)),
            )
        ]

    def __str__(self) -> str:
        return f"Chunk {self.number} of campaign {self.campaign_id}"
