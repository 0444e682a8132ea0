"""What providers tell us: the raw calls, and the receipts in them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from messaging.types import DeliveryStatus

if TYPE_CHECKING:
    from conversations.models.stream import Stream

MATCH_GRACE = timedelta(minutes=1)  # a report may come before our own commit, and is parked until then


class WebhookEventStatus(models.TextChoices):
    """What became of a call."""

    RECEIVED = "received", _("Received")  # stored, not yet processed
    PROCESSED = "processed", _("Processed")
    UNRECOGNISED = "unrecognised", _("Unrecognised")  # theirs, but of no kind we know
    PARKED = "parked", _("Parked")  # about a conversation that we do not have yet
    FAILED = "failed", _("Failed")  # our fault: to be looked at and replayed


def readable_body(body: bytes | memoryview) -> str:
    """A body for people; bytes that are not UTF-8 are shown as such."""
    return bytes(body).decode(errors="backslashreplace")


class WebhookEventQuerySet(models.QuerySet["WebhookEvent"]):
    """Questions about calls."""

    def of_stream(self, stream: Stream) -> WebhookEventQuerySet:
        """What came for this stream, and what names none of its account's."""
        return self.filter(Q(stream=stream.pk) | Q(stream=None), account=stream.account_id)

    def not_understood(self) -> WebhookEventQuerySet:
        """Kept, and not read: it broke, or is of no kind we know."""
        return self.filter(status__in=(WebhookEventStatus.FAILED, WebhookEventStatus.UNRECOGNISED))


class WebhookEvent(models.Model):
    """One call to our webhook: the raw body first, processed later. The same body twice is one row.

    Providers' terms: OnNew, OnNewChild ... (Cirrus), signed webhook (CCAI Platform), CloudEvent (Webex Interact).
    """

    account = models.ForeignKey("conversations.ProviderAccount", on_delete=models.CASCADE, related_name="webhooks")
    stream = models.ForeignKey(
        "conversations.Stream",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="webhooks",
        help_text="Whose address was called, or whom the call is about; empty when it names none.",
    )
    key = models.CharField(max_length=64, help_text="SHA-256 of the body.")
    headers = models.JSONField(default=dict)
    content_type = models.CharField(max_length=100, blank=True)
    body = models.BinaryField()
    status = models.CharField(max_length=12, choices=WebhookEventStatus.choices, default=WebhookEventStatus.RECEIVED)
    error = models.CharField(max_length=300, blank=True)
    about = models.CharField(max_length=64, blank=True, help_text="The provider's id of the conversation it waits for.")
    summary = models.CharField(max_length=120, blank=True, help_text="What it said, in a few words of ours.")
    times_received = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True, blank=True)

    objects = WebhookEventQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = [models.UniqueConstraint(fields=("account", "key"), name="webhook_event_once")]
        indexes = [
            models.Index(fields=("id",), name="webhook_to_process", condition=Q(status=WebhookEventStatus.RECEIVED)),
            models.Index(fields=("id",), name="webhook_failed", condition=Q(status=WebhookEventStatus.FAILED)),
            models.Index(fields=("account", "-id"), name="webhook_of_account"),
            models.Index(
                fields=("account", "about"), name="webhook_parked", condition=Q(status=WebhookEventStatus.PARKED)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} at {self.received_at:%Y-%m-%d %H:%M:%S}"

    @property
    def text(self) -> str:
        """The body for people; bytes that are not UTF-8 are shown as such."""
        return readable_body(self.body)


class ReceiptQuerySet(models.QuerySet["Receipt"]):
    """Questions about delivery reports."""

    def parked(self, at: datetime) -> ReceiptQuerySet:
        """Without a message, and so new that its message may still be on the way here."""
        return self.filter(message=None, received_at__gt=at - MATCH_GRACE)

    def never_matched(self, at: datetime) -> ReceiptQuerySet:
        """Without a message, and too old to expect one."""
        return self.filter(message=None, received_at__lte=at - MATCH_GRACE)


class Receipt(models.Model):
    """One delivery report, kept for ever; without a message it is parked until the message is known.

    Providers' terms: CloudEvent with a status (Webex Interact); the others document none.
    """

    account = models.ForeignKey("conversations.ProviderAccount", on_delete=models.CASCADE, related_name="receipts")
    message = models.ForeignKey(
        "conversations.Message", on_delete=models.CASCADE, null=True, blank=True, related_name="receipts"
    )
    webhook_event = models.ForeignKey(
        WebhookEvent, on_delete=models.SET_NULL, null=True, blank=True, related_name="receipts"
    )
    key = models.CharField(max_length=200)
    status = models.CharField(max_length=12, choices=[(status.value, status.value) for status in DeliveryStatus])
    external_id = models.CharField(max_length=200, blank=True)
    ref = models.CharField(max_length=64, blank=True)
    phone = models.CharField(max_length=16, blank=True)
    code = models.CharField(max_length=60, blank=True)
    text = models.TextField(blank=True)
    occurred_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)

    objects = ReceiptQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=("account", "key"), name="receipt_once")]
        indexes = [
            models.Index(fields=("account", "external_id"), name="receipt_parked_id", condition=Q(message=None)),
            models.Index(fields=("account", "ref"), name="receipt_parked_ref", condition=Q(message=None)),
        ]

    def __str__(self) -> str:
        return f"{self.status} ({self.key})"
