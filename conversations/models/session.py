"""What a provider says of the session that a conversation lives in on the other side."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class ProviderSession(models.Model):
    """A conversation's session at a provider that has such: whether it is open, who is in it, who holds it.

    Providers' terms: chat with status, agent_info and participants (CCAI Platform).
    """

    conversation = models.OneToOneField(
        "conversations.Conversation", on_delete=models.CASCADE, related_name="session", primary_key=True
    )
    external_id = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=40, blank=True, help_text="The provider's own word.")
    is_open = models.BooleanField(default=True)
    holder_id = models.CharField(max_length=64, blank=True, help_text="The provider's id of the agent who has it.")
    holder_email = models.CharField(max_length=254, blank=True)
    holder_name = models.CharField(max_length=200, blank=True)
    participants = models.JSONField(default=list, blank=True, help_text="Who is in it: kind, name, status.")
    message_count = models.PositiveIntegerField(default=0, help_text="How many of its messages were read.")
    looked_at = models.DateTimeField(null=True, blank=True)
    next_poll_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(
        null=True, blank=True, help_text="A message of ours was refused since, because somebody else has it."
    )

    class Meta:
        indexes = [
            models.Index(
                fields=("next_poll_at",), name="session_to_poll", condition=Q(is_open=True, next_poll_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.external_id or 'unknown'}: {self.status or 'unknown'}"
