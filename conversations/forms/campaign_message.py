"""What the people of a campaign get: a text with fields or a template, and what stands where a field is empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from conversations.forms.base import StyledForm
from conversations.forms.messages import BodyField
from conversations.forms.templates import TemplateForm, typed_in
from conversations.models import Campaign, CannedReply, WhatsAppTemplate
from conversations.models.message import Kind
from conversations.services.campaigns.texts import Texts
from messaging.merge import MAX_VALUE_LENGTH, MergeError


class FieldRow(NamedTuple):
    """A field of the message: which column feeds it (none: empty), and what stands where that has nothing."""

    name: str
    column: str
    choice: forms.BoundField
    field: forms.BoundField


class _FieldsForm(StyledForm):
    """What feeds each field: a column of the list, with a fallback where it is empty, or a value for everybody."""

    def __init__(self, *args: Any, campaign: Campaign, names: Sequence[str], **kwargs: Any) -> None:
        self.campaign = campaign
        super().__init__(*args, **kwargs)
        self.names = names
        titles = [(name, title) for name, title in campaign.titles if name in campaign.columns]
        titles = titles or [(name, name) for name in campaign.columns]
        for name in names:
            column = self.column_of(name)
            known = campaign.fallbacks if column else campaign.values
            self.fields[f"column-{name}"] = forms.ChoiceField(
                label=f"Column for {name}",
                required=False,
                choices=[*titles, ("", "No column")],
                initial=column,
                error_messages={"invalid_choice": "The list has no such column. Choose one of those that it has."},
                widget=forms.Select(attrs={"class": "input"}),
            )
            self.fields[f"field-{name}"] = forms.CharField(
                label=f"If {name} is empty" if column else f"{name} for everybody",
                required=False,
                max_length=MAX_VALUE_LENGTH,
                initial=known.get(name, ""),
                widget=forms.TextInput(attrs={"class": "input", "dir": "auto"}),
            )

    def column_of(self, name: str) -> str:
        """The column that is to feed a field; what was not asked stays as it is."""
        key = f"column-{name}"
        return str(self.data[key]) if self.is_bound and key in self.data else self.campaign.column_of(name)

    def field_rows(self) -> Iterator[FieldRow]:
        """The fields in their order."""
        for name in self.names:
            yield FieldRow(name, self.column_of(name), self[f"column-{name}"], self[f"field-{name}"])

    def fill(self, campaign: Campaign) -> None:
        """Put what was typed into the campaign; a field left empty has no fallback."""
        for name in self.names:
            column = self.column_of(name)
            for known in (campaign.fallbacks, campaign.values, campaign.field_columns):
                known.pop(name, None)
            if column != campaign.column_of(name):
                campaign.field_columns[name] = column
            if typed := self.cleaned_data.get(f"field-{name}"):
                known = campaign.fallbacks if column else campaign.values
                known[name] = typed


class TextForm(_FieldsForm):
    """The text of an SMS campaign. `names` are its fields, of the text that was typed."""

    body = BodyField(label="Text")

    def __init__(self, data: Any = None, *, campaign: Campaign, **kwargs: Any) -> None:
        typed = campaign.body if data is None else data.get("body", "")
        super().__init__(data, campaign=campaign, names=fields_in(campaign, body=typed), **kwargs)
        self.initial.setdefault("body", campaign.body)
        self.fields["body"].widget.attrs |= {"rows": 5, "dir": "auto"}
        self.order_fields(["body"])

    def clean_body(self) -> str:
        """Words of which every field can be read."""
        body: str = self.cleaned_data["body"]
        try:
            Texts(_with(self.campaign, body=body))
        except MergeError as error:
            raise ValidationError(error.sentence, code="merge") from error
        return body

    def fill(self, campaign: Campaign) -> None:
        super().fill(campaign)
        campaign.body = self.cleaned_data["body"]


class TemplateField(forms.ModelChoiceField):
    """A template by its name and language."""

    def label_from_instance(self, obj: WhatsAppTemplate) -> str:
        return f"{obj.name} ({obj.language})"


class TemplateChoiceForm(StyledForm):
    """Which approved template of the stream."""

    template = TemplateField(
        label="Template", queryset=WhatsAppTemplate.objects.none(), empty_label="Choose a template"
    )

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, initial={"template": campaign.template_id}, **kwargs)
        field = self.fields["template"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = WhatsAppTemplate.objects.sendable().filter(stream=campaign.stream_id).order_by("name")


class TemplateValuesForm(TemplateForm):
    """The values of a template; each may hold fields of the list."""

    client_key = None  # type: ignore[assignment]  # a campaign is confirmed once, whoever saves it how often

    def __init__(self, data: Any = None, *, campaign: Campaign, **kwargs: Any) -> None:
        assert campaign.template is not None
        self.campaign = campaign
        initial = typed_in(campaign.template, campaign.template_values, campaign.media)
        super().__init__(data, template=campaign.template, contact=None, initial=initial, **kwargs)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name, value in list(cleaned.items()):
            if isinstance(value, str) and "${" in value:
                try:
                    fields_in(self.campaign, body=value, strict=True)
                except MergeError as error:
                    self.add_error(name, error.sentence)
        return cleaned

    def fill(self, campaign: Campaign) -> None:
        """Put what was typed into the campaign."""
        campaign.template_values = self.values
        campaign.media = [self.media_given] if self.media_given else []


class TemplateFieldsForm(_FieldsForm):
    """What stands in for the fields that the values of a template hold."""

    def __init__(self, data: Any = None, *, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(data, campaign=campaign, names=list(Texts(campaign).fields), **kwargs)


class ReplyField(forms.ModelChoiceField):
    """A canned reply by its title and language."""

    def label_from_instance(self, obj: CannedReply) -> str:
        return f"{obj.title} ({obj.language})" if obj.language else obj.title


class StartForm(StyledForm):
    """A saved text to begin with."""

    start = ReplyField(
        label="Which",
        queryset=CannedReply.objects.none(),
        empty_label="Choose",
        widget=forms.Select(attrs={"form": "start-form", "class": "input"}),
    )

    def __init__(self, data: Any = None, *, replies: QuerySet[CannedReply], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        field = self.fields["start"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = replies


def fields_in(campaign: Campaign, *, body: str, strict: bool = False) -> list[str]:
    """The fields of these words; none while one cannot be read, unless `strict` lets MergeError through."""
    try:
        return list(Texts(_with(campaign, body=body)).fields)
    except MergeError:
        if strict:
            raise
        return []


def _with(campaign: Campaign, *, body: str) -> Campaign:
    """A campaign that is never stored, with other words."""
    return Campaign(stream=campaign.stream, kind=Kind.TEXT, body=body)
