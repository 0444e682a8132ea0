"""The witness: every request with its answer, and every webhook sent with its answer."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from .accounts import SandboxAccount


class EntryKind(models.TextChoices):
    """Which way a call went."""

    REQUEST = "request", "Request"  # the product called a provider
    HOOK = "hook", "Webhook"  # the provider called the product


class LedgerEntry(models.Model):
    """One HTTP exchange, secrets masked, bodies cut at 64 KB.

    Providers' terms: the request logs and webhook logs of their consoles.
    """

    kind = models.CharField(max_length=10, choices=EntryKind, default=EntryKind.REQUEST)
    provider = models.CharField(max_length=20)
    account = models.ForeignKey(SandboxAccount, on_delete=models.SET_NULL, null=True, related_name="ledger")
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=1000)  # of a webhook: the whole address
    summary = models.CharField(max_length=120, blank=True)  # of a webhook: what it says, in words
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    status = models.PositiveSmallIntegerField(null=True)  # null: no answer was given (or, of a webhook, got)
    answer_headers = models.JSONField(default=dict)
    answer_body = models.TextField(blank=True)
    outcome = models.CharField(max_length=120, blank=True)  # of the answer: "reset", "answered after 30 s"
    duration_ms = models.FloatField(default=0)
    phones = models.TextField(blank=True)  # E.164 numbers between spaces: " +44... +44... "
    fault = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["kind", "provider"], name="sandbox_ledger_kind")]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def phone_numbers(self) -> list[str]:
        """The E.164 numbers that the exchange was about."""
        return self.phones.split()
