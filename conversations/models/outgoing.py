"""What other systems are told: who wants to know what, and the outbox of what they are still to be told."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.fields import EncryptedJSONField
from conversations.models.stream import Stream


class OutgoingKind(models.TextChoices):
    """What happened. The triggers of models/outgoing_triggers.py write it down."""

    MESSAGE_STATUS = "message.status", _("A message of ours has another status")
    MESSAGE_RECEIVED = "message.received", _("A customer wrote")
    CONVERSATION_OPENED = "conversation.opened", _("A conversation was opened")
    CONVERSATION_ASSIGNED = "conversation.assigned", _("A conversation was assigned")
    CONVERSATION_RESOLVED = "conversation.resolved", _("A conversation was resolved")
    OPTED_IN = "contact.opted_in", _("A customer opted in")
    OPTED_OUT = "contact.opted_out", _("A customer opted out")
    CAMPAIGN_FINISHED = "campaign.finished", _("A campaign has finished")


TEST_KIND = "test"  # asked for by a person, wanted by every subscription


class WebhookSubscriptionQuerySet(models.QuerySet["WebhookSubscription"]):
    """Questions about subscriptions."""

    def to_wake(self, at: datetime) -> WebhookSubscriptionQuerySet:
        """Those that a worker can tell something now."""
        waiting = WebhookDelivery.objects.due(at).filter(subscription=OuterRef("pk"))
        return self.filter(
            Exists(waiting),
            Q(next_try_at=None) | Q(next_try_at__lte=at),
            Q(lease_until=None) | Q(lease_until__lte=at),
            paused_at=None,
        )


class WebhookSubscription(models.Model):
    """Another system that is told what happens here, at an address of its own.

    It is told what its owner may see, of `streams` alone where there are any. `secrets` are what requests are signed
    with, the newest first; the second is the former one, until `former_secret_ends_at`. `claim` is held by the one
    worker that tells it something at present. No provider has a term for it.
    """

    name = models.CharField(max_length=100, unique=True)
    url = models.CharField(
        _("address"), max_length=500, help_text=_("Begins with https://, and leads to a public host.")
    )
    owner = models.ForeignKey(
        "conversations.User",
        on_delete=models.PROTECT,
        related_name="webhook_subscriptions",
        help_text=_("The address is told what this person may see."),
    )
    events = ArrayField(models.CharField(max_length=40, choices=OutgoingKind.choices))
    streams = models.ManyToManyField(
        Stream, related_name="webhook_subscriptions", blank=True, help_text=_("None: all that the owner sees.")
    )
    secrets = EncryptedJSONField(default=list)
    former_secret_ends_at = models.DateTimeField(null=True, blank=True, editable=False)
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    pause_reason = models.CharField(max_length=300, blank=True, editable=False)
    failing_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("When the first try after the last success failed.")
    )
    failures = models.PositiveIntegerField(default=0, editable=False, help_text=_("Rounds without a success."))
    is_slow = models.BooleanField(default=False, editable=False)
    next_try_at = models.DateTimeField(null=True, blank=True, editable=False)
    claim = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WebhookSubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """A word: paused, failing or working."""
        if self.paused_at is not None:
            return "paused"
        return "failing" if self.failing_since is not None else "working"

    def signing_secrets(self, at: datetime) -> list[str]:
        """What a request of that moment is signed with: the newest secret, and the former while it has not ended."""
        newest, *former = self.secrets
        return [newest, *former] if self.former_secret_ends_at and at < self.former_secret_ends_at else [newest]


class DeliveryStatus(models.TextChoices):
    """What became of telling it."""

    WAITING = "waiting", _("Waiting")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Given up")
    SKIPPED = "skipped", _("Not for its owner")


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    """Questions about deliveries."""

    def due(self, at: datetime) -> WebhookDeliveryQuerySet:
        """Waiting, and not for a later try."""
        return self.filter(status=DeliveryStatus.WAITING, next_try_at__lte=at)

    def first_in_line(self) -> WebhookDeliveryQuerySet:
        """Those that nothing waits before: `ordered_by` names the line, a conversation, contact or campaign."""
        before = WebhookDelivery.objects.filter(
            subscription=OuterRef("subscription"),
            ordered_by=OuterRef("ordered_by"),
            status=DeliveryStatus.WAITING,
            pk__lt=OuterRef("pk"),
        )
        return self.filter(~Exists(before))


class WebhookDelivery(models.Model):
    """One thing that one subscription is told: a place in the outbox, and afterwards a line of the log.

    Written by PostgreSQL in the transaction of what happened. `data` names the rows concerned and what they said
    then; the body is made of them when it is sent, and is not kept. `event_id` is the same for every try and replay,
    and for every subscription that is told of the same thing. No provider has a term for it.
    """

    subscription = models.ForeignKey(
        WebhookSubscription, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    event_id = models.UUIDField()
    kind = models.CharField(max_length=40)
    ordered_by = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    occurred_at = models.DateTimeField(default=timezone.now)
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.WAITING)
    tries = models.PositiveIntegerField(default=0)
    first_tried_at = models.DateTimeField(null=True, blank=True)
    last_tried_at = models.DateTimeField(null=True, blank=True)
    next_try_at = models.DateTimeField(default=timezone.now)
    answered = models.PositiveSmallIntegerField(null=True, blank=True, help_text=_("The status of the last answer."))
    seconds = models.FloatField(null=True, blank=True, help_text=_("How long the last answer took."))
    problem = models.CharField(max_length=300, blank=True)
    replays = models.PositiveIntegerField(default=0)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=DeliveryStatus.values), name="delivery_status_known"),
            models.UniqueConstraint(fields=("subscription", "event_id"), name="delivery_once"),
        ]
        indexes = [
            models.Index(
                fields=("subscription", "next_try_at", "id"),
                name="delivery_due",
                condition=Q(status=DeliveryStatus.WAITING),
            ),
            models.Index(
                fields=("subscription", "ordered_by", "id"),
                name="delivery_in_line",
                condition=Q(status=DeliveryStatus.WAITING),
            ),
            models.Index(fields=("occurred_at",), name="delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"
