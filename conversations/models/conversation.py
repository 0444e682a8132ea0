"""A conversation: everything between one contact and one stream until it is resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.stream import Channel, Stream

if TYPE_CHECKING:
    from conversations.models.team import User


class ConversationStatus(models.TextChoices):
    """Where a conversation stands. The provider's own status id is kept beside it, in `external_status`."""

    DORMANT = "dormant", _("Dormant")  # made by a campaign; wakes when the customer answers
    OPEN = "open", _("Open")  # ours to answer
    WAITING = "waiting", _("Waiting")  # the customer's to answer
    SNOOZED = "snoozed", _("Snoozed")  # comes back at snoozed_until
    RESOLVED = "resolved", _("Resolved")  # done; a reply opens it again
    ARCHIVED = "archived", _("Archived")  # done and put away; a reply starts a new one


IN_INBOX = (ConversationStatus.OPEN, ConversationStatus.WAITING, ConversationStatus.SNOOZED)
CURRENT = (*IN_INBOX, ConversationStatus.DORMANT)  # at most one of these per stream and contact


class ConversationQuerySet(models.QuerySet["Conversation"]):
    """Questions about conversations."""

    def visible_to(self, user: User) -> ConversationQuerySet:
        """The conversations this user may see; every page, list and event goes through here."""
        if user.is_active and user.has_perm("conversations.view_every_stream"):
            return self
        return self.filter(stream__in=Stream.objects.visible_to(user))

    def current(self) -> ConversationQuerySet:
        """Neither resolved nor archived."""
        return self.filter(status__in=CURRENT)

    def in_inbox(self) -> ConversationQuerySet:
        """What an inbox lists: neither dormant nor done."""
        return self.filter(status__in=IN_INBOX)

    def newest_first(self) -> ConversationQuerySet:
        """The order of the inbox, which keyset paging follows."""
        return self.order_by("-last_message_at", "-id")

    def for_list(self) -> ConversationQuerySet:
        """With the rows a list row shows."""
        return self.select_related("contact", "stream__account", "assignee")


class Conversation(models.Model):
    """One contact on one stream, until resolved.

    Providers' terms: object, OBJECT_ID (Cirrus), chat (CCAI Platform); Webex Interact has none.
    """

    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="conversations")
    sub_stream = models.ForeignKey(
        "conversations.SubStream", on_delete=models.SET_NULL, null=True, blank=True, related_name="conversations"
    )
    contact = models.ForeignKey("conversations.Contact", on_delete=models.PROTECT, related_name="conversations")
    status = models.CharField(max_length=10, choices=ConversationStatus.choices, default=ConversationStatus.OPEN)
    external_status = models.CharField(max_length=40, blank=True, help_text="The provider's own status, unchanged.")
    assignee = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="conversations"
    )
    external_id = models.CharField(max_length=64, blank=True)
    last_message_at = models.DateTimeField(default=timezone.now)
    last_message_preview = models.CharField(max_length=160, blank=True)
    last_message_direction = models.CharField(max_length=8, blank=True)
    last_inbound_at = models.DateTimeField(null=True, blank=True)
    window_closes_at = models.DateTimeField(
        null=True, blank=True, help_text="WhatsApp: free text may be sent until then."
    )
    waiting_since = models.DateTimeField(
        null=True, blank=True, help_text="When the customer began to wait for an answer."
    )
    unread_count = models.PositiveIntegerField(default=0)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ("-last_message_at", "-id")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=ConversationStatus.values), name="conversation_status_known"),
            models.UniqueConstraint(
                fields=("stream", "contact"), condition=Q(status__in=CURRENT), name="conversation_current_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=("-last_message_at", "-id"), name="conversation_inbox", condition=Q(status__in=IN_INBOX)
            ),
            models.Index(
                fields=("assignee", "-last_message_at", "-id"),
                name="conversation_mine",
                condition=Q(status__in=IN_INBOX),
            ),
            models.Index(
                fields=("stream", "-last_message_at", "-id"),
                name="conversation_by_stream",
                condition=Q(status__in=IN_INBOX),
            ),
            models.Index(fields=("status", "-last_message_at", "-id"), name="conversation_by_status"),
            models.Index(fields=("contact", "-last_message_at"), name="conversation_of_contact"),
            models.Index(fields=("stream", "external_id"), name="conversation_external", condition=~Q(external_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.contact} on {self.stream}"

    @property
    def is_current(self) -> bool:
        """Neither resolved nor archived."""
        return self.status in CURRENT

    @property
    def window_is_open(self) -> bool:
        """May free text be sent? Always on SMS; on WhatsApp until 24 hours after the customer last wrote."""
        if self.stream.channel != Channel.WHATSAPP:
            return True
        return self.window_closes_at is not None and self.window_closes_at > timezone.now()
