"""Words that a centre sorts its conversations by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from conversations.models.conversation import Conversation


class TagQuerySet(models.QuerySet["Tag"]):
    """Questions about tags."""

    def offered(self) -> TagQuerySet:
        """Those that may be put on a conversation now."""
        return self.filter(is_active=True)

    def on(self, conversation: Conversation) -> TagQuerySet:
        """Those on a conversation, switched off or not."""
        return self.filter(conversations=conversation)


class Tag(models.Model):
    """A word that conversations are sorted by. Supervisors decide which there are. No provider has a term for it."""

    name = models.CharField(max_length=40)
    is_active = models.BooleanField(
        _("offered"), default=True, help_text=_("Switched off, it stays where it is and is offered no more.")
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = (Lower("name"),)
        constraints = [
            models.UniqueConstraint(Lower("name"), name="tag_any_case"),
            models.CheckConstraint(condition=~models.Q(name=""), name="tag_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class ConversationTag(models.Model):
    """A tag on a conversation. No provider has a term for it."""

    conversation = models.ForeignKey("conversations.Conversation", on_delete=models.CASCADE, related_name="tag_rows")
    tag = models.ForeignKey(Tag, on_delete=models.PROTECT, related_name="rows")

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=("conversation", "tag"), name="conversation_tag_once")]
        indexes = [models.Index(fields=("tag", "conversation"), name="conversation_tag_of_tag")]

    def __str__(self) -> str:
        return str(self.tag)
