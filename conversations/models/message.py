"""A message, in or out, and the events of its life."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from conversations.models.account import AccountHealth
from conversations.models.composed import Given
from conversations.models.inbox_triggers import failure_triggers
from conversations.models.outgoing_triggers import message_outgoing_triggers
from conversations.models.report_triggers import report_triggers
from conversations.models.search import message_words
from conversations.models.triggers import message_triggers

if TYPE_CHECKING:
    from conversations.models.team import User


class Direction(models.TextChoices):
    """Who wrote."""

    IN = "in", _("From the customer")
    OUT = "out", _("From us")


class Kind(models.TextChoices):
    """What a message is made of."""

    TEXT = "text", _("Text")
    TEMPLATE = "template", _("WhatsApp template")
    OPENING = "opening", _("Opening text of the stream")  # the words are configured at the provider
    MEDIA = "media", _("Media")
    REACTION = "reaction", _("Reaction")  # the body is the emoji, empty when it was taken back
    OTHER = "other", _("Of another kind")  # `rendered["kind_word"]` is the provider's word for it


class Purpose(models.TextChoices):
    """Why we write; consent is given per purpose."""

    SERVICE = "service", _("Service")
    MARKETING = "marketing", _("Marketing")


class MessageStatus(models.TextChoices):
    """Every status of a message. The legal moves between them are LEGAL_MOVES."""

    RECEIVED = "received", _("Received")  # inbound only
    DRAFT = "draft", _("Draft")  # written, not given to us to send
    SCHEDULED = "scheduled", _("Scheduled")  # waits for scheduled_for on our clock
    HELD = "held", _("Held")  # waits for a person: undo time, or the WhatsApp window
    QUEUED = "queued", _("Queued")  # ready; a worker or the dispatcher takes it
    SENDING = "sending", _("Sending")  # claimed by a worker, under a lease
    ACCEPTED = "accepted", _("Accepted")  # the provider took it; no receipt yet
    SENT = "sent", _("Sent")  # a receipt says it went to the network
    DELIVERED = "delivered", _("Delivered")  # a receipt says it arrived
    READ = "read", _("Read")  # a receipt says it was read
    UNDELIVERED = "undelivered", _("Undelivered")  # a receipt says it did not arrive
    FAILED = "failed", _("Failed")  # refused, by us or the provider, with a reason
    EXPIRED = "expired", _("Expired")  # valid_until passed before it could leave
    CANCELLED = "cancelled", _("Cancelled")  # stopped by a person before it left
    UNCONFIRMED = "unconfirmed", _("Not confirmed")  # it may have left; never resent by itself


# Which status may follow which. The database refuses every other move (models/triggers.py).
_REPORTED = frozenset(
    {
        MessageStatus.SENT,
        MessageStatus.DELIVERED,
        MessageStatus.READ,
        MessageStatus.UNDELIVERED,
        MessageStatus.FAILED,
        MessageStatus.EXPIRED,
    }
)

LEGAL_MOVES: dict[str, frozenset[str]] = {
    MessageStatus.DRAFT: frozenset(
        {MessageStatus.SCHEDULED, MessageStatus.HELD, MessageStatus.QUEUED, MessageStatus.CANCELLED}
    ),
    MessageStatus.SCHEDULED: frozenset(
        {MessageStatus.QUEUED, MessageStatus.CANCELLED, MessageStatus.EXPIRED, MessageStatus.FAILED}
    ),
    MessageStatus.HELD: frozenset({MessageStatus.QUEUED, MessageStatus.CANCELLED, MessageStatus.EXPIRED}),
    MessageStatus.QUEUED: frozenset(
        {
            MessageStatus.SENDING,
            MessageStatus.HELD,
            MessageStatus.CANCELLED,
            MessageStatus.EXPIRED,
            MessageStatus.FAILED,
        }
    ),
    MessageStatus.SENDING: frozenset(
        {
            MessageStatus.QUEUED,
            MessageStatus.ACCEPTED,
            MessageStatus.FAILED,
            MessageStatus.UNCONFIRMED,
            MessageStatus.EXPIRED,
        }
    ),
    MessageStatus.UNCONFIRMED: _REPORTED
    | {MessageStatus.ACCEPTED, MessageStatus.QUEUED},  # queued: only when a person says so
    MessageStatus.ACCEPTED: _REPORTED | {MessageStatus.CANCELLED},
    MessageStatus.SENT: frozenset(
        {
            MessageStatus.DELIVERED,
            MessageStatus.READ,
            MessageStatus.UNDELIVERED,
            MessageStatus.FAILED,
            MessageStatus.EXPIRED,
        }
    ),
    MessageStatus.DELIVERED: frozenset({MessageStatus.READ}),
    MessageStatus.READ: frozenset(),
    MessageStatus.UNDELIVERED: frozenset(
        {MessageStatus.DELIVERED, MessageStatus.READ}
    ),  # the handset is the stronger witness
    MessageStatus.FAILED: frozenset({MessageStatus.DELIVERED, MessageStatus.READ}),
    MessageStatus.EXPIRED: frozenset({MessageStatus.DELIVERED, MessageStatus.READ}),
    MessageStatus.CANCELLED: frozenset({MessageStatus.DELIVERED, MessageStatus.READ}),
    MessageStatus.RECEIVED: frozenset(),
}

# Named sets drive buttons and queries.
CANCELLABLE = (MessageStatus.DRAFT, MessageStatus.SCHEDULED, MessageStatus.HELD, MessageStatus.QUEUED)
PENDING = (MessageStatus.SCHEDULED, MessageStatus.HELD, MessageStatus.QUEUED, MessageStatus.SENDING)
UNSETTLED = (*PENDING, MessageStatus.UNCONFIRMED)  # somebody still waits for what becomes of it
IN_FLIGHT = (MessageStatus.QUEUED, MessageStatus.SENDING)
TAKEN = (MessageStatus.ACCEPTED, MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ)
NOT_ARRIVED = (MessageStatus.FAILED, MessageStatus.UNDELIVERED, MessageStatus.EXPIRED)


class MessageQuerySet(models.QuerySet["Message"]):
    """Questions about messages."""

    def visible_to(self, user: User) -> MessageQuerySet:
        """The messages of conversations this user may see."""
        from conversations.models.conversation import Conversation
        from conversations.models.stream import Stream

        if user.sees_everything:
            return self
        if user.is_limited:
            return self.filter(conversation__in=Conversation.objects.visible_to(user))
        return self.filter(stream__in=Stream.objects.visible_to(user))

    def outbound(self) -> MessageQuerySet:
        """Ours."""
        return self.filter(direction=Direction.OUT)

    def due(self, at: datetime | Now | Given) -> MessageQuerySet:
        """Queued, not waiting for a later try, and on a stream that is not stopped: what may be claimed then."""
        return (
            self.filter(status=MessageStatus.QUEUED)
            .filter(Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=at))
            .exclude(stream__account__health=AccountHealth.NEEDS_CREDENTIALS)
            .exclude(stream__paused_until__gt=at)
        )

    def lease_over(self, at: datetime) -> MessageQuerySet:
        """Claimed by a worker that has not come back in time."""
        return self.filter(status=MessageStatus.SENDING, lease_until__lte=at)

    def expired(self, at: datetime) -> MessageQuerySet:
        """Still with us though their validity is over."""
        return self.filter(
            status__in=(MessageStatus.SCHEDULED, MessageStatus.QUEUED, MessageStatus.HELD), valid_until__lte=at
        )


class Message(models.Model):
    """One message of a conversation, in or out, one row each.

    The life of an outbound message (the whole table is LEGAL_MOVES above):

        draft ─> scheduled ─> queued <─> sending ─> accepted ─> sent ─> delivered ─> read
          └> held ──────────────┘           │           └─> undelivered / failed
                                            ├─> failed
                                            └─> unconfirmed ─> (receipt, look-up or a person)

    Providers' terms: child (Cirrus), message (CCAI Platform), messages[] / transaction_id (Webex Interact).
    """

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(
        "conversations.Conversation", on_delete=models.CASCADE, related_name="messages", db_index=False
    )
    stream = models.ForeignKey(
        "conversations.Stream", on_delete=models.PROTECT, related_name="messages", db_index=False
    )
    direction = models.CharField(max_length=3, choices=Direction.choices)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.TEXT)
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.SERVICE)
    body = models.TextField(blank=True)
    status = models.CharField(max_length=12, choices=MessageStatus.choices)
    author = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="messages", db_index=False
    )
    client_key = models.CharField(
        max_length=100, null=True, blank=True, unique=True, help_text="A second submit with this key is the first."
    )
    external_id = models.CharField(max_length=200, blank=True)
    failure_code = models.CharField(max_length=60, blank=True)
    failure_text = models.TextField(blank=True, help_text="The provider's own words, or ours.")
    segments = models.PositiveSmallIntegerField(default=0)
    template = models.ForeignKey(
        "conversations.WhatsAppTemplate",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="messages",
        db_index=False,
    )
    template_version = models.ForeignKey(
        "conversations.TemplateVersion",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="messages",
        db_index=False,
    )
    template_values = models.JSONField(default=dict, blank=True)
    recipient = models.ForeignKey(
        "conversations.CampaignRecipient",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="messages",
        db_index=False,
        help_text="The row of a campaign's list that it was sent for.",
    )
    rendered = models.JSONField(default=dict, blank=True, help_text="Header, footer and buttons as the customer sees.")
    media = models.JSONField(default=list, blank=True)
    verdict = models.JSONField(default=dict, blank=True, help_text="Why this message was allowed.")
    confirms = models.OneToOneField(
        "conversations.OptIn",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="confirmation",
        help_text="The decision that this message confirms to the customer: one message a decision.",
    )
    held_for = models.CharField(max_length=10, blank=True, help_text="undo or window")
    scheduled_for = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    cancel_on_reply = models.BooleanField(
        default=False, help_text="Scheduled, and not wanted any more once the customer writes."
    )
    resolve_after = models.BooleanField(
        default=False, help_text="The conversation is done once the provider has accepted this message."
    )
    queued_at = models.DateTimeField(null=True, blank=True, help_text="When first queued: the order of sending.")
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    hinted_at = models.DateTimeField(null=True, blank=True)
    attempt_count = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    on_wire_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When the provider accepted it.")
    delivered_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    next_lookup_at = models.DateTimeField(
        null=True, blank=True, help_text="When the provider is asked next whether an unconfirmed message arrived."
    )
    lookup_count = models.PositiveSmallIntegerField(default=0)
    release_count = models.PositiveSmallIntegerField(
        default=0, help_text="How often a person let it be sent again although it may have arrived."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        triggers = [
            *message_triggers(LEGAL_MOVES),
            *failure_triggers(failures=NOT_ARRIVED, cancelled=MessageStatus.CANCELLED),
            *message_words(),
            *report_triggers(),
            *message_outgoing_triggers(),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=MessageStatus.values), name="message_status_known"),
            models.CheckConstraint(
                condition=Q(direction=Direction.IN, status=MessageStatus.RECEIVED)
                | (Q(direction=Direction.OUT) & ~Q(status=MessageStatus.RECEIVED)),
                name="message_received_means_inbound",
            ),
            models.CheckConstraint(
                condition=~Q(status=MessageStatus.SENDING) | Q(claim__isnull=False, lease_until__isnull=False),
                name="message_sending_has_a_claim",
            ),
            models.CheckConstraint(
                condition=~Q(status=MessageStatus.SCHEDULED) | Q(scheduled_for__isnull=False),
                name="message_scheduled_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True)
                | Q(scheduled_for__isnull=True)
                | Q(valid_until__gt=F("scheduled_for")),
                name="message_valid_after_scheduled",
            ),
            models.UniqueConstraint(
                fields=("stream", "external_id"), condition=~Q(external_id=""), name="message_external_once"
            ),
            models.UniqueConstraint(
                fields=("recipient",), condition=Q(recipient__isnull=False), name="message_of_a_recipient_once"
            ),
        ]
        indexes = [
            models.Index(fields=("conversation", "-id"), name="message_of_conversation"),
            models.Index(fields=("stream", "created_at"), name="message_of_stream"),
            models.Index(fields=("author",), name="message_of_author", condition=Q(author__isnull=False)),
            models.Index(fields=("template",), name="message_of_template", condition=Q(template__isnull=False)),
            models.Index(
                fields=("template_version",), name="message_of_version", condition=Q(template_version__isnull=False)
            ),
            models.Index(fields=("queued_at",), name="message_in_flight", condition=Q(status__in=IN_FLIGHT)),
            models.Index(fields=("status", "stream"), name="message_unsettled", condition=Q(status__in=UNSETTLED)),
            models.Index(
                fields=("next_attempt_at",),
                name="message_to_try_again",
                condition=Q(status=MessageStatus.QUEUED, next_attempt_at__isnull=False),
            ),
            models.Index(
                fields=("scheduled_for",), name="message_scheduled", condition=Q(status=MessageStatus.SCHEDULED)
            ),
            models.Index(
                fields=("conversation", "scheduled_for"),
                name="message_scheduled_in",
                condition=Q(status=MessageStatus.SCHEDULED),
            ),
            models.Index(
                fields=("conversation",),
                name="message_unconfirmed_in",
                condition=Q(status=MessageStatus.UNCONFIRMED),
            ),
            models.Index(
                fields=("next_lookup_at",),
                name="message_to_look_up",
                condition=Q(status=MessageStatus.UNCONFIRMED, next_lookup_at__isnull=False),
            ),
            models.Index(
                fields=("stream", "-id"),
                name="message_to_look_at",
                condition=Q(status__in=(MessageStatus.FAILED, MessageStatus.UNCONFIRMED, MessageStatus.UNDELIVERED)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_direction_display()} #{self.pk}"

    @property
    def is_outbound(self) -> bool:
        """Ours?"""
        return self.direction == Direction.OUT

    @property
    def can_be_cancelled(self) -> bool:
        """Has it not left us yet?"""
        return self.status in CANCELLABLE

    @property
    def can_be_sent_again(self) -> bool:
        """Did it certainly not arrive? An unconfirmed message needs a person's decision instead."""
        return self.is_outbound and self.status in NOT_ARRIVED


class MessageEvent(models.Model):
    """One change of a message's status: append-only history. No provider has a term for it."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="events")
    from_status = models.CharField(max_length=12, blank=True)
    to_status = models.CharField(max_length=12)
    actor = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="message_events"
    )
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("id",)
        indexes = [models.Index(fields=("message", "id"), name="message_event_of_message")]

    def __str__(self) -> str:
        return f"{self.from_status or 'new'} to {self.to_status}"
