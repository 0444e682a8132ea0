"""What CCAI Platform keeps: end users, chats and their messages."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from .accounts import Agent, SandboxAccount, SandboxStream

CLOSED_STATUSES = ("finished", "failed", "canceled", "no_response", "dismissed")


class EndUser(models.Model):
    """A customer as CCAI knows one.

    Providers' terms: CCAI end_user.
    """

    account = models.ForeignKey(SandboxAccount, on_delete=models.CASCADE, related_name="end_users")
    number = models.CharField(max_length=20, blank=True)  # E.164
    identifier = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.identifier or self.number


class Chat(models.Model):
    """A session with one customer; only one may be open between two numbers.

    Providers' terms: CCAI chat.
    """

    account = models.ForeignKey(SandboxAccount, on_delete=models.CASCADE, related_name="chats")
    stream = models.ForeignKey(SandboxStream, on_delete=models.CASCADE, related_name="chats")
    end_user = models.ForeignKey(EndUser, on_delete=models.CASCADE, related_name="chats")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="chats")
    chat_type = models.CharField(max_length=40)
    status = models.CharField(max_length=20, default="selecting")
    ticket_id = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    assigned_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["stream", "end_user"],
                condition=~models.Q(status__in=CLOSED_STATUSES),
                name="sandbox_one_open_chat",
            )
        ]
        ordering = ["id"]

    def __str__(self) -> str:
        return f"Chat {self.pk}"

    @property
    def is_open(self) -> bool:
        """Can messages still be added?"""
        return self.status not in CLOSED_STATUSES


class ChatMessage(models.Model):
    """One message in a chat.

    Providers' terms: CCAI message.
    """

    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="messages")
    sender_type = models.CharField(max_length=20)  # agent, virtual_agent, end_user
    sender_id = models.BigIntegerField(null=True)
    content = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"Message {self.pk}"
