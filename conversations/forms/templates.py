"""The values of a WhatsApp template: one named field for each variable, in the order people read them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import PurePath
from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.template.defaultfilters import filesizeformat

from conversations.forms.messages import TIME_CODES, ScheduledForm
from conversations.models import Attachment, Contact, WhatsAppTemplate
from conversations.services.attachments import as_media
from messaging.whatsapp import (
    COPY_CODE,
    FILE_KINDS,
    MEDIA_LIMITS,
    TemplateValueError,
    Variable,
    file_kind_of,
    render_components,
    samples_of,
    variables_of,
)
from messaging.whatsapp.hints import Meaning, date_shape, kind_words, meaning_of, wrong_value
from messaging.whatsapp.templates import VARIABLE, buttons_of, text_in

OTHER_SOURCES = ("media_link", "media_id", "media_filename")
FILE_WORDS = {"image": "JPEG or PNG", "video": "MP4 or 3GP", "document": "PDF, text or Office"}
MAX_VALUE = 1024
LONGEST_ANSWER = 4096

_OF_FILES = ("media_missing", "media_expired", "media_not_carried", "unknown_type", "wrong_type", "empty_file")

# Names that a template's author gives to what we know of the contact.
_FROM_CONTACT = {
    "first_name": "first_name",
    "firstname": "first_name",
    "customer_first_name": "first_name",
    "last_name": "last_name",
    "lastname": "last_name",
    "name": "full_name",
    "full_name": "full_name",
    "customer_name": "full_name",
    "email": "email",
    "phone": "phone",
}


class ShownField(NamedTuple):
    """A field, the kind of value it takes (`date`), and how a date is written in it (hints.date_shape)."""

    field: forms.BoundField
    kind: str
    date_shape: str = ""


class FieldGroup(NamedTuple):
    """The fields of one part of a template, under its title; `takes_file` says that the header's file is among them."""

    title: str
    fields: list[ShownField]
    takes_file: bool = False


