"""The forms of a stream: its settings as the provider declares them, a pause, and one test message."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from phonenumbers import SUPPORTED_REGIONS

from conversations.admin.option_fields import values_of
from conversations.models import Message, ProviderAccount, Stream, User
from conversations.models.stream import UNTIL_RESUMED, Channel
from conversations.services.compose import queue_message
from conversations.services.conversations import contact_for_number, open_conversation
from messaging.registry import provider_class

# Refusals that a person mends in the text; all others are about the number or the stream.
_ABOUT_THE_TEXT = {"empty_body", "unsendable_character", "replaced_words", "body_too_long", "key_reused"}
_ABOUT_THE_STREAM = {"stream_off", "not_allowed", "window_closed", "no_object"}


class StreamForm(forms.ModelForm):
    """A stream of one account. Subclassed for the account with the fields of its provider's options."""

    account: ClassVar[ProviderAccount]

    class Meta:
        model = Stream
        fields = (
            "name",
            "channel",
            "external_id",
            "sender",
            "inbound_number",
            "business_name",
            "region",
            "body_limit",
            "reply_within",
            "reply_again_within",
            "resolve_within",
            "return_after",
            "keeps_words_for",
            "keeps_files_for",
            "keeps_records_for",
            "working_hours",
            "checks_per_day",
            "price",
            "currency",
            "is_active",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        provider = provider_class(self.account.provider)
        for name, label in (("external_id", provider.external_id_label), ("sender", provider.sender_label)):
            if name in self.fields:
                self.fields[name].label = label
        if "channel" in self.fields:
            served = {str(channel) for channel in provider.channels}
            self.fields["channel"].choices = [one for one in Channel.choices if one[0] in served]  # type: ignore[attr-defined]

    def clean_region(self) -> str:
        """A country that has a numbering plan."""
        region: str = self.cleaned_data["region"].upper()
        if region not in SUPPORTED_REGIONS:
            raise ValidationError(gettext("Use the two letters of a country, such as GB or US."), code="region")
        return region

    def clean_currency(self) -> str:
        """Three letters; left empty, the pound."""
        return self.cleaned_data["currency"] or "GBP"

    def clean_sender(self) -> str:
        """A number or a name that the provider can send from."""
        sender = _as_stored(self.cleaned_data["sender"])
        if problem := provider_class(self.account.provider).sender_problem(sender):
            raise ValidationError(problem, code="sender")
        return sender

    def clean_inbound_number(self) -> str:
        return _as_stored(self.cleaned_data["inbound_number"])

    def clean_body_limit(self) -> int:
        limit: int = self.cleaned_data["body_limit"]
        if limit < 1:
            raise ValidationError(gettext("Allow at least one character."), code="body_limit")
        return limit

    def clean(self) -> dict[str, Any]:
        """Take over the settings, and see that the account has no such stream yet."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        provider = provider_class(self.account.provider)
        stream = self.instance
        names = {
            "channel": cleaned.get("channel", stream.channel),
            "external_id": cleaned.get("external_id", stream.external_id),
            "sender": cleaned.get("sender", stream.sender),
        }
        twin = Stream.objects.filter(account=self.account, **names).exclude(pk=stream.pk).first()
        if twin is not None:
            field = "external_id" if provider.external_id_label else "sender"
            self.add_error(field, gettext("%s is already set up with this. Change that stream instead.") % twin)
            return cleaned
        stream.account = self.account
        stream.settings = values_of(provider.stream_options, cleaned, stream.settings or {})
        return cleaned


def _as_stored(text: str) -> str:
    """A number as webhooks name it, without spaces and brackets; a name as it is."""
    if re.fullmatch(r"\+[0-9 ().\-]+", text):
        return "+" + re.sub(r"\D", "", text)
    return text.strip()


class PauseForm(forms.Form):
    """For how long messages wait, and why."""

    minutes = forms.ChoiceField(
        label=_("For how long"),
        choices=[
            ("15", _("15 minutes")),
            ("60", _("1 hour")),
            ("240", _("4 hours")),
            ("", _("Until somebody resumes it")),
        ],
        required=False,
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Agents read it beside the stream."),
        error_messages={"required": _("Say why, so that agents know what they wait for.")},
    )

    def until(self) -> datetime:
        """When the pause ends by itself."""
        minutes = self.cleaned_data["minutes"]
        return timezone.now() + timedelta(minutes=int(minutes)) if minutes else UNTIL_RESUMED


class TestMessageForm(forms.Form):
    """One text to one number, through the same door as an agent's."""

    __test__ = False  # pytest takes the name for a test

    number = forms.CharField(
        label=_("Number"),
        max_length=100,
        error_messages={"required": _("Enter the number that the message goes to.")},
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel", "class": "vTextField"}),
    )
    body = forms.CharField(
        label=_("Text"),
        required=False,  # the service says what is wrong with a text
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
    )
    client_key = forms.CharField(widget=forms.HiddenInput, max_length=100)

    def send(self, stream: Stream, author: User) -> Message | None:
        """Queue the message, or put the refusal at its field and leave nothing behind."""
        try:
            with transaction.atomic():
                contact = contact_for_number(self.cleaned_data["number"], stream=stream)
                conversation = open_conversation(stream=stream, contact=contact, actor=author)
                return queue_message(
                    conversation=conversation,
                    body=self.cleaned_data["body"].replace("\r\n", "\n"),
                    author=author,
                    client_key=self.cleaned_data["client_key"],
                )
        except ValidationError as error:
            code = getattr(error, "code", "")
            field = "body" if code in _ABOUT_THE_TEXT else None if code in _ABOUT_THE_STREAM else "number"
            self.add_error(field, error)
            return None
