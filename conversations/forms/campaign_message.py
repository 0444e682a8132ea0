"""What the people of a campaign get: a text with fields or a template, and what stands where a field is empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError

from conversations.forms.base import StyledForm
from conversations.forms.messages import BodyField
from conversations.forms.templates import TemplateForm, typed_in
from conversations.models import Campaign, WhatsAppTemplate
from conversations.models.message import Kind
from conversations.services.campaigns.texts import Texts
from messaging.merge import MAX_VALUE_LENGTH, MergeError


class FieldRow(NamedTuple):
    """A field of the message: is there a column of that name, and what stands where it has nothing."""

    name: str
    is_column: bool
    field: forms.BoundField


class _FieldsForm(StyledForm):
    """What stands in for a field: a fallback where the list has a column of its name, else a value for everybody."""

    def __init__(self, *args: Any, campaign: Campaign, names: Sequence[str], **kwargs: Any) -> None:
        self.campaign = campaign
        super().__init__(*args, **kwargs)
        self.names = names
        for name in names:
            known = campaign.fallbacks if name in campaign.columns else campaign.values
            self.fields[f"field-{name}"] = forms.CharField(
                label=f"If {name} is empty" if name in campaign.columns else f"{name} for everybody",
                required=False,
                max_length=MAX_VALUE_LENGTH,
                initial=known.get(name, ""),
                widget=forms.TextInput(attrs={"class": "input", "dir": "auto"}),
            )

    def field_rows(self) -> Iterator[FieldRow]:
        """The fields in their order."""
        for name in self.names:
            yield FieldRow(name, name in self.campaign.columns, self[f"field-{name}"])

    def fill(self, campaign: Campaign) -> None:
        """Put what was typed into the campaign; a field left empty has no fallback."""
        for name in self.names:
            for known in (campaign.fallbacks, campaign.values):  # which of them counts changes with the list
                known.pop(name, None)
            known = campaign.fallbacks if name in campaign.columns else campaign.values
            if typed := self.cleaned_data.get(f"field-{name}"):
                known[name] = typed


class TextForm(_FieldsForm):
    """The text of an SMS campaign. `names` are its fields, of the text that was typed."""

    body = BodyField(label="Text")

    def __init__(self, data: Any = None, *, campaign: Campaign, **kwargs: Any) -> None:
        typed = campaign.body if data is None else data.get("body", "")
        super().__init__(data, campaign=campaign, names=fields_in(campaign, body=typed), **kwargs)
        self.initial.setdefault("body", campaign.body)
        self.fields["body"].widget.attrs |= {"rows": 6, "dir": "auto"}
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
        field.queryset = WhatsAppTemplate.objects.filter(stream=campaign.stream_id, status="approved").order_by("name")


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
