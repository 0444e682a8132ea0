"""Texts that are kept ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from conversations.models.team import User

SHORTCUT = r"^[a-z0-9]+(-[a-z0-9]+)*$"


class CannedReplyQuerySet(models.QuerySet["CannedReply"]):
    """Questions about canned replies."""

    def visible_to(self, user: User) -> CannedReplyQuerySet:
        """Everybody's, and those of this user's teams."""
        if user.sees_everything:
            return self
        return self.filter(Q(team=None) | Q(team__memberships__user=user.pk)).distinct()

    def matching(self, text: str) -> CannedReplyQuerySet:
        """Those in whose shortcut, title or text every word occurs."""
        found = self
        for word in text.split():
            found = found.filter(Q(shortcut__icontains=word) | Q(title__icontains=word) | Q(body__icontains=word))
        return found


class CannedReply(models.Model):
    """A text that agents insert by its shortcut; fields such as ${first_name} are filled in then (messaging/merge.py).

    Without a team it is for everybody. No provider has a term for it.
    """

    shortcut = models.CharField(max_length=40, help_text=_("Typed after a slash: refund-timing."))
    title = models.CharField(max_length=100, help_text=_("What agents read in the list."))
    body = models.TextField(
        max_length=4096,
        help_text=_(
            "Fields: ${first_name}, ${last_name}, ${name}, ${phone}, ${email}, ${agent_name}, ${agent_first_name}, "
            "${business_name}, ${stream_name}. Any other field is left for the agent to fill in."
        ),
    )
    team = models.ForeignKey(
        "conversations.Team",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="canned_replies",
        help_text=_("Empty: for everybody."),
    )
    language = models.CharField(
        max_length=12, blank=True, help_text=_("Shown first to customers of this language, such as ar or en_GB.")
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CannedReplyQuerySet.as_manager()

    class Meta:
        ordering = ("shortcut", "language", "id")
        verbose_name_plural = "canned replies"
        constraints = [
            models.UniqueConstraint(
                fields=("shortcut", "team", "language"), nulls_distinct=False, name="canned_reply_once"
            ),
            models.CheckConstraint(condition=Q(shortcut__regex=SHORTCUT), name="canned_reply_shortcut_is_a_word"),
            models.CheckConstraint(condition=~Q(body=""), name="canned_reply_not_empty"),
        ]

    def __str__(self) -> str:
        return self.shortcut
