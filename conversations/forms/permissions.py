"""Forms about the ledger of permissions: finding entries, and reading them from a file."""

from __future__ import annotations

from collections.abc import Mapping

from django import forms

from conversations.forms.base import FilterForm
from conversations.forms.contacts import SheetForm
from conversations.models.consent import ConsentEventKind, ConsentSource
from conversations.models.message import Purpose
from conversations.models.stream import Channel
from conversations.services.opt_in_import import Decisions

MAX_WORDING = 2000


def _day(label: str) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}))


class LedgerFilterForm(FilterForm):
    """Which entries the ledger shows."""

    q = forms.CharField(label="Name or number", max_length=100, required=False)
    channel = forms.ChoiceField(label="Channel", required=False, choices=[("", "Every channel"), *Channel.choices])
    event = forms.ChoiceField(
        label="Decision", required=False, choices=[("", "Every decision"), *ConsentEventKind.choices]
    )
    purpose = forms.ChoiceField(label="Messages", required=False, choices=[("", "Every purpose"), *Purpose.choices])
    source = forms.ChoiceField(label="How we know", required=False, choices=[("", "Any way"), *ConsentSource.choices])
    proof = forms.ChoiceField(
        label="Proof",
        required=False,
        choices=[("", "Any proof"), ("missing", "Proof missing"), ("file", "With a file")],
    )
    force = forms.ChoiceField(
        label="Standing", required=False, choices=[("", "Past and present"), ("now", "In force now")]
    )
    since = _day("From")
    until = _day("To")

    @property
    def wanted(self) -> Mapping[str, str]:
        """The same with days as an address has them."""
        return {name: str(value) for name, value in super().wanted.items()}


class OptInImportForm(SheetForm):
    """A file of decisions, and what to take where a row says nothing."""

    command = "import_opt_ins"
    channel = forms.ChoiceField(label="Channel", choices=Channel.choices)
    event = forms.ChoiceField(
        label="Decision",
        choices=[(ConsentEventKind.OPT_IN, "Agreed to be written to"), (ConsentEventKind.OPT_OUT, "Asked us to stop")],
    )
    purpose = forms.ChoiceField(
        label="Messages",
        required=False,
        choices=[("", "Service and marketing"), (Purpose.SERVICE, "Service only"), (Purpose.MARKETING, "Marketing")],
    )
    wording = forms.CharField(
        label="Words they agreed to",
        required=False,
        max_length=MAX_WORDING,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
        help_text="For rows without words of their own.",
    )
    business_name = forms.CharField(label="Business named in them", required=False, max_length=100)
    evidence = forms.CharField(
        label="Where the list comes from",
        max_length=MAX_WORDING,
        error_messages={"required": "Say where the list comes from: it is the proof of every row without one."},
        help_text="A form, a system, an export and its date. Kept as the proof of every row that has none.",
    )

    @property
    def decisions(self) -> Decisions:
        """What the person decided, once the form is valid."""
        given = self.cleaned_data
        return Decisions(
            channel=given["channel"],
            event=given["event"],
            purpose=given["purpose"],
            wording=given["wording"],
            business_name=given["business_name"],
            evidence=given["evidence"],
            **self.numbers,
        )
