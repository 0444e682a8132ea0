"""Whom a campaign goes to: a file, pasted rows or people from conversations, and the column with the numbers."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any, BinaryIO

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.template.defaultfilters import filesizeformat

from conversations.forms.base import StyledForm
from conversations.forms.messages import BodyField
from conversations.models import Campaign, SavedFilter, Tag
from conversations.services.campaigns.audience import MOST_ROWS


class ListForm(StyledForm):
    """A file with people, or its rows."""

    file = forms.FileField(
        label="File",
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
    )
    content = BodyField(label="Or paste the rows")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.largest = settings.LARGEST_UPLOAD_MEGABYTES * 1024**2
        self.fields["file"].help_text = (
            f"CSV, up to {MOST_ROWS:,} rows and {settings.LARGEST_UPLOAD_MEGABYTES} MB. One column has the "
            "numbers; each other one becomes a field of the message."
        )
        self.fields["content"].widget.attrs |= {"rows": 5, "dir": "auto", "spellcheck": "false"}

    def clean(self) -> dict[str, Any]:
        """One of file and text, small enough."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        given = cleaned.get("file")
        if not given and not (cleaned.get("content") or "").strip():
            self.add_error("file", ValidationError("Choose a file, or paste the rows.", code="nothing_given"))
        elif given and given.size > self.largest:
            size = filesizeformat(given.size)
            self.add_error("file", ValidationError(f"The file has {size}. Split it into smaller ones.", code="large"))
        return cleaned

    @property
    def field_of_the_list(self) -> str:
        """Where the list came from, for what is wrong with it."""
        return "file" if self.cleaned_data.get("file") else "content"

    @property
    def source(self) -> tuple[BinaryIO, str]:
        """What was given, to be read, and its name."""
        given = self.cleaned_data.get("file")
        if given:
            return given.file, given.name
        return io.BytesIO(self.cleaned_data["content"].encode()), "pasted rows"


class NumberColumnForm(StyledForm):
    """Which column of the list has the numbers."""

    number = forms.ChoiceField(
        label="The numbers are in",
        error_messages={
            "required": "Choose the column with the numbers.",
            "invalid_choice": "The list has no such column. Choose one of those that it has.",
        },
    )

    def __init__(self, data: Any = None, *, campaign: Campaign, likely: str = "", **kwargs: Any) -> None:
        super().__init__(data, initial={"number": campaign.number_column or likely}, **kwargs)
        field = self.fields["number"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(name, title) for name, title in campaign.titles]


class PeopleForm(StyledForm):
    """People from conversations: those of a saved filter, or of a tag."""

    people = forms.ChoiceField(
        label="Everybody in",
        help_text="As it is now, of the conversations that you see. Who is added later is not written to.",
        error_messages={
            "required": "Choose a filter or a tag.",
            "invalid_choice": "That filter or tag is not there any more. Choose another one.",
        },
    )

    def __init__(self, data: Any = None, *, saved: Iterable[SavedFilter], tags: Iterable[Tag], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.saved = {f"filter-{one.pk}": one for one in saved}
        self.tags = {f"tag-{one.pk}": one for one in tags}
        field = self.fields["people"]
        assert isinstance(field, forms.ChoiceField)
        groups = (("Saved filters", self.saved), ("Tags", self.tags))
        field.choices = [("", "Choose")] + [
            (words, [(key, one.name) for key, one in rows.items()]) for words, rows in groups if rows
        ]

    @property
    def has_choices(self) -> bool:
        """Is there anything to choose?"""
        return bool(self.saved or self.tags)

    @property
    def chosen(self) -> SavedFilter | Tag:
        """What was chosen."""
        key = self.cleaned_data["people"]
        return self.saved.get(key) or self.tags[key]
