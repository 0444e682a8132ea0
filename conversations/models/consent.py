"""Permission to write: the ledger, and the present state that the gate reads."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.fields import E164
from conversations.models.message import Purpose
from conversations.models.outgoing_triggers import opt_in_outgoing_triggers
from conversations.models.stream import Channel
from conversations.models.triggers import ledger_triggers

if TYPE_CHECKING:
    from conversations.models.team import User


class ConsentEventKind(models.TextChoices):
    """What a customer decided."""

    OPT_IN = "opt_in", _("Opted in")
    DOUBLE_OPT_IN = "double_opt_in", _("Confirmed the opt-in")
    OPT_OUT = "opt_out", _("Opted out")
    ERASED = "erased", _("Erased")


class ConsentScope(models.TextChoices):
    """How far a decision reaches."""

    STREAM = "stream", _("One stream")
    BRAND = "brand", _("All streams of the business")
    EVERYWHERE = "everywhere", _("All streams of the channel")


class ConsentSource(models.TextChoices):
    """How we know."""

    KEYWORD = "keyword", _("A keyword the customer sent")
    AGENT = "agent", _("Told to an agent")
    FORM = "form", _("A form")
    IMPORT = "import", _("An import")
    PROVIDER = "provider", _("The provider")
    API = "api", _("The API")


OPENING = (ConsentEventKind.OPT_IN, ConsentEventKind.DOUBLE_OPT_IN)
"""The events that give a permission; the others take it away."""

FROM_THE_CUSTOMER = (ConsentSource.KEYWORD, ConsentSource.PROVIDER)
"""Sources that are the customer's own act, which nobody of ours stands between."""


class ProofFile(models.Model):
    """A scan, a screenshot or a letter that proves a decision: kept with the ledger, and never changed.

    No provider has a term for it.
    """

    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=60)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    added_by = models.ForeignKey("conversations.User", on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "file that proves a decision"
        triggers = ledger_triggers("proof_file", "name", "content_type", "content", "sha256", "added_at")

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Note what the file was when it came."""
        self.sha256 = hashlib.sha256(self.content).hexdigest()
        super().save(*args, **kwargs)


class OptInQuerySet(models.QuerySet["OptIn"]):
    """Questions about decisions."""

    def visible_to(self, user: User) -> OptInQuerySet:
        """The decisions of the contacts that this user may see."""
        from conversations.models.contact import Contact

        if user.sees_everything:
            return self
        return self.filter(Exists(Contact.objects.all().visible_to(user).filter(pk=OuterRef("contact"))))

    def in_force(self) -> OptInQuerySet:
        """Those that decide about some purpose at present."""
        deciding = ConsentState.objects.filter(Q(service_from=OuterRef("pk")) | Q(marketing_from=OuterRef("pk")))
        return self.filter(Exists(deciding))

    def without_proof(self) -> OptInQuerySet:
        """Permissions that somebody of ours recorded or imported without saying where the proof is."""
        return self.filter(event__in=OPENING, evidence="", evidence_file=None).exclude(source__in=FROM_THE_CUSTOMER)


class OptIn(models.Model):
    """One decision of a customer about being written to: an append-only ledger of opt-ins and opt-outs.

    Purpose empty means every purpose, as with STOP. `stream` is where the customer was told or wrote; for a decision
    about one stream it is that stream. A decision about a brand is one about every stream with its `business_name`.

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
    evidence_file = models.ForeignKey(
        ProofFile, on_delete=models.PROTECT, null=True, blank=True, related_name="opt_ins"
    )
    recorded_by = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="recorded_opt_ins"
    )
    occurred_at = models.DateTimeField(default=timezone.now)
    recorded_at = models.DateTimeField(auto_now_add=True)

    objects = OptInQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = "opt-in or opt-out"
        verbose_name_plural = "opt-ins and opt-outs"
        # A merge moves a decision to the contact that stays; nothing else of it ever changes.
        triggers = [
            *ledger_triggers(
                "opt_in",
                *("phone", "channel", "event", "purpose", "scope", "source", "wording", "business_name"),
                *("evidence", "evidence_file", "occurred_at", "recorded_at"),
            ),
            *opt_in_outgoing_triggers(),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(phone__regex=E164), name="opt_in_phone_is_e164"),
            models.CheckConstraint(
                condition=~Q(scope=ConsentScope.BRAND) | ~Q(business_name=""), name="opt_in_of_a_brand_names_it"
            ),
        ]
        indexes = [
            models.Index(fields=("phone", "channel", "-id"), name="opt_in_of_phone"),
            models.Index(fields=("occurred_at",), name="opt_out_when", condition=Q(event=ConsentEventKind.OPT_OUT)),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()}, {self.get_channel_display()}"

    @property
    def gives_permission(self) -> bool:
        """Does it open the door?"""
        return self.event in OPENING

    @property
    def has_proof(self) -> bool:
        """Is there something to show, or was it the customer's own act?"""
        return bool(self.evidence.strip() or self.evidence_file_id) or self.source in FROM_THE_CUSTOMER


