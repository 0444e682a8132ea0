"""What is still to come: reports, replies and scheduled messages, kept in rows so that a restart loses none."""

from __future__ import annotations

from django.db import models

from .accounts import SandboxAccount
from .phones import PhoneMessage


class TimerKind(models.TextChoices):
    """What to do when the time has come."""

    REPORT = "report", "Delivery report"
    HOOK = "hook", "Webhook"
    SEND = "send", "Scheduled message"


class TimerEvent(models.Model):
    """One thing to do at its time. The events of one phone run one after another, in order of `due_at`, then id.

    Providers' terms: none; this is the network between them and the phones.
    """

    kind = models.CharField(max_length=10, choices=TimerKind)
    account = models.ForeignKey(SandboxAccount, on_delete=models.CASCADE, related_name="timer_events")
    # null: about something at the provider that is no phone's, which `about` names by its id: a conversation, a child,
    # an activity; a chat, and with a colon between a message of it
    message = models.ForeignKey(PhoneMessage, on_delete=models.CASCADE, null=True, related_name="timer_events")
    about = models.CharField(max_length=40, blank=True)
    lane = models.CharField(max_length=40)  # the phone's number: one lane keeps its order
    word = models.CharField(max_length=20, blank=True)  # sent, delivered, read, failed; inbound, opt_out
    event_id = models.CharField(max_length=40, blank=True)  # the same for a duplicate
    reason = models.CharField(max_length=255, blank=True)  # of a failure
    posts_hook = models.BooleanField(default=True)  # the product is told
    due_at = models.DateTimeField()
    occurred_at = models.DateTimeField()  # the time that the report names
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at", "id"], name="sandbox_timer_due"),
            models.Index(fields=["lane", "due_at", "id"], name="sandbox_timer_lane"),
        ]
        ordering = ["due_at", "id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.word}".strip()

    @property
    def letter(self) -> PhoneMessage:
        """The message, of an event that has one. Raises ValueError for any other."""
        if self.message is None:
            raise ValueError(f"The event {self} is about no message.")
        return self.message
