"""What somebody has begun to write and not sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from conversations.models.team import User


class DraftKind(models.TextChoices):
    """For whom it is."""

    REPLY = "reply", _("Reply")
    REMARK = "remark", _("Remark")


class DraftQuerySet(models.QuerySet["Draft"]):
    """Questions about drafts."""

    def of(self, user: User) -> DraftQuerySet:
        """The drafts of one person, in conversations that they may still see."""
        from conversations.models.conversation import Conversation

        return self.filter(user=user.pk, conversation__in=Conversation.objects.visible_to(user))


class Draft(models.Model):
    """A reply or a remark that somebody has begun in a conversation: one of each per person. Never empty.

    `version` grows with every change, so that a page which knows an older text cannot overwrite a newer one.
    No provider has a term for it.
    """

    user = models.ForeignKey("conversations.User", on_delete=models.CASCADE, related_name="drafts")
    conversation = models.ForeignKey("conversations.Conversation", on_delete=models.CASCADE, related_name="drafts")
    kind = models.CharField(max_length=6, choices=DraftKind.choices)
    body = models.TextField()
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)

    objects = DraftQuerySet.as_manager()

    class Meta:
        ordering = ("-updated_at",)
        constraints = [
            models.UniqueConstraint(fields=("user", "conversation", "kind"), name="draft_once"),
            models.CheckConstraint(condition=Q(kind__in=DraftKind.values), name="draft_kind_known"),
            models.CheckConstraint(condition=~Q(body=""), name="draft_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.user}"
