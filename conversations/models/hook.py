"""The addresses at which providers call one stream, and the calls that were turned away."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from conversations.models.fields import EncryptedJSONField
from conversations.models.webhook import readable_body

if TYPE_CHECKING:
    from datetime import datetime


def digest_of(token: str) -> str:
    """What is kept of the secret part of an address: its SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


class HookSecretQuerySet(models.QuerySet["HookSecret"]):
    """Questions about addresses."""

    def valid(self, at: datetime) -> HookSecretQuerySet:
        """Those that calls are taken at."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=at))


class HookSecret(models.Model):
    """The secret part of one address of one stream; only its digest is kept. Two are valid while one replaces another.

    Providers' terms: the address of a webhook (Cirrus Settings > Webhooks, CCAI Developer Settings, Webex project).
    """

    stream = models.ForeignKey("conversations.Stream", on_delete=models.CASCADE, related_name="hook_secrets")
    digest = models.CharField(max_length=64, unique=True)
    ending = models.CharField(max_length=4, help_text="The last characters, by which people know it.")
    created_by = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="hook_secrets"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    last_called_at = models.DateTimeField(null=True, blank=True)

    objects = HookSecretQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=("stream",), condition=Q(ends_at__isnull=True), name="hook_secret_newest_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.stream}, ending in {self.ending}"

    @property
    def masked_address(self) -> str:
        """The address without its secret."""
        return f"{settings.BASE_URL}/hooks/…{self.ending}/"


class RefusedCall(models.Model):
    """A call to a webhook that was turned away, and why; it can be let in when the fault was ours.

    No provider has a term for it.
    """

    account = models.ForeignKey("conversations.ProviderAccount", on_delete=models.CASCADE, related_name="refused_calls")
    stream = models.ForeignKey(
        "conversations.Stream", on_delete=models.CASCADE, null=True, blank=True, related_name="refused_calls"
    )
    key = models.CharField(max_length=64, help_text="SHA-256 of the reason and the body.")
    status = models.PositiveSmallIntegerField(help_text="What it was answered.")
    reason = models.CharField(max_length=300)
    headers = EncryptedJSONField(default=dict, help_text="What it was to prove itself by, and what it was made of.")
    content_type = models.CharField(max_length=100, blank=True)
    body = models.BinaryField(help_text="Empty where it was too large to be kept.")
    times_received = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField()
    last_received_at = models.DateTimeField()

    class Meta:
        ordering = ("-last_received_at", "-id")
        constraints = [models.UniqueConstraint(fields=("account", "key"), name="refused_call_once")]

    def __str__(self) -> str:
        return f"{self.account} at {self.received_at:%Y-%m-%d %H:%M:%S}"

    @property
    def text(self) -> str:
        """The body for people; bytes that are not UTF-8 are shown as such."""
        return readable_body(self.body)
