"""What a stream allows itself beyond the law: countries, hours, how many messages, and who answers keywords."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class QuietHoursFor(models.TextChoices):
    """Which messages keep to the customer's hours."""

    NOTHING = "", _("Nothing: messages may leave at any hour")
    MARKETING = "marketing", _("Marketing")
    UNASKED = "unasked", _("Marketing, and whatever does not answer a message of the last 24 hours")


class KeywordReplies(models.TextChoices):
    """Who answers STOP, START and HELP."""

    AUTOMATIC = "", _("Parley, unless the provider does")
    OURS = "ours", _("Parley always")
    NOBODY = "nobody", _("Nobody here")


class SendingPolicy(models.Model):
    """The rules of one stream, which the gate asks; a stream without a row has the defaults, which forbid nothing.

    No provider has a term for it.
    """

    stream = models.OneToOneField("conversations.Stream", on_delete=models.CASCADE, related_name="policy")
    countries = models.CharField(
        max_length=300,
        blank=True,
        help_text=_("Countries that may be written to, such as GB, IE. Empty: every country."),
    )
    quiet_hours = models.CharField(
        _("keep to the customer's hours for"), max_length=10, choices=QuietHoursFor.choices, blank=True
    )
    opens_at = models.TimeField(null=True, blank=True, help_text=_("Empty: what is usual in the customer's country."))
    closes_at = models.TimeField(null=True, blank=True, help_text=_("Empty: what is usual in the customer's country."))
    time_zone = models.CharField(
        max_length=64, blank=True, help_text=_("For numbers whose zone nobody knows, such as Europe/London.")
    )
    most_per_person = models.PositiveSmallIntegerField(
        _("messages to one person in ten minutes"), default=0, help_text=_("0: as many as somebody writes.")
    )
    most_per_agent = models.PositiveSmallIntegerField(
        _("messages by one person here in a minute"), default=0, help_text=_("0: as many as they write.")
    )
    keyword_replies = models.CharField(
        _("answers to keywords"), max_length=10, choices=KeywordReplies.choices, blank=True
    )
    help_contact = models.CharField(
        max_length=200,
        blank=True,
        help_text=_("What HELP is answered with: a number, an address or a page. Empty: HELP is left to agents."),
    )

    class Meta:
        verbose_name = "sending policy"
        verbose_name_plural = "sending policies"
        constraints = [
            models.CheckConstraint(
                condition=Q(opens_at__isnull=True, closes_at__isnull=True)
                | Q(opens_at__isnull=False, closes_at__isnull=False),
                name="policy_opens_and_closes",
            )
        ]

    def __str__(self) -> str:
        return f"Policy of {self.stream}"

    @property
    def allowed_countries(self) -> frozenset[str]:
        """The two-letter countries that may be written to; empty means every country."""
        return frozenset(self.countries.replace(",", " ").upper().split())