class ConsentDecision(models.TextChoices):
    """The present decision for one purpose."""

    UNKNOWN = "", _("Never asked")
    OPTED_IN = "opted_in", _("Opted in")
    OPTED_OUT = "opted_out", _("Opted out")
    LIFTED = "lifted", _("Opt-out taken back")  # answers are welcome; nothing was agreed to


class ConsentStateQuerySet(models.QuerySet["ConsentState"]):
    """Questions about present states."""

    def everywhere(self) -> ConsentStateQuerySet:
        """The states that hold for all streams of a channel."""
        return self.filter(scope=ConsentScope.EVERYWHERE)

    def applying(self, *, phone: Any, channel: Any, stream: Any, brand: Any) -> ConsentStateQuerySet:
        """The states that concern one stream (of that business): its own, the brand's, and the one of all streams.

        Values or expressions, such as OuterRef. A narrower state that still says something is younger than the
        wider one: recording a wider decision empties those within it.
        """
        return self.applying_to_all(channel=channel, stream=stream, brand=brand).filter(phone=phone)

    def applying_to_all(self, *, channel: Any, stream: Any, brand: Any) -> ConsentStateQuerySet:
        """The same, whatever the number."""
        return self.filter(Q(stream=None) | Q(stream=stream), Q(brand="") | Q(brand=brand), channel=channel)

    def deciding(self, purpose: str) -> ConsentStateQuerySet:
        """Those that say something of a purpose, the youngest first: it counts."""
        return self.exclude(**{purpose: ConsentDecision.UNKNOWN}).order_by(F(f"{purpose}_from").desc(nulls_last=True))


class ConsentState(models.Model):
    """The present state of one number on one channel and in one scope: what the gate reads.

    Kept by services/consent.py. `service_from` and `marketing_from` are the decisions that made it so. No provider
    has a term for it.
    """

    phone = models.CharField(max_length=16)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    scope = models.CharField(max_length=12, choices=ConsentScope.choices, default=ConsentScope.EVERYWHERE)
    stream = models.ForeignKey(
        "conversations.Stream", on_delete=models.CASCADE, null=True, blank=True, related_name="consent_states"
    )
    brand = models.CharField(max_length=100, blank=True)
    service = models.CharField(max_length=10, choices=ConsentDecision.choices, blank=True)
    service_from = models.ForeignKey(OptIn, on_delete=models.PROTECT, null=True, related_name="+")
    marketing = models.CharField(max_length=10, choices=ConsentDecision.choices, blank=True)
    marketing_from = models.ForeignKey(OptIn, on_delete=models.PROTECT, null=True, related_name="+")
    last_event = models.ForeignKey(OptIn, on_delete=models.PROTECT, related_name="states")
    changed_at = models.DateTimeField()

    objects = ConsentStateQuerySet.as_manager()

    class Meta:
        verbose_name = "consent"
        verbose_name_plural = "consents"
        constraints = [
            models.UniqueConstraint(
                fields=("phone", "channel", "stream", "brand"), nulls_distinct=False, name="consent_state_once"
            ),
            models.CheckConstraint(condition=Q(phone__regex=E164), name="consent_phone_is_e164"),
            models.CheckConstraint(
                condition=Q(scope=ConsentScope.STREAM, stream__isnull=False, brand="")
                | (Q(scope=ConsentScope.BRAND, stream=None) & ~Q(brand=""))
                | Q(scope=ConsentScope.EVERYWHERE, stream=None, brand=""),
                name="consent_state_scope",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}: service {self.service or 'unknown'}"

    def decision(self, purpose: str) -> str:
        """The decision for a purpose."""
        return self.marketing if purpose == Purpose.MARKETING else self.service

    def decided_by(self, purpose: str) -> OptIn | None:
        """The entry of the ledger that made it so."""
        return self.marketing_from if purpose == Purpose.MARKETING else self.service_from
