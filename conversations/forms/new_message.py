"""Writing to somebody first."""

from __future__ import annotations

from typing import Any

from django import forms

from conversations.forms.messages import BODY_CODES, TIME_CODES, BodyField, ScheduledForm
from conversations.models import Stream

STREAM_CODES = ("stream_off", "not_allowed")


class NewMessageForm(ScheduledForm):
    """To whom, from which stream, what, and when; the words count on SMS only, WhatsApp begins with a template."""

    fields_of_codes = (
        dict.fromkeys((*BODY_CODES, "missing_value"), "body")
        | dict.fromkeys(TIME_CODES, "scheduled_for")
        | dict.fromkeys(STREAM_CODES, "stream")
    )
    field_of_other_codes = "to"  # the number, its consent: all of that is about the person

    to = forms.CharField(
        label="To",
        max_length=200,
        error_messages={"required": "Enter a phone number, for example +44 7700 900123, or a name."},
    )
    stream = forms.ModelChoiceField(
        label="From",
        queryset=Stream.objects.none(),
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose the stream to write from.",
            "invalid_choice": "You cannot send on that stream. Choose another one.",
        },
    )
    body = BodyField(label="Message")

    def __init__(self, *args: Any, streams: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stream_field = self.fields["stream"]
        assert isinstance(stream_field, forms.ModelChoiceField)
        stream_field.queryset = streams
