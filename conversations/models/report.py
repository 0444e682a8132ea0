"""What reports are read from: numbers of messages by the hour, and how long each conversation took.

Triggers write both (models/report_triggers.py); `services/reports/keeping.py` adds up and rebuilds.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from conversations.models.report_triggers import times_triggers
from conversations.models.stream import Stream

if TYPE_CHECKING:
    from conversations.models.team import User


class MessageOutcome(models.TextChoices):
    """What has become of a message, as reports count it; a message that has not left us has none."""

    RECEIVED = "received", _("Received")  # the customer's
    ACCEPTED = "accepted", _("Accepted")  # the provider took it; nothing is known of it since
    SENT = "sent", _("Sent")
    DELIVERED = "delivered", _("Delivered")
    READ = "read", _("Read")
    LOST = "lost", _("Not arrived")  # the provider took it, and said later that it did not arrive
    REFUSED = "refused", _("Refused")  # it failed before a provider took it
    UNCONFIRMED = "unconfirmed", _("Not confirmed")


class Subject(models.TextChoices):
    """Whose messages a number counts."""

    STREAM = "stream", _("All of a stream")
    AUTHOR = "author", _("What one person wrote, campaigns left out")
    TEMPLATE = "template", _("Those made of one template")
    CAMPAIGN = "campaign", _("Those of one campaign")


class OfStreams(models.QuerySet[Any]):
    """Rows that lie on streams."""

    def visible_to(self, user: User) -> Self:
        """Those of the streams that this user may see; nothing for somebody who sees only parts of them."""
        if user.is_limited:
            return self.none()
        if user.sees_everything:
            return self
        return self.filter(stream__in=Stream.objects.visible_to(user))


class ReportChange(models.Model):
    """So many messages more, or fewer, of one kind and one quarter of an hour: not added up yet.

    Triggers add a row for each change, which locks nothing. No provider has a term for it.
    """

    quarter = models.DateTimeField()
    stream = models.ForeignKey(
        Stream, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    author_id = models.BigIntegerField(null=True)
    template_id = models.BigIntegerField(null=True)
    campaign_id = models.BigIntegerField(null=True)
    outcome = models.CharField(max_length=12, choices=MessageOutcome.choices)
    number = models.IntegerField()
    parts = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.number:+} {self.outcome} on stream {self.stream_id}"


class ReportCount(models.Model):
    """How many messages of a stream, a person, a template or a campaign were written in one hour, by their outcome.

    The hour is one of the site's time zone. `parts` are what providers charge for. No provider has a term for it.
    """

    subject = models.CharField(max_length=8, choices=Subject.choices)
    subject_id = models.BigIntegerField(help_text="The person, template or campaign; 0 for a whole stream.")
    stream = models.ForeignKey(
        Stream, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    hour = models.DateTimeField(help_text="When the hour began in which the messages were written.")
    outcome = models.CharField(max_length=12, choices=MessageOutcome.choices)
    number = models.IntegerField()
    parts = models.IntegerField()

    objects = OfStreams.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=("subject", "stream", "hour", "subject_id", "outcome"), name="report_count_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.outcome} on stream {self.stream_id}"


class ConversationTimesQuerySet(OfStreams):
    """Questions about how long conversations took."""

    def begun(self, since: datetime, until: datetime) -> Self:
        """That began in this time, `until` not counted."""
        return self.filter(started_at__gte=since, started_at__lt=until)

    def unmeasured(self) -> Self:
        """Whose working hours nobody has counted yet."""
        return self.filter(UNMEASURED)


UNMEASURED = Q(replied_at__isnull=False, reply_working__isnull=True) | Q(
    resolved_at__isnull=False, resolution_working__isnull=True
)


class ConversationTimes(models.Model):
    """When one conversation began, was answered and was done; what campaigns sent is no part of it.

    `reply_working` and `resolution_working` are seconds in working hours, empty until they are counted.
    No provider has a term for it.
    """

    conversation = models.OneToOneField(
        "conversations.Conversation",
        on_delete=models.DO_NOTHING,
        primary_key=True,
        db_constraint=False,
        related_name="times",
    )
    stream = models.ForeignKey(
        Stream, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    started_at = models.DateTimeField(help_text="The first message, of either side.")
    asked_at = models.DateTimeField(null=True, help_text="The customer's first message.")
    replied_at = models.DateTimeField(null=True, help_text="When a provider took the first answer that a person wrote.")
    replied_by = models.ForeignKey(
        "conversations.User",
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    resolved_at = models.DateTimeField(null=True, help_text="When it was done; empty while it is not.")
    reply_working = models.IntegerField(null=True)
    resolution_working = models.IntegerField(null=True)

    objects = ConversationTimesQuerySet.as_manager()

    class Meta:
        verbose_name = "times of a conversation"
        verbose_name_plural = "times of conversations"
        triggers = times_triggers()
        indexes = [
            models.Index(
                fields=("stream", "started_at"),
                include=("asked_at", "replied_at", "replied_by", "resolved_at", "reply_working", "resolution_working"),
                name="times_of_stream",
            ),
            models.Index(fields=("conversation",), name="times_unmeasured", condition=UNMEASURED),
        ]

    def __str__(self) -> str:
        return f"Times of conversation {self.conversation_id}"


class NextReplyQuerySet(OfStreams):
    """Questions about answers after the first."""

    def asked(self, since: datetime, until: datetime) -> Self:
        """To what customers wrote in this time, `until` not counted."""
        return self.filter(asked_at__gte=since, asked_at__lt=until)

    def unmeasured(self) -> Self:
        """Whose working hours nobody has counted yet."""
        return self.filter(reply_working=None)


class NextReply(models.Model):
    """One answer to a customer who was answered before: since when they waited for it, and who gave it.

    `reply_working` is seconds in working hours, empty until they are counted. No provider has a term for it.
    """

    conversation = models.ForeignKey(
        "conversations.Conversation",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    stream = models.ForeignKey(
        Stream, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    asked_at = models.DateTimeField(help_text="The customer's first message after the answer before.")
    replied_at = models.DateTimeField(help_text="When a provider took the answer.")
    replied_by = models.ForeignKey(
        "conversations.User",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    reply_working = models.IntegerField(null=True)

    objects = NextReplyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "next replies"
        constraints = [models.UniqueConstraint(fields=("conversation", "asked_at"), name="next_reply_once")]
        indexes = [
            models.Index(
                fields=("stream", "asked_at"),
                include=("replied_at", "replied_by", "reply_working"),
                name="next_replies",
            ),
            models.Index(fields=("conversation",), name="next_reply_unmeasured", condition=Q(reply_working=None)),
        ]

    def __str__(self) -> str:
        return f"Answer to conversation {self.conversation_id}"
