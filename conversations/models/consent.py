"""Permission to write: the ledger, and the present state that the gate reads."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.fields import E164
from conversations.models.message import Purpose
from conversations.models.stream import Channel


class ConsentEventKind(models.TextChoices):
    """What a customer decided."""

    OPT_IN = "opt_in", _("Opted in")
    DOUBLE_OPT_IN = "double_opt_in", _("Confirmed the opt-in")
    OPT_OUT = "opt_out", _("Opted out")
    ERASED = "erased", _("Erased")


class ConsentScope(models.TextChoices):
    """How far a decision reaches."""

    STREAM = "stream", _("One stream")
    EVERYWHERE = "everywhere", _("All streams of the channel")


class ConsentSource(models.TextChoices):
    """How we know."""

    KEYWORD = "keyword", _("A keyword the customer sent")
    AGENT = "agent", _("Told to an agent")
    FORM = "form", _("A form")
    IMPORT = "import", _("An import")
    PROVIDER = "provider", _("The provider")
    API = "api", _("The API")


class OptIn(models.Model):
    """One decision of a customer about being written to: an append-only ledger of opt-ins and opt-outs.

    Purpose empty means every purpose, as with STOP.

    Providers' terms: opt-in (Cirrus), consent (CCAI Platform), opt-in / opt-out list (Webex Interact).
    """

    contact = models.ForeignKey("conversations.Contact", on_delete=models.PROTECT, related_name="opt_ins")
    phone = models.CharField(max_length=16)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    event = models.CharField(max_length=16, choices=ConsentEventKind.choices)
    purpose = models.CharField(max_length=10, choices=Purpose.choices, blank=True)
    scope = models.CharField(max_length=12, choices=ConsentScope.choices, default=ConsentScope.EVERYWHERE)
    stream = models.ForeignKey(
        "conversations.Stream", on_delete=models.SET_NULL, null=True, blank=True, related_name="opt_ins"
    )
    source = models.CharField(max_length=10, choices=ConsentSource.choices)
    wording = models.TextField(blank=True, help_text="What the customer was shown, or wrote.")
    business_name = models.CharField(max_length=100, blank=True)
    evidence = models.TextField(blank=True, help_text="A link or a description of the proof.")
    recorded_by = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="recorded_opt_ins"
    )
    occurred_at = models.DateTimeField(default=timezone.now)
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = "opt-in or opt-out"
        verbose_name_plural = "opt-ins and opt-outs"
        constraints = [models.CheckConstraint(condition=Q(phone__regex=E164), name="opt_in_phone_is_e164")]
        indexes = [models.Index(fields=("phone", "channel", "-id"), name="opt_in_of_phone")]

    def __str__(self) -> str:
        return f"{self.get_event_display()}, {self.get_channel_display()}"


class ConsentDecision(models.TextChoices):
    """The present decision for one purpose."""

    UNKNOWN = "", _("Never asked")
    OPTED_IN = "opted_in", _("Opted in")
    OPTED_OUT = "opted_out", _("Opted out")


class ConsentState(models.Model):
    """The present state of one number on one channel: what the gate reads. Kept by services/consent.py.

    No provider has a term for it.
    """

    phone = models.CharField(max_length=16)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    service = models.CharField(max_length=10, choices=ConsentDecision.choices, blank=True)
    marketing = models.CharField(max_length=10, choices=ConsentDecision.choices, blank=True)
    last_event = models.ForeignKey(OptIn, on_delete=models.PROTECT, related_name="states")
    changed_at = models.DateTimeField()

    class Meta:
        verbose_name = "consent"
        verbose_name_plural = "consents"
        constraints = [
            models.UniqueConstraint(fields=("phone", "channel"), name="consent_state_once"),
            models.CheckConstraint(condition=Q(phone__regex=E164), name="consent_phone_is_e164"),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}: service {self.service or 'unknown'}"

    def decision(self, purpose: str) -> str:
        """The decision for a purpose."""
        return self.marketing if purpose == Purpose.MARKETING else self.service
