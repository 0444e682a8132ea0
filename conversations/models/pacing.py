"""How fast a stream may send: rate, pause and breaker. In PostgreSQL, so that it binds every worker."""

from __future__ import annotations

from datetime import datetime

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.stream import Stream

USED = 0.98  # of the rate


class StreamGate(models.Model):
    """The turnstile of one stream, per request. No provider has a term for it.

    `tokens` is how many requests may leave at once; it fills at `rate` a second up to `burst`. After a row of
    faults the breaker is open until `open_until`; then one request is let through as a probe.
    """

    stream = models.OneToOneField(Stream, on_delete=models.CASCADE, primary_key=True, related_name="gate")
    rate = models.FloatField(
        default=10, validators=[MinValueValidator(0.01)], help_text=_("Requests a second, on average.")
    )
    burst = models.PositiveIntegerField(
        default=10, validators=[MinValueValidator(1)], help_text=_("Requests that may leave at once.")
    )
    tokens = models.FloatField(default=10, editable=False)
    refilled_at = models.DateTimeField(default=timezone.now, editable=False)
    next_slot = models.DateTimeField(
        null=True, editable=False, help_text=_("The end of the line: when a message that comes now may ask again.")
    )
    somebody_waits = models.BooleanField(
        default=False, editable=False, help_text=_("A message was turned away because too many were under way.")
    )
    paused_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("The provider asked us to wait until then.")
    )
    faults = models.PositiveIntegerField(default=0, editable=False, help_text=_("In a row, of any kind."))
    timeouts = models.PositiveIntegerField(default=0, editable=False, help_text=_("In a row."))
    open_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(rate__gt=0, burst__gte=1), name="stream_gate_lets_something_through")
        ]

    def __str__(self) -> str:
        return f"{self.stream}: {self.rate:g} a second"

    @property
    def turns_a_second(self) -> float:
        """How many it lets through: a little less than the rate, since what left evenly may arrive closer together."""
        return self.rate * USED

    def tokens_at(self, moment: datetime) -> float:
        """How many requests may leave at once at that moment, when none leaves before."""
        seconds = max((moment - self.refilled_at).total_seconds(), 0.0)
        return min(float(self.burst), self.tokens + seconds * self.turns_a_second)

    @property
    def is_open(self) -> bool:
        """Is the breaker open, so that messages wait?"""
        return self.open_until is not None and self.open_until > timezone.now()
