"""Writing a message or a remark."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.forms.base import COMES_TWICE, LocalTimeField, StyledForm

BODY_CODES = ("empty_body", "body_too_long", "unsendable_character", "replaced_words", "key_reused")
TIME_CODES = ("scheduled_in_the_past", "scheduled_too_far", "time_without_zone")


def new_client_key() -> str:
    """A key per filling of a form, by which a second submit is known."""
    return str(uuid.uuid4())


class BodyField(forms.CharField):
    """Text as it was typed: nothing is stripped, because spaces belong to the message. Length is the service's."""

    def __init__(self, *, label: str) -> None:
        super().__init__(label=label, required=False, strip=False, widget=forms.Textarea)

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        return text.replace("\r\n", "\n")  # a browser sends line breaks as two characters


class ScheduledForm(StyledForm):
    """A message with a time: `later` says that the time counts, so that one typed and given up does not.

    A time that the clocks show twice is asked for again, with `which_time` to say which of the two is meant.
    """

    later = forms.BooleanField(required=False)
    scheduled_for = LocalTimeField(label="Send at")
    which_time = forms.ChoiceField(
        label="Which of the two", required=False, choices=[("first", "The first"), ("second", "The second")]
    )
    client_key = forms.UUIDField(widget=forms.HiddenInput, initial=new_client_key)
    comes_twice = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scheduled_for"].help_text = f"{settings.TIME_ZONE.replace('_', ' ')} time"

    def take_refusal(self, error: ValidationError) -> None:
        """Show what a service said. What would pass later stands in the form with that time: sending again takes it."""
        until = getattr(error, "until", None)
        if until is None or "scheduled_for" not in self.fields:
            super().take_refusal(error)
            return
        field = self.fields["scheduled_for"]
        offered = {"later": "on", "scheduled_for": field.widget.format_value(timezone.localtime(until))}
        self.data = dict(self.data.items()) | offered
        self.add_error("scheduled_for", error.messages)

    def clean_client_key(self) -> str:
        """The key as text."""
        return str(self.cleaned_data["client_key"])

    def clean(self) -> dict[str, Any]:
        """No time unless the message is for later."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self.errors.pop("which_time", None)
        if not cleaned.get("later"):
            cleaned["scheduled_for"] = None
            self.errors.pop("scheduled_for", None)
        elif self.has_error("scheduled_for", COMES_TWICE):
            cleaned["scheduled_for"] = self._one_of_the_two(cleaned.get("which_time", ""))
        elif not cleaned.get("scheduled_for") and "scheduled_for" not in self.errors:
            self.add_error("scheduled_for", ValidationError("Choose a date and a time.", code="required"))
        return cleaned

    def _one_of_the_two(self, which: str) -> datetime | None:
        """The time that is meant; None, with the question at the field, until somebody has said it."""
        (error,) = self.errors.as_data()["scheduled_for"]
        first, second = (error.params or {})["moments"]
        self.comes_twice = True
        field = self.fields["which_time"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", "Which one?"),
            ("first", f"{first:%H:%M %Z}, before the clocks go back"),
            ("second", f"{second:%H:%M %Z}, after they went back"),
        ]
        del self.errors["scheduled_for"]
        if which:
            return first if which == "first" else second
        sentence = f"{first:%H:%M} comes twice on {first:%-d %B %Y}: the clocks go back. Choose which one is meant."
        self.add_error("scheduled_for", ValidationError(sentence, code=COMES_TWICE))
        return None
