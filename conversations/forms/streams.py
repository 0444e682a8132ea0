"""The rule of a stream about closed conversations, and whether Parley asks its provider for messages."""

from __future__ import annotations

from django import forms

from conversations.forms.base import StyledForm
from conversations.models import Stream
from conversations.services import stream_rules

LONGEST = 3650


class ThreadingForm(StyledForm):
    """When a closed conversation opens again; `polls` only where the provider can be asked."""

    reopen_days = forms.IntegerField(
        label="Days after closing in which it opens again",
        min_value=0,
        max_value=LONGEST,
        help_text="With 0 a new conversation begins every time.",
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        error_messages={
            "required": "Enter a number of days, 0 for a new conversation every time.",
            "invalid": "Enter a whole number of days.",
            "min_value": "Enter 0 or more days.",
            "max_value": f"Enter {LONGEST:,} days at most.",
        },
    )
    polls_messages = forms.BooleanField(
        label="Ask the provider for messages every minute",
        required=False,
        help_text="For where no webhook can be set up. Turn it off once calls arrive.",
    )

    def __init__(self, *args: object, stream: Stream, **kwargs: object) -> None:
        initial = {"reopen_days": stream.reopen_days, "polls_messages": stream.polls_messages}
        super().__init__(*args, initial=initial, **kwargs)
        if not stream_rules.can_be_asked(stream):
            del self.fields["polls_messages"]
