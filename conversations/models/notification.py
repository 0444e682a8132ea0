"""What somebody is to be told of, and in which ways they want to be told."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from conversations.models.campaign import Campaign
from conversations.models.conversation import Conversation
from conversations.models.outgoing import WebhookSubscription

if TYPE_CHECKING:
    from conversations.models.team import User


class NotificationKind(models.TextChoices):
    """What happened. "Mine" is what is assigned to the person who is told."""

    ASSIGNED = "assigned", _("A conversation is assigned to me")
    REPLY = "reply", _("A customer writes in one of mine")
    MENTION = "mention", _("A remark names me")
    DUE = "due", _("A reply of mine is due in 15 minutes")
    OVERDUE = "overdue", _("A reply of mine is overdue")
    CLOSING = "closing", _("A WhatsApp window of mine closes in 30 minutes")
    FAILED = "failed", _("A message of mine was not sent or not delivered")
    UNCONFIRMED = "unconfirmed", _("A message of mine is not confirmed")
    WOKE = "woke", _("A conversation of mine is back from being snoozed")
    CAMPAIGN = "campaign", _("A campaign of mine has ended, or was paused by a rule of its own")
    WEBHOOK = "webhook", _("A webhook of ours to another system was paused by itself")


class Way(StrEnum):
    """How somebody is told: on the page (bell and notice), by the device, by a sound."""

    PAGE = "page"
    DESKTOP = "desktop"
    SOUND = "sound"


OF_MINE = (
    NotificationKind.ASSIGNED,
    NotificationKind.REPLY,
    NotificationKind.DUE,
    NotificationKind.OVERDUE,
    NotificationKind.CLOSING,
    NotificationKind.WOKE,
)  # these are nobody's business any more once the conversation is somebody else's
OF_A_MESSAGE = (NotificationKind.FAILED, NotificationKind.UNCONFIRMED)

_QUIET = frozenset({Way.PAGE})
_SEEN = frozenset({Way.PAGE, Way.DESKTOP})
_HEARD = frozenset(Way)
DEFAULT_WAYS: dict[str, frozenset[Way]] = {
    NotificationKind.ASSIGNED: _HEARD,
    NotificationKind.REPLY: _HEARD,
    NotificationKind.MENTION: _HEARD,
    NotificationKind.DUE: _SEEN,
    NotificationKind.OVERDUE: _SEEN,
    NotificationKind.CLOSING: _SEEN,
    NotificationKind.FAILED: _HEARD,
    NotificationKind.UNCONFIRMED: _SEEN,
    NotificationKind.WOKE: _QUIET,
    NotificationKind.CAMPAIGN: _SEEN,
    NotificationKind.WEBHOOK: _SEEN,
}


def ways_of(user: User, kind: str) -> frozenset[Way]:
    """How this person wants to be told of a kind; empty: not at all."""
    chosen = user.notify.get(kind)
    return DEFAULT_WAYS[kind] if chosen is None else frozenset(Way(way) for way in chosen if way in list(Way))


def kinds_told(user: User, way: Way) -> list[str]:
    """The kinds that this person is told of in that way."""
    return [kind for kind in NotificationKind.values if way in ways_of(user, kind)]


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Questions about notifications."""

    def of(self, user: User, *, streams: Collection[int] | None = None) -> NotificationQuerySet:
        """This person's own, about conversations and campaigns that they may see now, and about webhooks.

        `streams` are the ids of Stream.objects.visible_to(user), where they were read for the same answer.
        """
        own = self.filter(user=user.pk)
        if user.sees_everything:
            return own
        conversations = Conversation.objects.visible_to(user, streams=streams)
        campaigns = Campaign.objects.visible_to(user, streams=streams)
        return own.filter(Q(conversation__in=conversations) | Q(campaign__in=campaigns) | Q(webhook__isnull=False))

    def listed_for(self, user: User, *, streams: Collection[int] | None = None) -> NotificationQuerySet:
        """Those that the bell shows and counts."""
        return self.of(user, streams=streams).filter(kind__in=kinds_told(user, Way.PAGE))

    def unread(self) -> NotificationQuerySet:
        """Not yet read."""
        return self.filter(read_at=None)

    def with_what_is_shown(self) -> NotificationQuerySet:
        """With the rows that its words name."""
        return self.select_related(
            "conversation__contact", "conversation__stream", "campaign", "webhook", "user", "actor", "message"
        )


class Notification(models.Model):
    """What one person is told of one conversation, campaign or webhook: at most one row of a kind, the newest.

    When the same thing happens again the row gets a new id, so that ids order what is told, and `number` grows
    while nobody has read it. It holds no words: what is shown is read from the rows it names, by whoever may see
    them. `deadline` is the moment that a kind about time speaks of. Written by services/notifications.py alone.
    No provider has a term for it.
    """

    user = models.ForeignKey("conversations.User", on_delete=models.CASCADE, related_name="notifications")
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, null=True, blank=True, related_name="notifications"
    )
    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, null=True, blank=True, related_name="notifications"
    )
    webhook = models.ForeignKey(
        WebhookSubscription, on_delete=models.CASCADE, null=True, blank=True, related_name="notifications"
    )
    kind = models.CharField(max_length=12, choices=NotificationKind.choices)
    message = models.ForeignKey(
        "conversations.Message", on_delete=models.CASCADE, null=True, blank=True, related_name="notifications"
    )
    actor = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="notifications_caused"
    )
    deadline = models.DateTimeField(null=True, blank=True)
    number = models.PositiveIntegerField(default=1, help_text=_("How often it happened since it was last read."))
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=("user", "conversation", "kind"), name="notification_once"),
            models.UniqueConstraint(fields=("user", "campaign", "kind"), name="notification_of_campaign_once"),
            models.UniqueConstraint(fields=("user", "webhook", "kind"), name="notification_of_webhook_once"),
            models.CheckConstraint(
                condition=Q(conversation__isnull=False, campaign__isnull=True, webhook__isnull=True)
                | Q(conversation__isnull=True, campaign__isnull=False, webhook__isnull=True)
                | Q(conversation__isnull=True, campaign__isnull=True, webhook__isnull=False),
                name="notification_of_one_thing",
            ),
            models.CheckConstraint(condition=Q(kind__in=NotificationKind.values), name="notification_kind_known"),
        ]
        indexes = [
            models.Index(fields=("user", "-id"), name="notification_newest"),
            models.Index(fields=("user",), name="notification_unread", condition=Q(read_at__isnull=True)),
            models.Index(fields=("created_at",), name="notification_age"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


def told_already(kind: str, deadline_column: str) -> Q:
    """Conversations whose assignee was told of this deadline; of a queryset of conversations."""
    told = Notification.objects.filter(
        conversation=models.OuterRef("pk"),
        user=models.OuterRef("assignee"),
        kind=kind,
        deadline=models.OuterRef(deadline_column),
    )
    return Q(models.Exists(told))