class TemplateForm(ScheduledForm):
    """A template to send: values for its variables, the header's file, and when.

    After cleaning, `values` and `media` have the shapes that queue_template takes.
    """

    fields_of_codes = {
        **dict.fromkeys((*_OF_FILES, "too_large", "too_many_pixels", "provider_refused"), "media_file"),
        "media_link": "media_link",
        **dict.fromkeys(("empty_body", "body_too_long", "unsendable_character", "window_open"), "held_body"),
        **dict.fromkeys(TIME_CODES, "scheduled_for"),
    }
    template = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, template: WhatsAppTemplate, contact: Contact | None, holds: bool = False, **kwargs: Any
    ) -> None:
        """`holds` says that an answer may be held until the customer writes."""
        self.of_template = template
        self.variables = variables_of(template.components)
        self.file_kind = file_kind_of(template.components)
        super().__init__(*args, **kwargs)
        self.initial.setdefault("template", template.pk)
        for variable in self.variables:
            if variable.kind in FILE_KINDS:
                self._add_file_fields(variable)
            else:
                was_typed = field_name(variable) in self.initial
                self.fields[field_name(variable)] = _value_field(variable, template, None if was_typed else contact)
        if holds:
            self.fields["held_body"] = forms.CharField(
                label="Your answer, if you have one already",
                required=False,
                max_length=LONGEST_ANSWER,
                widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
                help_text="It is held, and leaves once by itself when the customer writes. After 3 days it is let go.",
            )
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", "input")

    def _add_file_fields(self, variable: Variable) -> None:
        self._largest_file = min(MEDIA_LIMITS[variable.kind][1] // 1024**2, settings.LARGEST_UPLOAD_MEGABYTES)
        self.fields["media_file"] = forms.FileField(
            label=variable.kind.capitalize(),
            required=False,
            widget=forms.FileInput(attrs={"data-upload": ""}),
            error_messages={"empty": "This file is empty. Choose another one."},
        )
        self.fields["media_ref"] = forms.UUIDField(required=False, widget=forms.HiddenInput)
        self.fields["media_link"] = forms.URLField(
            label="Or its address",
            required=False,
            assume_scheme="https",
            max_length=2000,
            help_text="An https address that the provider can fetch.",
            error_messages={"invalid": "Enter a web address that begins with https://."},
        )
        self.fields["media_id"] = forms.CharField(label="Or the id of an uploaded file", required=False, max_length=200)
        if variable.kind == "document":
            self.fields["media_filename"] = forms.CharField(
                label="File name", required=False, max_length=200, help_text="As the customer sees it."
            )

    def groups(self) -> list[FieldGroup]:
        """The fields by part: header, message, then each button that needs a value."""
        parts: dict[str, FieldGroup] = {}
        for variable in self.variables:
            is_button = variable.component == "buttons"
            titles = {"header": "Header", "body": "Message"}
            title = f"Button: {_button_text(variable, self.of_template)}" if is_button else titles[variable.component]
            key = field_name(variable) if is_button else variable.component
            group = parts.setdefault(key, FieldGroup(title, [], takes_file=variable.kind in FILE_KINDS))
            group.fields.append(self._shown(variable))
        return list(parts.values())

    def _shown(self, variable: Variable) -> ShownField:
        if variable.kind in FILE_KINDS:
            kind = f"{FILE_WORDS[variable.kind]}, up to {self._largest_file} MB"
            return ShownField(self["media_file"], kind)
        field = self[field_name(variable)]
        if variable.component == "buttons" and variable.kind != "code":
            return ShownField(field, f"added to {_link_start(variable, self.of_template)}")
        if variable.kind in ("code", "place"):
            return ShownField(field, "")
        meaning = meaning_of(self.of_template.components, variable.component, variable.name)
        sample = _sample(variable, self.of_template)
        return ShownField(field, kind_words(meaning, sample), date_shape(sample) if meaning is Meaning.DATE else "")

    def other_sources(self) -> list[forms.BoundField]:
        """The fields for a file that is not on this device: its address, or an id that the provider has given."""
        return [self[name] for name in OTHER_SOURCES if name in self.fields]

    @property
    def uses_other_source(self) -> bool:
        """Do these fields hold something, or need mending?"""
        return any(field.value() or field.errors for field in self.other_sources())

    @property
    def values(self) -> dict[str, Any]:
        """What was filled in, in the shape of render_components: numbered variables as lists, named ones by name."""
        typed = self.typed_values()
        filled: dict[str, Any] = {}
        for part, by_name in typed.items():
            numbered = part != "buttons" and all(name.isdigit() for name in by_name)
            filled[part] = list(by_name.values()) if numbered else by_name
        return filled

    def typed_values(self) -> dict[str, dict[str, str]]:
        """What stands in the fields now, by part and variable, also before it is checked."""
        typed: dict[str, dict[str, str]] = {}
        for variable in self.variables:
            if variable.kind not in FILE_KINDS:
                typed.setdefault(variable.component, {})[variable.name] = self._typed(field_name(variable))
        return typed

    def usable_values(self) -> dict[str, dict[str, str]]:
        """The same after checking, with nothing in place of what has to be mended."""
        usable = self.typed_values()
        for variable in self.variables:
            if field_name(variable) in self.errors:
                usable[variable.component][variable.name] = ""
        return usable

    @property
    def media_given(self) -> dict[str, str] | None:
        """The header's file, as queue_template takes it; None where the template has none."""
        if not self.file_kind:
            return None
        if uploaded := self.uploaded:
            return as_media(uploaded) | ({"filename": name} if (name := self._typed("media_filename")) else {})
        given = {
            "link": self._typed("media_link"),
            "external_id": self._typed("media_id"),
            "filename": self._typed("media_filename"),
        }
        return {"kind": self.file_kind} | {name: value for name, value in given.items() if value}

    @cached_property
    def uploaded(self) -> Attachment | None:
        """The file that was uploaded for this template; None when there is none, or when it was for another stream."""
        try:
            ref = uuid.UUID(self._typed("media_ref"))
        except ValueError:
            return None
        return Attachment.objects.filter(ref=ref, stream=self.of_template.stream_id, kind=self.file_kind).first()

    @property
    def file_name(self) -> str:
        """What the customer will see as the name of the file."""
        return self._typed("media_filename") or (self.uploaded.filename if self.uploaded else "")

    @property
    def file_note(self) -> str:
        """What a phone says below the name of the file: `PDF · 84 KB`; empty while nothing was uploaded."""
        if not self.uploaded:
            return ""
        ending = PurePath(self.uploaded.filename).suffix.lstrip(".").upper() or self.file_kind.capitalize()
        return f"{ending} · {filesizeformat(self.uploaded.size)}"

    def _typed(self, name: str) -> str:
        return str(self[name].value() or "") if name in self.fields else ""

    def _check_writing(self, variable: Variable, cleaned: Mapping[str, Any]) -> None:
        meaning = meaning_of(self.of_template.components, variable.component, variable.name)
        value = cleaned.get(field_name(variable))
        language = self.of_template.language
        if isinstance(value, str) and (sentence := wrong_value(meaning, value, language=language)):
            self.add_error(field_name(variable), ValidationError(sentence, code="badly_written"))

    def focus_on_problem(self) -> None:
        """Let the browser put the caret into the first field that has to be mended."""
        first = next((name for name in self.fields if name in self.errors), None)
        if first is not None:
            self.fields[first].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        """The same check as when the message is queued, with its answer at the field."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for variable in self.variables:
            self._check_writing(variable, cleaned)
        sources = (self.uploaded, cleaned.get("media_link"), cleaned.get("media_id"))
        if self.file_kind and sum(map(bool, sources)) != 1 and not {"media_file", "media_link"} & set(self.errors):
            missing = f"Choose the {self.file_kind}, or give its address or its id."
            several = "Give one file: choose it, or give its address or its id."
            self.add_error("media_file", ValidationError(several if any(sources) else missing))
        if cleaned.get("held_body", "").strip() and cleaned.get("scheduled_for"):
            self.add_error("held_body", ValidationError("An answer is held only with a template that goes now."))
        if any(name.partition("-")[0] in ("header", "body", "buttons") for name in self.errors):
            return cleaned
        try:
            render_components(self.of_template.components, self.values)
        except TemplateValueError as error:
            part, _, name = error.field.partition(".")
            field = f"{part}-{name}"
            self.add_error(field if field in self.fields else None, ValidationError(error.sentence, code=error.code))
        return cleaned


def typed_in(
    template: WhatsAppTemplate, values: Mapping[str, Any], media: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    """What stands in the fields of a form that gave these `values` and `media`: a message's template, once more."""
    typed: dict[str, str] = {}
    numbered: dict[str, Iterator[Any]] = {part: iter(of) for part, of in values.items() if isinstance(of, list)}
    for variable in variables_of(template.components):
        if variable.component in numbered:
            value = next(numbered[variable.component], "")
        else:
            value = (values.get(variable.component) or {}).get(variable.name, "")
        typed[field_name(variable)] = str(value)
    for file in media[:1]:
        typed |= {"media_link": file.get("link", ""), "media_id": file.get("external_id", "")}
        typed |= {"media_filename": file.get("filename", ""), "media_ref": file.get("attachment", "")}
        if typed["media_ref"]:
            typed["media_id"] = ""
    return typed


def field_name(variable: Variable) -> str:
    """The form field of a variable: `body-1`."""
    return f"{variable.component}-{variable.name}"


def _value_field(variable: Variable, template: WhatsAppTemplate, contact: Contact | None) -> forms.CharField:
    example = _sample(variable, template)
    meaning = meaning_of(template.components, variable.component, variable.name)
    field = forms.CharField(
        label=_label(variable, meaning),
        max_length=MAX_VALUE,
        help_text=f"For example {example}." if example else "",
        error_messages={"required": f"Fill in {_asked(variable, template, meaning)}."},
    )
    field.widget.attrs["dir"] = "auto"
    known = "first_name" if meaning is Meaning.FIRST_NAME else _FROM_CONTACT.get(variable.name)
    if contact is not None and known and (value := getattr(contact, known)):
        field.initial, field.help_text = value, "Filled in from the contact."
    return field


def _label(variable: Variable, meaning: Meaning) -> str:
    """What a field is called; the kind of value stands beside it, so that it is not said twice."""
    if variable.kind == "place":
        return variable.name.capitalize()
    if variable.component == "buttons":
        return "Code to copy" if variable.kind == "code" else "Link ending"
    words = "" if variable.name.isdigit() else variable.name.replace("_", " ")
    if variable.name.isdigit() and meaning is Meaning.FIRST_NAME:
        words = meaning.value
    if words == meaning.value != Meaning.FIRST_NAME:
        words = ""
    return f"{{{{{variable.name}}}}} {words[:1].upper()}{words[1:]}".strip()


def _asked(variable: Variable, template: WhatsAppTemplate, meaning: Meaning) -> str:
    """What a sentence calls the value that is missing."""
    if variable.kind == "place":
        return f"the {variable.name}"
    if variable.component == "buttons":
        what = "code to copy" if variable.kind == "code" else "link ending"
        return f"the {what} of {_button_text(variable, template)}"
    numbered_and_known = variable.name.isdigit() and meaning is not Meaning.TEXT
    return f"{{{{{variable.name}}}}}" + (f", the {meaning.value}" if numbered_and_known else "")


def _sample(variable: Variable, template: WhatsAppTemplate) -> str:
    sample = samples_of(template.components).get(variable.component, {}).get(variable.name, "")
    if variable.component == "buttons" and variable.kind != "code":
        return sample.removeprefix("https://").removeprefix(_link_start(variable, template))
    return sample


def _button_text(variable: Variable, template: WhatsAppTemplate) -> str:
    return text_in(buttons_of(template.components)[int(variable.name)]) or COPY_CODE


def _link_start(variable: Variable, template: WhatsAppTemplate) -> str:
    return VARIABLE.split(text_in(buttons_of(template.components)[int(variable.name)], "url"))[0].removeprefix(
        "https://"
    )
