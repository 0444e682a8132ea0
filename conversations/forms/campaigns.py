"""What begins a campaign, when it goes, and what is typed to let it go. Its list and its message are beside."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from conversations.forms.base import LocalTimeField, StyledForm
from conversations.models import Campaign, Stream
from conversations.models.message import Kind, Purpose
from conversations.models.stream import Channel

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
        groups = [
            (label, [(stream.pk, str(stream)) for stream in streams if stream.channel == channel])
            for channel, label in Channel.choices
        ]
        field.choices = [(label, rows) for label, rows in groups if rows]

    @property
    def values(self) -> dict[str, Any]:
        """The fields of the campaign; WhatsApp begins with a template."""
        stream: Stream = self.cleaned_data["stream"]
        kind = Kind.TEMPLATE if stream.channel == Channel.WHATSAPP else Kind.TEXT
        return {name: self.cleaned_data[name] for name in ("name", "stream", "purpose")} | {"kind": kind}


class RenameForm(StyledForm):
    """Another name for a campaign."""

    name = forms.CharField(
        label="Name",
        max_length=120,
        error_messages={
            "required": "Give the campaign a name.",
            "max_length": "The name has %(show_value)s characters. 120 are the most.",
        },
    )


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
