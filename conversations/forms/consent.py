"""Recording what a customer decided about being written to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.forms.base import LocalTimeField, StyledForm
from conversations.models import ConsentState, Contact, User
from conversations.models.consent import ConsentDecision, ConsentEventKind, ConsentSource
from conversations.models.message import Purpose
from conversations.models.stream import Channel

MAX_WORDING = 2000


class ConsentForm(StyledForm):
    """A decision of a customer, with how we know.

    An opt-in after an opt-out needs a supervisor and a proof.
    """

    fields_of_codes = {"wording_missing": "wording"}

    event = forms.ChoiceField(
        label="Decision",
        choices=[
            (ConsentEventKind.OPT_IN, "Agreed to be written to"),
            (ConsentEventKind.OPT_OUT, "Asked us to stop"),
        ],
    )
    channel = forms.ChoiceField(label="Channel", choices=Channel.choices)
    purpose = forms.ChoiceField(
        label="Messages",
        required=False,
        choices=[("", "Service and marketing"), (Purpose.SERVICE, "Service only"), (Purpose.MARKETING, "Marketing")],
    )
    wording = forms.CharField(
        label="Words the customer agreed to",
        required=False,
        max_length=MAX_WORDING,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )
    source = forms.ChoiceField(
        label="How we know", choices=[(ConsentSource.AGENT, "Told to an agent"), (ConsentSource.FORM, "A form")]
    )
    evidence = forms.CharField(
        label="Proof",
        required=False,
        max_length=MAX_WORDING,
        help_text="Where the proof is: a link, a file, a call reference.",
    )
    occurred_at = LocalTimeField(label="When", help_text="Empty: now.")

    def __init__(self, *args: Any, contact: Contact, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.contact = contact
        self.user = user

    def clean_occurred_at(self) -> datetime | None:
        """Nobody decided in the future."""
        occurred_at: datetime | None = self.cleaned_data["occurred_at"]
        if occurred_at and occurred_at > timezone.now():
            raise ValidationError("Choose a time that has passed.", code="in_the_future")
        return occurred_at

    def clean(self) -> dict[str, Any]:
        """An opt-out is lifted by a supervisor, with a proof."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("event") == ConsentEventKind.OPT_IN and self._lifts_opt_out(cleaned):
            if not self.user.is_staff:
                raise ValidationError(
                    f"{self.contact.name} opted out before. Ask a supervisor to record the new permission.",
                    code="not_allowed",
                )
            if not cleaned.get("evidence"):
                self.add_error(
                    "evidence",
                    ValidationError("The customer opted out before: say where the proof is.", code="evidence_missing"),
                )
        return cleaned

    def _lifts_opt_out(self, cleaned: dict[str, Any]) -> bool:
        state = ConsentState.objects.filter(phone=self.contact.phone, channel=cleaned.get("channel", "")).first()
        if state is None:
            return False
        purposes = [cleaned["purpose"]] if cleaned.get("purpose") else Purpose.values
        return any(state.decision(purpose) == ConsentDecision.OPTED_OUT for purpose in purposes)
