"""The virtual phones and what they sent and received."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from .accounts import FaultSetting, SandboxAccount, SandboxChannel, SandboxStream

WINDOW = timedelta(hours=24)


class VirtualPhone(FaultSetting):
    """A customer's phone; made by the first message to its number.

    Providers' terms: Cirrus user and identity, CCAI end_user, Webex to[].phone.
    """

    number = models.CharField(max_length=20, unique=True)  # E.164
    name = models.CharField(max_length=80, blank=True)
    on_sms = models.BooleanField(default=True)
    on_whatsapp = models.BooleanField(default=True)
    is_blocked = models.BooleanField(default=False)  # its owner blocked the business: nothing arrives
    window_closed_at = models.DateTimeField(null=True, blank=True)  # "Skip 24 hours": earlier answers count no more
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name or self.number

    @property
    def unseen_count(self) -> int:
        """How many arrived messages the handset page has not shown yet."""
        return self.messages.arrived().filter(is_seen=False).count()

    def window_closes_at(self, stream: SandboxStream) -> datetime | None:
        """When WhatsApp stops taking free text to this phone from `stream`; None while it takes none."""
        written = self.messages.filter(stream=stream, direction=MessageDirection.FROM_PHONE)
        if self.window_closed_at:
            written = written.filter(created_at__gt=self.window_closed_at)
        last = written.order_by("-created_at").values_list("created_at", flat=True).first()
        if last is None or last + WINDOW <= timezone.now():
            return None
        return last + WINDOW


class MessageDirection(models.TextChoices):
    """Seen from the phone's owner."""

    TO_PHONE = "to_phone", "Arrived"
    FROM_PHONE = "from_phone", "Written here"


class MessageStatus(models.TextChoices):
    """How far a message came."""

    SCHEDULED = "scheduled", "Scheduled"  # accepted, waits for its time at the provider
    ACCEPTED = "accepted", "Accepted"  # the provider has it
    SENT = "sent", "Sent"  # on its way; the phone has not got it
    DELIVERED = "delivered", "Delivered"
    READ = "read", "Read"
    FAILED = "failed", "Failed"
    SUPPRESSED = "suppressed", "Suppressed"  # dropped silently: the number opted out
    CANCELLED = "cancelled", "Cancelled"


class PhoneMessageQuerySet(models.QuerySet["PhoneMessage"]):
    """Questions that pages and tests ask."""

    def arrived(self) -> Self:
        """What the phone's screen shows of the business's messages."""
        return self.filter(
            direction=MessageDirection.TO_PHONE, status__in=[MessageStatus.DELIVERED, MessageStatus.READ]
        )

    def on_screen(self) -> Self:
        """What a person holding the phone sees: what arrived and what was written here, oldest first."""
        shown = models.Q(direction=MessageDirection.FROM_PHONE) | models.Q(
            status__in=[MessageStatus.DELIVERED, MessageStatus.READ]
        )
        return self.filter(shown).order_by("created_at", "id")


class PhoneMessage(models.Model):
    """One message on its way to a phone, or written on it. One row per message, however often it is reported.

    Providers' terms: Cirrus child, CCAI message, Webex messages[] entry (transaction_id).
    """

    phone = models.ForeignKey(VirtualPhone, on_delete=models.CASCADE, related_name="messages")
    account = models.ForeignKey(SandboxAccount, on_delete=models.CASCADE, related_name="messages")
    stream = models.ForeignKey(SandboxStream, on_delete=models.CASCADE, related_name="messages")
    provider = models.CharField(max_length=20)
    channel = models.CharField(max_length=10, choices=SandboxChannel)
    direction = models.CharField(max_length=10, choices=MessageDirection)
    business_name = models.CharField(max_length=80, blank=True)
    business_number = models.CharField(max_length=20, blank=True)
    text = models.TextField(blank=True)
    # templates only; header is {"type": "text", "text"} or {"type": "image"|"video"|"document", "link"|"id", ...}
    header = models.JSONField(default=dict, blank=True)
    footer = models.CharField(max_length=255, blank=True)
    buttons = models.JSONField(default=list, blank=True)  # [{"type": "QUICK_REPLY", "text": ..., "url"?: ...}]
    media = models.JSONField(default=dict, blank=True)  # {"filename", "content_type", "url"}
    template_name = models.CharField(max_length=512, blank=True)
    status = models.CharField(max_length=12, choices=MessageStatus, default=MessageStatus.ACCEPTED)
    failure_reason = models.CharField(max_length=255, blank=True)
    fault = models.CharField(max_length=40, blank=True)  # the outcome that was switched on when it came
    ref = models.CharField(max_length=255, blank=True)  # the caller's own reference, where the wire carries one
    external_id = models.CharField(max_length=80, blank=True)  # WhatsApp id or transaction id
    child_id = models.CharField(max_length=20, blank=True)  # Cirrus child id
    thread_id = models.CharField(max_length=40, blank=True)  # Cirrus object id or CCAI chat id
    request_id = models.CharField(max_length=40, blank=True)  # Webex request id
    created_at = models.DateTimeField(default=timezone.now)
    valid_until = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    is_seen = models.BooleanField(default=False)  # shown on the handset page

    objects: ClassVar = PhoneMessageQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["phone", "channel", "created_at"], name="sandbox_message_thread"),
            models.Index(fields=["request_id"], name="sandbox_message_request"),
        ]
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.get_direction_display()} on {self.channel}"
