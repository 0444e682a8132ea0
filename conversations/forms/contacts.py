"""Forms about contacts: making and changing one, finding some, joining two, and reading them from a file."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, BinaryIO
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError

from conversations.forms.base import FilterForm, StyledForm
from conversations.models import Contact, Stream, User
from conversations.models.contact import LONGEST_RECORD
from conversations.models.stream import Channel
from conversations.services.contact_import import Choices
from conversations.services.contacts import DETAILS
from conversations.services.languages import language_choices, language_name
from messaging.phone import PhoneError, country_code, mask, parse_number

LARGEST_FILE = 1_500_000  # bytes; a whole request may have 2 MB
_AREAS = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")


@cache
def _time_zones() -> tuple[str, ...]:
    return tuple(sorted(name for name in available_timezones() if name.startswith(_AREAS)))


def visible_streams(user: User) -> list[Stream]:
    """The streams that a user sees, with their accounts."""
    return list(Stream.objects.visible_to(user).select_related("account"))


class ContactForm(StyledForm):
    """One contact. The number is read as people of the user's streams write it."""

    fields_of_codes = dict.fromkeys(("number_known", "number_elsewhere", "number_kept"), "phone")

    first_name = forms.CharField(label="First name", max_length=100, required=False)
    last_name = forms.CharField(label="Last name", max_length=100, required=False)
    phone = forms.CharField(
        label="Number",
        max_length=60,
        error_messages={"required": "Enter a phone number, for example +44 7700 900123."},
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    email = forms.EmailField(
        label="E-mail",
        required=False,
        error_messages={"invalid": "Write the address like amira@example.com, or leave it empty."},
    )
    language = forms.ChoiceField(label="Language", required=False)
    time_zone = forms.ChoiceField(
        label="Time zone", required=False, help_text="Not known: taken from the number where that tells."
    )
    record = forms.CharField(
        label="Customer record",
        max_length=LONGEST_RECORD,
        required=False,
        help_text="What your own systems say of them, a line each, like Account: FB-118204.",
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
    )

    def __init__(self, *args: Any, user: User, contact: Contact | None = None, **kwargs: Any) -> None:
        if contact is not None:
            known = {name: getattr(contact, name) for name in DETAILS} | {"phone": contact.phone_display}
            kwargs["initial"] = known | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        self.user, self.contact = user, contact
        _choose(self.fields["language"], language_choices(), contact.language if contact else "")
        zones = [(name, name.replace("_", " ")) for name in _time_zones()]
        _choose(self.fields["time_zone"], zones, contact.time_zone if contact else "")
        for name in ("first_name", "last_name"):
            self.fields[name].widget.attrs["dir"] = "auto"

    def clean_phone(self) -> str:
        """The number in E.164. One that is stored already stays as it is, whatever it is."""
        typed: str = self.cleaned_data["phone"]
        if self.contact is not None and typed in (self.contact.phone_display, mask(self.contact.phone)):
            return self.contact.phone
        streams = visible_streams(self.user)
        try:
            number = parse_number(
                typed,
                region=streams[0].region if streams else None,
                allow_fictional=any(stream.account.is_sandbox for stream in streams),
            )
        except PhoneError as error:
            raise ValidationError(error.sentence, code=error.code) from error
        return number.e164

    @property
    def details(self) -> dict[str, str]:
        """All but the number, once the form is valid."""
        return {name: self.cleaned_data[name] for name in DETAILS}


def _choose(field: forms.Field, choices: Sequence[tuple[str, str]], present: str) -> None:
    """Offer the choices, and the present value even when it is none of them."""
    assert isinstance(field, forms.ChoiceField)
    offered = [("", "Not known"), *choices]
    if present and present not in dict(choices):
        offered.append((present, present))
    field.choices = offered


class ContactFilterForm(FilterForm):
    """Which contacts a list shows, and in which order."""

    q = forms.CharField(label="Name or number", max_length=100, required=False)
    channel = forms.ChoiceField(label="Channel", required=False, choices=[("", "Every channel"), *Channel.choices])
    consent = forms.ChoiceField(
        label="Permission",
        required=False,
        choices=[
            ("", "Any permission"),
            *(
                (f"{channel}:{state}", f"{label}: {words}")
                for channel, label in Channel.choices
                for state, words in (("opted_in", "opted in"), ("opted_out", "opted out"), ("", "never asked"))
            ),
        ],
    )
    language = forms.ChoiceField(label="Language", required=False)
    sort = forms.ChoiceField(label="Order", required=False, choices=[("", "Newest first"), ("name", "By name")])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plain = {code: name for code, name in language_choices() if "_" not in code}
        language = self.fields["language"]
        assert isinstance(language, forms.ChoiceField)
        language.choices = [("", "Every language"), *plain.items()]


class MergeForm(StyledForm):
    """Which of two contacts' details stay; the number decides which of the two does."""

    def __init__(self, *args: Any, first: Contact, second: Contact, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.first, self.second = first, second
        for name in ("phone", *DETAILS):
            values = (getattr(first, name), getattr(second, name))
            self.fields[name] = forms.ChoiceField(
                label=ContactForm.base_fields[name].label,
                choices=[("first", _shown(first, name)), ("second", _shown(second, name))],
                initial="second" if values[1] and not values[0] else "first",
                widget=forms.RadioSelect,
                error_messages={"required": "Choose one of the two."},
            )

    @property
    def kept(self) -> Contact:
        """The contact that stays."""
        return self.first if self.cleaned_data["phone"] == "first" else self.second

    @property
    def given_up(self) -> Contact:
        """The other one."""
        return self.second if self.kept is self.first else self.first

    @property
    def details(self) -> dict[str, str]:
        """What the contact that stays is given."""
        chosen = {"first": self.first, "second": self.second}
        return {name: getattr(chosen[self.cleaned_data[name]], name) for name in DETAILS}


def _shown(contact: Contact, name: str) -> str:
    """A detail as people read it."""
    value: str = getattr(contact, name)
    readers: dict[str, Callable[[], str]] = {
        "phone": lambda: contact.phone_display,
        "language": lambda: language_name(value),
        "time_zone": lambda: value.replace("_", " "),
    }
    return (readers.get(name, lambda: value)() if value else "") or "Not known"


class SheetForm(StyledForm):
    """A file of people, or its text, and how their numbers are read. `command` reads what is too large for it."""

    command: str
    file = forms.FileField(
        label="File",
        required=False,
        allow_empty_file=True,
        help_text="CSV, up to 10,000 rows and 1.5 MB. One column must be called phone.",
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
    )
    content = forms.CharField(
        label="Or paste the rows",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5, "dir": "auto", "spellcheck": "false"}),
    )
    region = forms.ChoiceField(label="Numbers without a country code belong to")
    repair = forms.ChoiceField(
        label="Numbers that a spreadsheet has changed",
        choices=[("yes", "Read them as shown"), ("no", "Leave these rows out")],
        initial="yes",
        required=False,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        streams = visible_streams(user)
        regions = list(dict.fromkeys(stream.region for stream in streams)) or ["GB"]
        kwargs["initial"] = {"region": regions[0]} | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        region = self.fields["region"]
        assert isinstance(region, forms.ChoiceField)
        region.choices = [(one, f"{one} (+{country_code(one)})") for one in regions]
        self.allow_fictional = any(stream.account.is_sandbox for stream in streams)

    def clean(self) -> dict[str, Any]:
        """One of file and text, small enough."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        given = cleaned.get("file")
        if not given and not (cleaned.get("content") or "").strip():
            raise ValidationError("Choose a file, or paste the rows.", code="nothing_given")
        if given and given.size > LARGEST_FILE:
            self.add_error(
                "file",
                ValidationError(
                    "The file is larger than 1.5 MB. Split it, or have it read by the command %(command)s.",
                    code="too_large",
                    params={"command": self.command},
                ),
            )
        return cleaned

    def source(self) -> BinaryIO:
        """What was given, to be read."""
        given = self.cleaned_data.get("file")
        return io.BytesIO(given.read() if given else self.cleaned_data["content"].encode())

    @property
    def numbers(self) -> dict[str, Any]:
        """How numbers are read (csv_report.NumberChoices), once the form is valid."""
        return {
            "region": self.cleaned_data["region"],
            "repair": self.cleaned_data["repair"] != "no",
            "allow_fictional": self.allow_fictional,
        }


class ImportForm(SheetForm):
    """A file of contacts."""

    command = "import_contacts"
    known = forms.ChoiceField(
        label="Numbers that are known already",
        choices=[("update", "Update them; empty cells change nothing"), ("skip", "Leave them as they are")],
        initial="update",
        required=False,
        widget=forms.RadioSelect,
    )

    @property
    def decisions(self) -> Choices:
        """How to read it, and what of contacts that are known."""
        return Choices(update_known=self.cleaned_data["known"] != "skip", **self.numbers)
