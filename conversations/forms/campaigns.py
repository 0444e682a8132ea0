"""The steps of a campaign, and what is typed to let it go."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.template.defaultfilters import filesizeformat

from conversations.forms.base import LocalTimeField, StyledForm
from conversations.forms.messages import BodyField
from conversations.forms.templates import TemplateForm, typed_in
from conversations.models import Campaign, Stream, WhatsAppTemplate
from conversations.models.message import Kind, Purpose
from conversations.models.stream import Channel
from conversations.services.campaigns.audience import MOST_ROWS
from conversations.services.campaigns.texts import Texts
from messaging.merge import MAX_VALUE_LENGTH, MergeError

TYPED_ABOVE = 500  # people; so many are confirmed by typing how many they are


class NewCampaignForm(StyledForm):
    """What cannot change once there is a list: on which stream, and what for."""

    name = forms.CharField(
        label="Name",
        max_length=120,
        help_text="Only your colleagues see it.",
        error_messages={"required": "Give the campaign a name."},
    )
    stream = forms.ModelChoiceField(
        label="From",
        queryset=Stream.objects.none(),
        empty_label=None,
        error_messages={
            "required": "Choose the stream to send from.",
            "invalid_choice": "You cannot send on that stream. Choose another one.",
        },
    )
    purpose = forms.ChoiceField(
        label="What for",
        choices=[
            (Purpose.SERVICE, "Service: what customers need to know about what they have"),
            (Purpose.MARKETING, "Marketing: only to those who agreed, outside of quiet hours"),
        ],
        initial=Purpose.SERVICE,
        widget=forms.RadioSelect,
        error_messages={"required": "Say what the campaign is for."},
    )

    def __init__(self, *args: Any, streams: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["stream"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = streams

    @property
    def values(self) -> dict[str, Any]:
        """The fields of the campaign; WhatsApp begins with a template."""
        stream: Stream = self.cleaned_data["stream"]
        kind = Kind.TEMPLATE if stream.channel == Channel.WHATSAPP else Kind.TEXT
        return {name: self.cleaned_data[name] for name in ("name", "stream", "purpose")} | {"kind": kind}


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
            f"CSV, up to {MOST_ROWS:,} rows and {settings.LARGEST_UPLOAD_MEGABYTES} MB. One column must be called "
            "phone; each other one becomes a field of the message."
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


class TimingForm(StyledForm):
    """When it goes, until when it is worth sending, how fast, and when it stops by itself."""

    fields_of_codes = {
        **dict.fromkeys(("scheduled_in_the_past", "scheduled_too_far"), "scheduled_for"),
        **dict.fromkeys(("valid_until_too_early", "valid_until_too_late"), "valid_until"),
    }
    when = forms.ChoiceField(
        label="When",
        choices=[("now", "As soon as it is confirmed"), ("later", "At a time")],
        widget=forms.RadioSelect,
    )
    scheduled_for = LocalTimeField(label="Begins at")
    valid_until = LocalTimeField(
        label="Send no later than", help_text="What has not left by then is not sent. Empty: as long as it takes."
    )
    keeps_quiet_hours = forms.BooleanField(label="Keep quiet hours, by the clock of each person", required=False)
    pace = forms.IntegerField(
        label="Messages a minute",
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="Empty: as fast as the provider takes them.",
        error_messages={"invalid": "Enter a whole number.", "min_value": "At least 1 a minute."},
    )
    failure_limit = forms.IntegerField(
        label="Pause when so many of the last 200 fail, in percent",
        required=False,
        min_value=1,
        max_value=100,
        help_text="Empty: never by itself.",
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), "Enter a whole number from 1 to 100."),
    )

    def __init__(self, data: Any = None, *, campaign: Campaign, **kwargs: Any) -> None:
        names = ("scheduled_for", "valid_until", "keeps_quiet_hours", "pace", "failure_limit")
        initial = {name: getattr(campaign, name) for name in names}
        initial["when"] = "later" if campaign.scheduled_for else "now"
        super().__init__(data, initial=initial, **kwargs)
        self.is_marketing = campaign.purpose == Purpose.MARKETING
        self.fields["scheduled_for"].help_text = f"{settings.TIME_ZONE.replace('_', ' ')} time"
        if not self.is_marketing:
            del self.fields["keeps_quiet_hours"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("when") == "now":
            cleaned["scheduled_for"] = None
            self.errors.pop("scheduled_for", None)  # typed and given up
        elif not cleaned.get("scheduled_for") and "scheduled_for" not in self.errors:
            self.add_error("scheduled_for", ValidationError("Choose a date and a time.", code="time_missing"))
        return cleaned

    def fill(self, campaign: Campaign) -> None:
        """Put what was typed into the campaign."""
        for name in self.fields:
            if name != "when":
                setattr(campaign, name, self.cleaned_data[name])


class TrialForm(StyledForm):
    """Where a test goes."""

    field_of_other_codes = "to"
    to = forms.CharField(
        label="Your number",
        max_length=60,
        error_messages={"required": "Enter a phone number, for example +44 7700 900123."},
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel"}),
    )


class ConfirmForm(StyledForm):
    """Lets a campaign go. `people` is how many it was shown with; above TYPED_ABOVE they are typed as well."""

    fields_of_codes = {"number_changed": "typed"}
    people = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    typed = forms.CharField(label="Type the number of people", required=False, max_length=20)

    def __init__(self, data: Any = None, *, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(data, initial={"people": campaign.sendable_count}, **kwargs)
        self.asks = campaign.sendable_count > TYPED_ABOVE
        self.fields["typed"].widget.attrs |= {"inputmode": "numeric", "autocomplete": "off"}
        if not self.asks:
            del self.fields["typed"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.asks and "".join(one for one in cleaned.get("typed", "") if one not in ", .") != str(
            cleaned.get("people", "")
        ):
            self.add_error("typed", ValidationError("This is another number than above. Type it again.", code="typed"))
        return cleaned
