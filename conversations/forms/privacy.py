"""Before a person's data goes: why, and the word that shows that it was meant."""

from __future__ import annotations

from django import forms

from conversations.forms.base import StyledForm
from conversations.services.erasure import LONGEST_REASON

CONFIRMATION = "erase"


class EraseForm(StyledForm):
    """A reason, which the audit keeps, and the typed word."""

    fields_of_codes = {"reason_missing": "reason", "names_the_person": "reason"}
    reason = forms.CharField(
        label="Why?",
        help_text="Kept in the audit, so without names and numbers. Such as: asked for it by letter.",
        max_length=LONGEST_REASON,
        error_messages={"required": "Write down why, such as: asked for it by letter."},
    )
    confirmation = forms.CharField(
        label=f"Type {CONFIRMATION}",
        max_length=20,
        error_messages={"required": f"Type the word {CONFIRMATION} to go on."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"]
        if typed.strip().casefold() != CONFIRMATION:
            raise forms.ValidationError(f"Type the word {CONFIRMATION} to go on.", code="not_confirmed")
        return typed
