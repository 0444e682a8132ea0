"""What the other side holds of our conversations, and where the two stories differ."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

ERASED_HERE = "The customer's data was erased here. What is still kept there is not read again."


class ConversationMirror(models.Model):
    """A conversation as the provider held it when both sides last agreed: what a difference is measured against.

    One of our conversations may have had several there, one after the other. Without a conversation it is something
    that could not be understood, and `problem` says why.

    Providers' terms: object (Cirrus).
    """

    stream = models.ForeignKey("conversations.Stream", on_delete=models.CASCADE, related_name="mirrors")
    external_id = models.CharField(max_length=64)
    conversation = models.ForeignKey(
        "conversations.Conversation", on_delete=models.CASCADE, null=True, blank=True, related_name="mirrors"
    )
    external_status = models.CharField(max_length=40, blank=True, help_text="The provider's own status, unchanged.")
    agreed_status = models.CharField(
        max_length=42,
        blank=True,
        help_text="Where both sides last stood: our word, or # and their id.",
    )
    external_agent = models.CharField(max_length=64, blank=True)
    content = models.JSONField(default=dict, blank=True)
    fingerprint = models.CharField(
        max_length=64, blank=True, help_text="Of all that was read last: the same again changes nothing."
    )
    problem = models.CharField(max_length=300, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True, help_text="When it last changed there.")
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = _("mirrored conversation")
        constraints = [models.UniqueConstraint(fields=("stream", "external_id"), name="mirror_once")]
        indexes = [models.Index(fields=("stream", "read_at"), name="mirror_to_read")]

    def __str__(self) -> str:
        return self.external_id


class DriftField(models.TextChoices):
    """What differs."""

    STATUS = "status", _("Status")
    ASSIGNEE = "assignee", _("Assigned to")
    NAME = "name", _("Name")
    CONTENT = "content", _("Tags")


class Settlement(models.TextChoices):
    """How a difference ended."""

    THEIRS = "theirs", _("Took theirs")
    OURS = "ours", _("Pushed ours")
    GONE = "gone", _("Both sides agree again")


class Drift(models.Model):
    """A difference between the two sides that a person decides: both have changed since they agreed.

    `ours` and `theirs` are words for people, `data` what it takes to follow the decision. No provider has
    a term for it.
    """

    mirror = models.ForeignKey(ConversationMirror, on_delete=models.CASCADE, related_name="drifts")
    conversation = models.ForeignKey("conversations.Conversation", on_delete=models.CASCADE, related_name="drifts")
    field = models.CharField(max_length=10, choices=DriftField.choices)
    ours = models.CharField(max_length=200, blank=True)
    theirs = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict, blank=True)
    found_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="settled_drifts"
    )
    settlement = models.CharField(max_length=10, choices=Settlement.choices, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=("mirror", "field"), condition=Q(settled_at__isnull=True), name="drift_open_once"
            )
        ]

    def __str__(self) -> str:
        return self.get_field_display()
