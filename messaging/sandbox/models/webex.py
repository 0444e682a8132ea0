"""What Webex Interact keeps: requests (waiting ones can be cancelled) and the opt-out list."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from .accounts import SandboxAccount, SandboxStream


class SmsRequest(models.Model):
    """One call of /v1/sms with all its recipients.

    Providers' terms: Webex API SMS request (aps_ ids).
    """

    account = models.ForeignKey(SandboxAccount, on_delete=models.CASCADE, related_name="sms_requests")
    stream = models.ForeignKey(SandboxStream, on_delete=models.CASCADE, related_name="sms_requests")
    request_id = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=12, default="SENT")  # SCHEDULED, IN_PROGRESS, SENT, ERROR, DELETED
    recipients = models.PositiveIntegerField(default=0)
    scheduled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.request_id


class SuppressedNumberQuerySet(models.QuerySet["SuppressedNumber"]):
    """Questions about the opt-out list."""

    def for_stream(self, stream: SandboxStream) -> Self:
        """Who opted out of this sender, or of the whole account (rows without a sender)."""
        return self.filter(models.Q(stream=stream) | models.Q(account_id=stream.account_id, stream=None))


class SuppressedNumber(models.Model):
    """A number that opted out: messages to it are queued and never delivered.

    Providers' terms: Webex opt-out list.
    """

    account = models.ForeignKey(SandboxAccount, on_delete=models.CASCADE, related_name="suppressed")
    stream = models.ForeignKey(SandboxStream, on_delete=models.CASCADE, null=True, related_name="suppressed")
    number = models.CharField(max_length=20)  # E.164
    keyword = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar = SuppressedNumberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "stream", "number"], name="sandbox_suppressed_number")
        ]
        ordering = ["id"]

    def __str__(self) -> str:
        return self.number
