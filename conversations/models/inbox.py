"""What an inbox needs besides conversations: its numbers, filters that people keep, and what can be undone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from conversations.models.conversation import ConversationStatus
from conversations.models.stream import Stream

if TYPE_CHECKING:
    from conversations.models.team import User

UNDO_WITHIN = timedelta(minutes=10)


class InboxCountQuerySet(models.QuerySet["InboxCount"]):
    """Questions about numbers of conversations."""

    def visible_to(self, user: User, *, streams: Collection[int] | None = None) -> InboxCountQuerySet:
        """Those of the streams that this user may see; of somebody who sees only parts of them, their own.

        `streams` are the ids of Stream.objects.visible_to(user), where they were read for the same answer.
        """
        if user.sees_everything:
            return self
        seen = self.filter(stream__in=Stream.objects.visible_to(user) if streams is None else streams)
        return seen.filter(assignee=user.pk) if user.is_limited else seen


class InboxCount(models.Model):
    """How many conversations somebody, or nobody, has on a stream in a status: the sum of these rows.

    Triggers add a row for each change (models/inbox_triggers.py), which locks nothing; the dispatcher adds them up
    (services/handling/upkeep.py). No provider has a term for it.
    """

    stream = models.ForeignKey(Stream, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    status = models.CharField(max_length=10, choices=ConversationStatus.choices)
    assignee = models.ForeignKey(
        "conversations.User", on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    number = models.IntegerField()

    objects = InboxCountQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=("stream", "status", "assignee"), include=("number",), name="inbox_count_key")]

    def __str__(self) -> str:
        return f"{self.number} {self.status} on stream {self.stream_id}"


class SavedFilterQuerySet(models.QuerySet["SavedFilter"]):
    """Questions about saved filters."""

    def of(self, user: User) -> SavedFilterQuerySet:
        """This user's own, and those that are shared with everybody."""
        return self.filter(Q(owner=user.pk) | Q(is_shared=True))


class SavedFilter(models.Model):
    """A list of conversations under a name, as the words of its address. No provider has a term for it."""

    owner = models.ForeignKey("conversations.User", on_delete=models.CASCADE, related_name="saved_filters")
    name = models.CharField(max_length=40)
    words = models.CharField(max_length=500, help_text=_("The words of the list's address: view=all&tag=3."))
    is_shared = models.BooleanField(default=False, help_text=_("Everybody sees it beside their own."))
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SavedFilterQuerySet.as_manager()

    class Meta:
        ordering = ("name", "id")
        constraints = [models.UniqueConstraint(fields=("owner", "name"), name="saved_filter_once")]

    def __str__(self) -> str:
        return self.name


class HandlingKind(models.TextChoices):
    """What was done."""

    ASSIGNED = "assigned", _("Assigned")
    RESOLVED = "resolved", _("Resolved")
    REOPENED = "reopened", _("Opened again")
    SNOOZED = "snoozed", _("Snoozed")
    TAGGED = "tagged", _("Tags changed")
    MARKED_READ = "marked_read", _("Marked as read")
    MARKED_UNREAD = "marked_unread", _("Marked as unread")


class HandlingQuerySet(models.QuerySet["Handling"]):
    """Questions about what people did in one action."""

    def undoable_by(self, user: User, at: datetime) -> HandlingQuerySet:
        """This user's own that are young enough and were not undone, newest first."""
        return self.filter(actor=user.pk, undone_at=None, created_at__gt=at - UNDO_WITHIN).order_by("-id")


class Handling(models.Model):
    """One action of a person on one or many conversations, with what each was before, so that it can be undone.

    `changes` is a list of {conversation, before, after}: the columns that changed, as JSON, and `tags`, the ids
    that were added (after) or taken off (before). No provider has a term for it.
    """

    actor = models.ForeignKey("conversations.User", on_delete=models.CASCADE, related_name="handlings")
    kind = models.CharField(max_length=14, choices=HandlingKind.choices)
    changes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    objects = HandlingQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = [
            models.Index(fields=("actor", "-id"), name="handling_to_undo", condition=Q(undone_at__isnull=True)),
            models.Index(fields=("created_at",), name="handling_age"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {len(self.changes)}"
