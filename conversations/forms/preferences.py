"""What people set for themselves: how their messages leave, and how they are told of what, how loudly, and when not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django import forms

from conversations.models import User
from conversations.models.notification import NotificationKind, Way, ways_of
from conversations.models.team import UndoSeconds


class SendingForm(forms.Form):
    """How somebody's own messages leave: the time to undo, and what Enter does."""

    undo_seconds = forms.TypedChoiceField(coerce=int, choices=UndoSeconds.choices)
    enter_sends = forms.BooleanField(required=False)


class Choice(NamedTuple):
    """One box of the table."""

    name: str
    way: str
    is_checked: bool


class NotificationsForm(forms.Form):
    """A box for each kind and way, the volume, and quiet while away. `changes` holds the columns of the user."""

    sound_volume = forms.IntegerField(
        min_value=0,
        max_value=100,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"), "Choose a volume between 0 and 100."
        ),
    )
    quiet_when_away = forms.BooleanField(required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        for kind in NotificationKind.values:
            for way in Way:
                self.fields[f"{kind}-{way}"] = forms.BooleanField(required=False)

    @property
    def rows(self) -> Iterator[tuple[str, list[Choice]]]:
        """The table: the label of each kind, with its boxes as they are kept."""
        for kind in NotificationKind:
            ways = ways_of(self.user, kind)
            yield str(kind.label), [Choice(f"{kind}-{way}", way, way in ways) for way in Way]

    @property
    def changes(self) -> dict[str, Any]:
        """What the user chose, of a valid form."""
        chosen = {
            kind: [str(way) for way in Way if self.cleaned_data[f"{kind}-{way}"]] for kind in NotificationKind.values
        }
        return {"notify": chosen, **{name: self.cleaned_data[name] for name in ("sound_volume", "quiet_when_away")}}
