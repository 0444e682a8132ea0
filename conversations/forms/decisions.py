"""What a person decides about one message that has left, or tried to: it arrived, it is sent again, and why."""

from __future__ import annotations

from typing import Any

from django import forms

from conversations.forms.base import StyledForm
from conversations.forms.messages import BODY_CODES, BodyField
from conversations.models import Message

MAX_REASON = 250  # the event's reason says what was decided, too


class MessageForm(StyledForm):
    """A form under one message. `name` says which; the ids of its fields name the message too, for a page has many."""

    name = ""

    def __init__(self, data: Any = None, *, message: Message, **kwargs: Any) -> None:
        super().__init__(data, auto_id=f"{self.name}-{message.pk}-%s", **kwargs)


class _ReasonForm(MessageForm):
    fields_of_codes = {"reason_missing": "reason"}

    def __init__(self, data: Any = None, *, message: Message, **kwargs: Any) -> None:
        super().__init__(data, message=message, **kwargs)
        self.fields["reason"].widget.attrs |= {"rows": 2, "dir": "auto"}


class ArrivedForm(_ReasonForm):
    """An unconfirmed message is known to have arrived."""

    name = "arrived"
    reason = forms.CharField(
        label="How do you know?",
        max_length=MAX_REASON,
        widget=forms.Textarea,
        error_messages={"required": "Write down how you know, such as: the customer answered by phone."},
    )


class SendAnywayForm(_ReasonForm):
    """An unconfirmed message is sent once more, possibly twice."""

    name = "anyway"
    reason = forms.CharField(
        label="Why send it again?",
        max_length=MAX_REASON,
        widget=forms.Textarea,
        error_messages={"required": "Write down why, such as: the customer says that nothing came."},
    )


class SendAgainForm(MessageForm):
    """The words of a message that did not arrive, which may be mended before they go again."""

    name = "again"
    fields_of_codes = dict.fromkeys(BODY_CODES, "body")
    body = BodyField(label="Message")

    def __init__(self, data: Any = None, *, message: Message, **kwargs: Any) -> None:
        super().__init__(data, message=message, initial={"body": message.body}, **kwargs)
        self.fields["body"].widget.attrs |= {"rows": 3, "dir": "auto"}
