"""Form fields made from the options that a provider declares, and the values they come to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from messaging.types import Option

PREFIX = "option_"
REMOVE = "_remove"
# Where a provider asks for no pattern: what can go into an HTTP header, and nothing else.
DEFAULT_PATTERN = r"[\x21-\x7e]+( [\x21-\x7e]+)*"


class OptionField(forms.CharField):
    """One declared option. Nothing is trimmed away silently: a line break in a key is refused, not repaired."""

    def __init__(self, option: Option, *, stored: str = "") -> None:
        self.pattern = option.pattern or DEFAULT_PATTERN
        hint = option.help_text
        if option.secret:
            widget: forms.Widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"})
            if stored:
                hint = f"{hint} {gettext('One is saved: leave this empty to keep it.')}".strip()
        else:
            widget = forms.TextInput(attrs={"autocomplete": "off"})
        widget.attrs |= {"class": "vTextField", "spellcheck": "false"}
        super().__init__(
            label=option.label,
            help_text=hint,
            required=option.required and not (option.secret and stored),
            initial="" if option.secret else (stored or option.default),
            widget=widget,
            strip=False,
        )

    def validate(self, value: str) -> None:
        super().validate(value)
        if value and not re.fullmatch(self.pattern, value):
            raise ValidationError(problem_with(value), code="option_pattern")


class FreeTextOptionField(OptionField):
    """An option of a stream without a pattern: it is text for people, in any alphabet."""

    def __init__(self, option: Option, *, stored: str = "") -> None:
        super().__init__(option, stored=stored)
        self.pattern = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*"
        self.widget = forms.Textarea(attrs={"class": "vLargeTextField", "rows": 3})


def problem_with(value: str) -> str:
    """What to tell somebody whose value does not fit."""
    if re.search(r"[\r\n]", value):
        return gettext("This holds a line break. Copy it again, without the line break.")
    if value != value.strip() or re.search(r"\s", value):
        return gettext("This holds a space. Copy it again, without spaces.")
    if not value.isascii():
        return gettext("This holds a letter or sign that such a value never has. Copy it again from the provider.")
    return gettext("This is not in the form that the provider gives it. Copy it again, whole and without more.")


def name_of(option: Option) -> str:
    """The name of an option's form field."""
    return f"{PREFIX}{option.name}"


def credential_fields(options: Iterable[Option], stored: Mapping[str, str]) -> dict[str, forms.Field]:
    """The fields of an account's credentials. A secret's stored value stays on the server.

    An optional secret that is stored gets a box to remove it, since its empty field means to keep it.
    """
    fields: dict[str, forms.Field] = {}
    for option in options:
        value = stored.get(option.name, "")
        fields[name_of(option)] = OptionField(option, stored=value)
        if option.secret and value and not option.required:
            fields[name_of(option) + REMOVE] = forms.BooleanField(
                label=_("Remove the saved %s") % option.label.lower(), required=False
            )
    return fields


def stream_fields(options: Iterable[Option], stored: Mapping[str, Any]) -> dict[str, forms.Field]:
    """The fields of a stream's settings."""
    return {
        name_of(option): (
            OptionField(option, stored=str(stored.get(option.name, "")))
            if option.pattern
            else FreeTextOptionField(option, stored=str(stored.get(option.name, "")))
        )
        for option in options
    }


def values_of(options: Iterable[Option], cleaned: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """What to store: the entered values over the stored ones; empty values are left out, empty secrets kept."""
    values = dict(stored)
    for option in options:
        entered = cleaned.get(name_of(option), "")
        if entered:
            values[option.name] = entered
        elif not option.secret or cleaned.get(name_of(option) + REMOVE):
            values.pop(option.name, None)
    return values
