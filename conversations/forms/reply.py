"""The composer under a conversation, as a form."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from conversations.forms.base import id_in
from conversations.forms.messages import BODY_CODES, TIME_CODES, BodyField, ScheduledForm
from conversations.models.draft import DraftKind
from messaging.segments import is_blank

THEN_RESOLVE = "resolve"


class ReplyForm(ScheduledForm):
    """A reply to the customer, or a remark for the team: each has its own text, and `mode` says which is meant.

    `conversation` is where the texts were written, `seen` the last message its writer had read, `reply_version` and
    `remark_version` the drafts they knew (0: none). `then` may ask to resolve afterwards.
    """

    mode = forms.ChoiceField(choices=DraftKind.choices, initial=DraftKind.REPLY)
    body = BodyField(label="Message")
    remark = BodyField(label="Remark")
    conversation = forms.IntegerField(required=False)
    seen = forms.IntegerField(required=False, min_value=0)
    reply_version = forms.IntegerField(required=False, min_value=0)
    remark_version = forms.IntegerField(required=False, min_value=0)
    cancel_on_reply = forms.BooleanField(required=False)
    then = forms.ChoiceField(required=False, choices=[("", "Send"), (THEN_RESOLVE, "Send and resolve")])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        text = "remark" if self.is_remark else "body"
        self.fields_of_codes = dict.fromkeys((*BODY_CODES, "missing_value", "empty_remark"), text)
        self.fields_of_codes |= dict.fromkeys(TIME_CODES, "scheduled_for")

    def clean(self) -> dict[str, Any]:
        """Something must be written; and a remark has no time."""
        cleaned = super().clean()
        if self.is_remark:
            cleaned["scheduled_for"] = None
            self.errors.pop("scheduled_for", None)
        name = "remark" if self.is_remark else "body"
        if name not in self.errors and is_blank(cleaned.get(name, "")):
            self.add_error(name, ValidationError("Write something first.", code="empty_body"))
        return cleaned

    @property
    def is_remark(self) -> bool:
        """Is this for the team?"""
        return bool(self["mode"].value() == DraftKind.REMARK)

    @property
    def kind(self) -> str:
        """The kind of draft that is being sent."""
        return DraftKind.REMARK if self.is_remark else DraftKind.REPLY

    @property
    def texts(self) -> dict[str, str]:
        """Both texts as they stand in the form, by kind of draft."""
        return {DraftKind.REPLY: self._typed("body"), DraftKind.REMARK: self._typed("remark")}

    @property
    def last_seen(self) -> int | None:
        """The last message that the writer had read, before anything is checked; None when the form does not say."""
        return self._number("seen") if self.is_bound else None

    def version(self, kind: str) -> int:
        """The version of a draft that the form knows; 0 for none."""
        return self._number(f"{kind}_version") or 0

    def _number(self, name: str) -> int | None:
        return id_in(str(self[name].value() or ""))

    def _typed(self, name: str) -> str:
        return str(self[name].value() or "").replace("\r\n", "\n")
