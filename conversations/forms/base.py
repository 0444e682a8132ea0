"""What all our forms share: the look of their fields, times in the site's zone, errors brought to their fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

LONGEST_ID = 18  # digits: more than any row will have, and few enough for PostgreSQL
COMES_TWICE = "time_comes_twice"  # its params: `moments`, the two aware times that may be meant


def id_in(text: str) -> int | None:
    """The id that stands in an address or a form; None for what cannot be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_ID else None


class StyledForm(forms.Form):
    """A form whose fields carry our classes; errors of services are brought to the field they speak of.

    `fields_of_codes` maps codes of a service's ValidationError to our fields; other codes go to
    `field_of_other_codes`, or concern the whole form.
    """

    fields_of_codes: Mapping[str, str] = {}
    field_of_other_codes = ""
    use_required_attribute = False  # the server's sentences are better than the browser's

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.error_messages.setdefault(
                "null_characters_not_allowed", "This holds a character that cannot be stored. Type it again."
            )
            if not isinstance(field.widget, forms.HiddenInput | forms.RadioSelect | forms.CheckboxInput):
                field.widget.attrs.setdefault("class", "input")

    def take_refusal(self, error: ValidationError) -> None:
        """Show what a service said at the field it concerns."""
        name = self.fields_of_codes.get(getattr(error, "code", None) or "", self.field_of_other_codes)
        self.add_error(name if name in self.fields else None, error.messages)


class FilterForm(StyledForm):
    """What narrows a list, in its address."""

    @property
    def wanted(self) -> Mapping[str, Any]:
        """What was chosen, "" where nothing was; words that are no choice count as none."""
        self.is_valid()
        return {name: self.cleaned_data.get(name) or "" for name in self.fields}


class LocalTimeField(forms.DateTimeField):
    """A date and time of the site's zone, from the browser's own picker; aware when cleaned."""

    def __init__(self, *, label: str, help_text: str = "", required: bool = False) -> None:
        super().__init__(
            label=label,
            help_text=help_text,
            required=required,
            widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
            input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
            error_messages={
                "required": "Choose a date and a time.",
                "invalid": "Enter a date and a time, such as 2026-11-23 09:00.",
            },
        )

    def to_python(self, value: Any) -> datetime | None:
        try:
            return super().to_python(value)
        except ValidationError as error:
            if error.code == "ambiguous_timezone" and error.params:
                raise _clock_change(error.params["datetime"]) from error
            raise


def _clock_change(typed: datetime) -> ValidationError:
    """What is wrong with a naive time that the site's clocks skip or show twice."""
    zone = timezone.get_current_timezone()
    first, second = typed.replace(tzinfo=zone, fold=0), typed.replace(tzinfo=zone, fold=1)
    when, day = f"{typed:%H:%M}", f"{typed:%-d %B %Y}"
    skipped = (second.utcoffset() or timedelta()) - (first.utcoffset() or timedelta())
    if skipped > timedelta():  # PEP 495: in a gap the first offset is the one before the change
        return ValidationError(
            f"{when} does not exist on {day}: the clocks go forward. Choose {typed + skipped:%H:%M} or later.",
            code="time_does_not_exist",
        )
    return ValidationError(
        f"{when} comes twice on {day}: the clocks go back. Choose a time outside that hour.",
        code=COMES_TWICE,
        params={"moments": (first, second)},
    )
