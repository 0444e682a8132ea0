"""Flags on a conversation."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify

from conversations.forms.base import StyledForm


class IndicatorForm(StyledForm):
    """An indicator: a few words, how they look, and maybe a link."""

    title = forms.CharField(
        label="Words", max_length=60, error_messages={"required": "Enter a few words, such as Line fault open."}
    )
    display_class = forms.ChoiceField(
        label="Look",
        required=False,
        choices=[("", "Neutral"), ("info", "Blue"), ("warning", "Amber"), ("danger", "Red"), ("success", "Green")],
    )
    link = forms.URLField(
        label="Link",
        required=False,
        max_length=500,
        assume_scheme="https",
        error_messages={"invalid": "Enter a web address, such as https://example.com/fault/1."},
    )

    def clean_link(self) -> str:
        """A link that a browser may follow: http or https."""
        link: str = self.cleaned_data["link"]
        if link and not link.lower().startswith(("http://", "https://")):
            raise ValidationError("Enter an address that begins with https://.", code="scheme")
        return link

    @property
    def key(self) -> str:
        """What makes it the same indicator when it is set again: its words."""
        title: str = self.cleaned_data["title"]
        return (slugify(title, allow_unicode=True) or title)[:64]
