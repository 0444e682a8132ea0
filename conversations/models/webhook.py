"""What providers tell us: the raw calls, and the receipts in them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from messaging.types import DeliveryStatus

MATCH_GRACE = timedelta(minutes=1)  # a report may come before our own commit, and is parked until then


class WebhookEventStatus(models.TextChoices):
    """What became of a call."""

    RECEIVED = "received", _("Received")  # stored, not yet processed
    PROCESSED = "processed", _("Processed")
    UNRECOGNISED = "unrecognised", _("Unrecognised")  # theirs, but of no kind we know
    FAILED = "failed", _("Failed")  # our fault: to be looked at and replayed


class WebhookEvent(models.Model):
    """One call to our webhook: the raw body first, processed later. The same body twice is one row.

    Providers' terms: OnNew, OnNewChild ... (Cirrus), signed webhook (CCAI Platform), CloudEvent (Webex Interact).
    """

    account = models.ForeignKey("conversations.ProviderAccount", on_delete=models.CASCADE, related_name="webhooks")
    key = models.CharField(max_length=64, help_text="SHA-256 of the body.")
    headers = models.JSONField(default=dict)
    content_type = models.CharField(max_length=100, blank=True)
    body = models.BinaryField()
    status = models.CharField(max_length=12, choices=WebhookEventStatus.choices, default=WebhookEventStatus.RECEIVED)
    error = models.CharField(max_length=300, blank=True)
    times_received = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = [models.UniqueConstraint(fields=("account", "key"), name="webhook_event_once")]
        indexes = [
            models.Index(fields=("id",), name="webhook_to_process", condition=Q(status=WebhookEventStatus.RECEIVED)),
            models.Index(fields=("id",), name="webhook_failed", condition=Q(status=WebhookEventStatus.FAILED)),
        ]

    def __str__(self) -> str:
        return f"{self.account} at {self.received_at:%Y-%m-%d %H:%M:%S}"

    @property
    def text(self) -> str:
        """The body for people; bytes that are not UTF-8 are shown as such."""
        return bytes(self.body).decode(errors="backslashreplace")


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
