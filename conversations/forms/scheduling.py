"""Changing a message that waits."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms

from conversations.forms.base import LocalTimeField
from conversations.forms.messages import BODY_CODES, TIME_CODES, BodyField, ScheduledForm
from conversations.models import Message
from conversations.models.message import Kind, MessageStatus
from conversations.services.scheduling import fingerprint

VALIDITY_CODES = ("valid_until_too_early", "valid_until_too_late")


class WaitingForm(ScheduledForm):
    """Words and times of a waiting message; the words of a template stay, and only what is scheduled has a time.

    `seen` is what its reader saw, so that of two who edit the second is told of the first.
    """

    name = "edit"
    fields_of_codes = (
        dict.fromkeys((*BODY_CODES, "already_tried", "wrong_kind"), "body")
        | dict.fromkeys((*TIME_CODES, "time_missing", "window_closed"), "scheduled_for")
        | dict.fromkeys(VALIDITY_CODES, "valid_until")
    )

    client_key = None  # type: ignore[assignment]  # editing twice is no harm
    body = BodyField(label="Message")
    valid_until = LocalTimeField(label="Send no later than", help_text="Empty: as long as it takes.")
    seen = forms.CharField(widget=forms.HiddenInput, max_length=8, required=False)

    def __init__(self, data: Any = None, *, message: Message, **kwargs: Any) -> None:
        initial = {
            "body": message.body,
            "later": message.status == MessageStatus.SCHEDULED,
            "scheduled_for": message.scheduled_for,
            "valid_until": message.valid_until,
            "seen": fingerprint(message),
        }
        super().__init__(data, auto_id=f"{self.name}-{message.pk}-%s", initial=initial, **kwargs)
        self.message = message
        self.fields["body"].widget.attrs |= {"rows": 3, "dir": "auto"}
        if message.status != MessageStatus.SCHEDULED:
            del self.fields["scheduled_for"], self.fields["which_time"]
        if message.kind != Kind.TEXT:
            del self.fields["body"]

    def clean(self) -> dict[str, Any]:
        """All that the service wants to know, whichever fields there were."""
        is_scheduled = "scheduled_for" in self.fields
        cleaned: dict[str, Any] = super().clean() if is_scheduled else self.cleaned_data
        times = {name: self._whole(name, cleaned.get(name)) for name in ("scheduled_for", "valid_until")}
        return {"body": self.message.body, **cleaned, **times}

    def _whole(self, name: str, given: datetime | None) -> datetime | None:
        """The field shows no seconds: a time that nobody changed keeps those it has."""
        known: datetime | None = getattr(self.message, name)
        unchanged = known is not None and given == known.replace(second=0, microsecond=0)
        return known if unchanged else given
