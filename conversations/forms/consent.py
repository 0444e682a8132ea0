"""Recording what a customer decided about being written to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from conversations.forms.base import LocalTimeField, StyledForm
from conversations.models import Contact, OptIn, Stream, User
from conversations.models.consent import OPENING, ConsentEventKind, ConsentScope, ConsentSource
from conversations.models.message import Purpose
from conversations.models.stream import Channel
from conversations.services import consent, opt_in_proof

MAX_WORDING = 2000

# Meta's rules for an opt-in (developers.facebook.com/docs/whatsapp/guides/opt-in), as Cirrus repeats them.
CHECKLIST = {
    "is_active": "The customer did something to agree: ticked a box, typed their number, said yes",
    "names_business": "The words name the business",
    "names_messages": "The words say what kind of messages will come",
}


class ConsentForm(StyledForm):
    """A decision of a customer, with how we know.

    For WhatsApp an opt-in passes a checklist. An opt-in after an opt-out needs a supervisor and a proof.
    """

    fields_of_codes = {
        "wording_missing": "wording",
        "business_not_named": "wording",
        "business_missing": "business_name",
        "proof_missing": "evidence",
        "older_than_opt_out": "occurred_at",
        "stream_missing": "scope",
    }

    event = forms.ChoiceField(
        label="Decision",
        choices=[
            (ConsentEventKind.OPT_IN, "Agreed to be written to"),
            (ConsentEventKind.DOUBLE_OPT_IN, "Confirmed an earlier agreement"),
            (ConsentEventKind.OPT_OUT, "Asked us to stop"),
        ],
    )
    channel = forms.ChoiceField(label="Channel", choices=Channel.choices)
    purpose = forms.ChoiceField(
        label="Messages",
        required=False,
        choices=[("", "Service and marketing"), (Purpose.SERVICE, "Service only"), (Purpose.MARKETING, "Marketing")],
    )
    scope = forms.ChoiceField(label="Reaches", required=False, choices=[(ConsentScope.EVERYWHERE, "Every stream")])
    wording = forms.CharField(
        label="Words the customer agreed to",
        required=False,
        max_length=MAX_WORDING,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )
    business_name = forms.CharField(label="Business named in them", required=False, max_length=100)
    is_active = forms.BooleanField(label=CHECKLIST["is_active"], required=False)
    names_business = forms.BooleanField(label=CHECKLIST["names_business"], required=False)
    names_messages = forms.BooleanField(label=CHECKLIST["names_messages"], required=False)
    source = forms.ChoiceField(
        label="How we know", choices=[(ConsentSource.AGENT, "Told to an agent"), (ConsentSource.FORM, "A form")]
    )
    evidence = forms.CharField(
        label="Proof",
        required=False,
        max_length=MAX_WORDING,
        help_text="Where the proof is: a link, a call reference, who heard it.",
    )
    evidence_file = forms.FileField(
        label="Or a file",
        required=False,
        allow_empty_file=True,
        help_text="PDF, PNG, JPEG or text, up to 1.5 MB.",
        widget=forms.FileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg,.txt,.eml"}),
    )
    occurred_at = LocalTimeField(label="When", help_text="Empty: now.")

    def __init__(self, *args: Any, contact: Contact, user: User, stream: Stream | None = None, **kwargs: Any) -> None:
        business = stream.business_name if stream else _business_of(user)
        kwargs["initial"] = {"business_name": business} | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        self.contact, self.user, self.stream = contact, user, stream
        if stream is not None:
            reach = self.fields["scope"]
            assert isinstance(reach, forms.ChoiceField)
            reach.choices = [
                (ConsentScope.EVERYWHERE, f"Every {stream.get_channel_display()} stream"),
                *([(ConsentScope.BRAND, f"Streams of {stream.business_name}")] if stream.business_name else []),
                (ConsentScope.STREAM, f"{stream.name} only"),
            ]

    @property
    def checklist(self) -> list[forms.BoundField]:
        """The fields that WhatsApp's rules ask for."""
        return [self[name] for name in CHECKLIST]

    @property
    def first_fields(self) -> list[forms.BoundField]:
        """What stands above the checklist."""
        return [self[name] for name in ("event", "channel", "purpose", "scope", "wording", "business_name")]

    @property
    def last_fields(self) -> list[forms.BoundField]:
        """What stands below it."""
        return [self[name] for name in ("source", "evidence", "evidence_file", "occurred_at")]

    def clean_occurred_at(self) -> datetime | None:
        """Nobody decided in the future."""
        occurred_at: datetime | None = self.cleaned_data["occurred_at"]
        if occurred_at and occurred_at > timezone.now():
            raise ValidationError("Choose a time that has passed.", code="in_the_future")
        return occurred_at

    def clean_evidence_file(self) -> tuple[str, str, bytes] | None:
        """A file of a kind that we keep."""
        given = self.cleaned_data["evidence_file"]
        return opt_in_proof.checked(given) if given else None

    def clean(self) -> dict[str, Any]:
        """On WhatsApp an opt-in has passed the checklist; a narrower decision is about a stream of its channel."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["scope"] = cleaned.get("scope") or ConsentScope.EVERYWHERE
        if cleaned.get("event") in OPENING and cleaned.get("channel") == Channel.WHATSAPP:
            for name in CHECKLIST:
                if not cleaned.get(name):
                    self.add_error(name, "WhatsApp asks for this. Without it the opt-in does not count.")
        narrow = cleaned["scope"] != ConsentScope.EVERYWHERE
        if narrow and self.stream is not None and cleaned.get("channel") != self.stream.channel:
            self.add_error("scope", f"{self.stream.name} is a stream of {self.stream.get_channel_display()}.")
        return cleaned

    def record(self) -> OptIn | None:
        """Write the decision into the ledger, or put the refusal at its field."""
        given = self.cleaned_data
        try:
            with transaction.atomic():
                proof = given["evidence_file"]
                return consent.record(
                    OptIn(
                        contact=self.contact,
                        channel=given["channel"],
                        event=given["event"],
                        purpose=given["purpose"],
                        scope=given["scope"],
                        source=given["source"],
                        stream=self.stream,
                        wording=given["wording"],
                        business_name=given["business_name"],
                        evidence=given["evidence"],
                        evidence_file=opt_in_proof.keep(proof, added_by=self.user) if proof else None,
                        recorded_by=self.user,
                        occurred_at=given["occurred_at"] or timezone.now(),
                    )
                )
        except ValidationError as error:
            self.take_refusal(error)
            return None


def _business_of(user: User) -> str:
    """The business that the streams of this user write for, where they have one in common."""
    names = Stream.objects.visible_to(user).exclude(business_name="").values_list("business_name", flat=True)
    found = set(names.order_by().distinct()[:2])
    return found.pop() if len(found) == 1 else ""
