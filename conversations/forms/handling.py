"""What people choose when they handle conversations: to whom, until when, which tags, under which name."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.forms.base import LocalTimeField, StyledForm, id_in
from conversations.models import SavedFilter, Tag, Team, User
from conversations.models.team import TeamQuerySet

MORNING, AFTERNOON = time(9), time(16)
UNTIL_REPLY = "reply"
MONDAY = 0


class Preset(NamedTuple):
    """A time to come back that is often wanted."""

    name: str
    label: str
    until: datetime


def snooze_presets(now: datetime | None = None) -> list[Preset]:
    """An hour, this afternoon while that lies ahead, tomorrow and Monday morning, on the site's clock."""
    local = timezone.localtime(now)
    presets = [Preset("hour", "In an hour", local + timedelta(hours=1))]
    afternoon = datetime.combine(local.date(), AFTERNOON, local.tzinfo)
    if afternoon - local > timedelta(hours=1):
        presets.append(Preset("afternoon", "This afternoon", afternoon))
    tomorrow = datetime.combine(local.date() + timedelta(days=1), MORNING, local.tzinfo)
    presets.append(Preset("tomorrow", "Tomorrow", tomorrow))
    days = (MONDAY - local.weekday()) % 7 or 7
    if days > 1:
        monday = datetime.combine(local.date() + timedelta(days=days), MORNING, local.tzinfo)
        presets.append(Preset("monday", "Next Monday", monday))
    return presets


class SnoozeForm(StyledForm):
    """A preset's name, `reply`, or a time of one's own."""

    field_of_other_codes = "until"

    preset = forms.CharField(required=False, max_length=10)
    until = LocalTimeField(label="Another time")

    def clean(self) -> dict[str, Any]:
        """`until` is when to come back; None is when the customer replies."""
        cleaned = super().clean() or {}
        named = cleaned.get("preset")
        if named == UNTIL_REPLY:
            return {"until": None}
        if named:
            chosen = next((one for one in snooze_presets() if one.name == named), None)
            if chosen is None:
                raise ValidationError("That time has passed. Choose another one.", code="preset_is_over")
            return {"until": chosen.until}
        if not cleaned.get("until") and "until" not in self.errors:
            self.add_error("until", "Choose a date and a time.")
        return {"until": cleaned.get("until")}


class AssignForm(forms.Form):
    """`to` is user-<id>, team-<id>, or empty for nobody. Only people and teams who see the conversations' streams."""

    to = forms.CharField(required=False, max_length=30)

    def __init__(self, data: Any, *, people: Any, teams: TeamQuerySet) -> None:
        super().__init__(data)
        self._people, self._teams = people, teams

    def clean_to(self) -> User | Team | None:
        """The person or the team."""
        kind, _, pk = self.cleaned_data["to"].partition("-")
        if not kind:
            return None
        rows = {"user": self._people, "team": self._teams}.get(kind)
        found = rows.filter(pk=id_in(pk)).first() if rows is not None else None
        if found is None:
            raise ValidationError("Choose somebody who sees these conversations.", code="cannot_see")
        return found

    @property
    def person(self) -> User | None:
        """The person, of a valid form, where it is one."""
        to = self.cleaned_data["to"]
        return to if isinstance(to, User) else None

    @property
    def team(self) -> Team | None:
        """The team, of a valid form, where it is one."""
        to = self.cleaned_data["to"]
        return to if isinstance(to, Team) else None


class TagsForm(forms.Form):
    """The tags that are wanted (`tag`), and those that were on all the conversations before (`was`).

    What is in neither stays as it is: a tag on some of the conversations only.
    """

    tag = forms.ModelMultipleChoiceField(Tag.objects.all(), required=False)
    was = forms.ModelMultipleChoiceField(Tag.objects.all(), required=False)

    def clean(self) -> dict[str, Any]:
        """The tags to `add` and to `remove`."""
        cleaned = super().clean() or {}
        wanted, before = set(cleaned.get("tag", ())), set(cleaned.get("was", ()))
        return {"add": wanted - before, "remove": before - wanted}


class SavedFilterForm(StyledForm):
    """A name for a list."""

    name = forms.CharField(label="Name", max_length=40, error_messages={"required": "Give the filter a name."})
    is_shared = forms.BooleanField(label="Show it to everybody", required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        if not user.is_staff:
            del self.fields["is_shared"]

    def clean_name(self) -> str:
        """One that this user does not use yet."""
        name: str = self.cleaned_data["name"]
        if SavedFilter.objects.filter(owner=self.user, name=name).exists():
            raise ValidationError(f"You have a filter called {name} already. Choose another name.", code="name_taken")
        return name
