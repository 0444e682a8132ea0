"""Writing a template: plain fields for its parts, which become Meta's components, and WhatsApp's objections at them."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError

from conversations.forms.base import FilterForm, StyledForm
from conversations.models import Stream, User, WhatsAppTemplate
from conversations.models.stream import Channel
from conversations.models.template import TemplateCategory, TemplateStatus
from conversations.services.languages import language_choices
from messaging.whatsapp import Problem, rules, samples_of, validate_template
from messaging.whatsapp.templates import buttons_of, component_of, names_in, text_in, word_in

HEADERS = (
    ("", "None"),
    ("TEXT", "Text"),
    ("IMAGE", "Image"),
    ("VIDEO", "Video"),
    ("DOCUMENT", "Document"),
    ("LOCATION", "Place on the map"),
)
BUTTONS = (
    ("", "None"),
    ("QUICK_REPLY", "Quick reply"),
    ("URL", "Web address"),
    ("PHONE_NUMBER", "Phone number"),
    ("COPY_CODE", "Copy a code"),
)
LARGEST_FILE = 1024 * 1024  # bytes
LONGEST_COUNT = 4  # digits: nobody has typed more rows of buttons than that
_SELLING = re.compile(
    r"\b(offers?|discounts?|sale|deals?|coupons?|vouchers?|% off|half price|free gift)\b", re.IGNORECASE
)
_ROOM = {
    "header_text": rules.HEADER_LENGTH,
    "body": rules.BODY_LENGTH,
    "footer": rules.FOOTER_LENGTH,
    "name": rules.NAME_LENGTH,
}


class Sample(NamedTuple):
    """A value for the reviewers: the part and the variable it belongs to, and its field."""

    part: str
    name: str
    field: str


@dataclass(frozen=True, slots=True)
class ButtonRow:
    """The fields of one button, and what is wrong with it."""

    number: int
    kind: forms.BoundField
    text: forms.BoundField
    target: forms.BoundField
    sample: forms.BoundField

    @property
    def fields(self) -> tuple[forms.BoundField, ...]:
        """The four fields in their order."""
        return (self.kind, self.text, self.target, self.sample)


class TemplateDraftForm(StyledForm):
    """A draft as people write it. Only what a draft cannot be without is refused: the rest is said and kept."""

    fields_of_codes = {"name_taken": "name", "no_whatsapp": "stream"}

    stream = forms.ModelChoiceField(
        Stream.objects.none(), label="Stream", empty_label=None, error_messages={"required": "Choose a stream."}
    )
    name = forms.CharField(
        label="Name",
        max_length=rules.NAME_LENGTH,
        error_messages={"required": "Give the template a name."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    language = forms.ChoiceField(label="Language", choices=language_choices())
    category = forms.ChoiceField(label="Category", choices=TemplateCategory.choices, initial=TemplateCategory.UTILITY)
    header_format = forms.ChoiceField(label="Header", choices=HEADERS, required=False)
    header_text = forms.CharField(label="Header text", required=False, max_length=2000)
    body = forms.CharField(
        label="Message",
        required=False,
        max_length=10_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Variables are {{1}}, {{2}} and so on.",
    )
    footer = forms.CharField(label="Footer", required=False, max_length=2000)
    slots = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=rules.MAX_BUTTONS + 1)

    def __init__(self, *args: Any, user: User, template: WhatsAppTemplate | None = None, **kwargs: Any) -> None:
        kwargs["initial"] = (fields_of(template) if template else {}) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        stream = self.fields["stream"]
        assert isinstance(stream, forms.ModelChoiceField)
        stream.queryset = Stream.objects.visible_to(user).filter(channel=Channel.WHATSAPP).order_by("name")
        for name in ("header_text", "body", "footer"):
            self.fields[name].widget.attrs["dir"] = "auto"
        for index in range(self.slot_count):
            self._add_button(index)
        for sample in self.samples:
            self._add_text(sample.field, f"{{{{{sample.name}}}}}", max_length=rules.BODY_LENGTH)

    def _add_button(self, index: int) -> None:
        kind = forms.ChoiceField(label=f"Button {index + 1}", choices=BUTTONS, required=False)
        kind.widget.attrs["class"] = "input"
        self.fields[f"button-{index}-kind"] = kind
        self._add_text(f"button-{index}-text", "Its text", max_length=200)
        self._add_text(f"button-{index}-target", "Address or number", max_length=3000)
        self._add_text(f"button-{index}-sample", "Sample of its end, or code", max_length=2000)

    def _add_text(self, name: str, label: str, *, max_length: int) -> None:
        field = forms.CharField(label=label, required=False, max_length=max_length)
        field.widget.attrs |= {"class": "input", "dir": "auto"}
        self.fields[name] = field

    @cached_property
    def slot_count(self) -> int:
        """How many rows for buttons there are."""
        given = str(self._typed("slots"))
        count = int(given) if given.isascii() and given.isdigit() and len(given) <= LONGEST_COUNT else 0
        return min(count + ("add_button" in self.data), rules.MAX_BUTTONS)

    @property
    def samples(self) -> list[Sample]:
        """The samples that the wording asks for now, in reading order."""
        texts = {"body": self._typed("body")}
        if self._typed("header_format") == "TEXT":
            texts = {"header": self._typed("header_text"), **texts}
        return [
            Sample(part, name, f"sample-{part}-{name}") for part, text in texts.items() for name in names_in(text)[:100]
        ]

    @property
    def plain_fields(self) -> list[forms.BoundField]:
        """The fields that every template has."""
        return [self[name] for name in self.base_fields if name != "slots"]

    @property
    def sample_rows(self) -> list[forms.BoundField]:
        """The fields of the samples."""
        return [self[sample.field] for sample in self.samples]

    @property
    def button_rows(self) -> list[ButtonRow]:
        """The fields of each button."""
        names = ("kind", "text", "target", "sample")
        return [
            ButtonRow(index + 1, *(self[f"button-{index}-{name}"] for name in names))
            for index in range(self.slot_count)
        ]

    @property
    def components(self) -> list[dict[str, Any]]:
        """What is typed now, in Meta's form."""
        parts: list[dict[str, Any]] = []
        given = {sample: self._typed(sample.field) for sample in self.samples}
        form = self._typed("header_format")
        if form == "TEXT":
            text = self._typed("header_text")
            parts.append({"type": "HEADER", "format": "TEXT", "text": text} | _example("header", given))
        elif form:
            parts.append({"type": "HEADER", "format": form})
        parts.append({"type": "BODY", "text": self._typed("body").replace("\r\n", "\n")} | _example("body", given))
        if footer := self._typed("footer"):
            parts.append({"type": "FOOTER", "text": footer})
        buttons = [self._button(index) for index in self._filled_slots()]
        return [*parts, {"type": "BUTTONS", "buttons": buttons}] if buttons else parts

    def _filled_slots(self) -> list[int]:
        return [index for index in range(self.slot_count) if self._typed(f"button-{index}-kind")]

    def _button(self, index: int) -> dict[str, Any]:
        kind, text, target, sample = (
            self._typed(f"button-{index}-{name}") for name in ("kind", "text", "target", "sample")
        )
        button: dict[str, Any] = {"type": kind} | ({"text": text} if text or kind != "COPY_CODE" else {})
        if kind == "URL":
            button["url"] = target
            if names_in(target):
                button["example"] = [sample]
        elif kind == "PHONE_NUMBER":
            button["phone_number"] = target
        elif kind == "COPY_CODE":
            button["example"] = sample
        return button

    def problems(self) -> dict[str, list[str]]:
        """WhatsApp's objections to what is typed now, by field; those of the whole are at the body."""
        found: dict[str, list[str]] = {}
        name, category, language = self._typed("name"), self._typed("category"), self._typed("language")
        for problem in validate_template(name, category, language, self.components):
            found.setdefault(self._field_of(problem), []).append(problem.sentence)
        return found

    def _field_of(self, problem: Problem) -> str:
        part, _, rest = problem.field.partition(".")
        if part in ("header", "body") and problem.code == "no_sample":
            empty = [one.field for one in self.samples if one.part == part and not self._typed(one.field).strip()]
            return empty[0] if empty else "body"
        if part == "buttons":
            slots = self._filled_slots()
            index, _, name = rest.partition(".")
            if not index.isdigit():
                return f"button-{slots[0]}-kind" if slots else "body"
            name = "sample" if problem.code == "no_sample" else {"text": "text"}.get(name, "target" if name else "kind")
            return f"button-{slots[int(index)]}-{name}"
        return {
            "header.text": "header_text",
            "header.format": "header_format",
            "footer.text": "footer",
            "name": "name",
            "category": "category",
            "language": "language",
        }.get(problem.field, "body")

    def hints(self) -> dict[str, str]:
        """How much room is left in each text, and what its words make WhatsApp think."""
        found = {
            name: f"{len(self._typed(name)):,} of {most:,} characters" for name, most in _ROOM.items() if name != "name"
        }
        selling = _SELLING.search(self._typed("body"))
        if selling and self._typed("category") == TemplateCategory.UTILITY:
            found["category"] = f"“{selling[0]}” reads as marketing: WhatsApp may move it there."
        return found

    @property
    def sample_names(self) -> str:
        """The samples that the page shows, for the page to say when it is checked."""
        return " ".join(sample.field for sample in self.samples)

    def clean(self) -> dict[str, Any]:
        """The body is what a draft cannot be without."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not cleaned.get("body", "").strip() and "body" not in self.errors:
            self.add_error("body", ValidationError("Write the message.", code="required"))
        return cleaned

    def _typed(self, name: str) -> str:
        if name in self.fields:
            value = self[name].value()
        else:
            value = self.data.get(name, "") if self.is_bound else self.initial.get(name, "")
        return "" if value is None else str(value)


def _example(part: str, given: Mapping[Sample, str]) -> dict[str, Any]:
    values = {sample.name: value for sample, value in given.items() if sample.part == part}
    if not values:
        return {}
    if all(name.isdigit() for name in values):
        listed: list[Any] = list(values.values())
        return {"example": {f"{part}_text": [listed] if part == "body" else listed}}
    named = [{"param_name": name, "example": value} for name, value in values.items()]
    return {"example": {f"{part}_text_named_params": named}}


def fields_of(template: WhatsAppTemplate) -> dict[str, Any]:
    """What stands in the fields of a form for this template."""
    parts: Sequence[Mapping[str, Any]] = template.components
    header = component_of(parts, "HEADER")
    found: dict[str, Any] = {
        "stream": template.stream_id,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "header_format": (word_in(header, "format") or "TEXT") if header else "",
        "header_text": text_in(header),
        "body": text_in(component_of(parts, "BODY")),
        "footer": text_in(component_of(parts, "FOOTER")),
    }
    samples = samples_of(parts)
    for part in ("header", "body"):
        found |= {f"sample-{part}-{name}": value for name, value in samples[part].items()}
    buttons = buttons_of(parts)
    for index, button in enumerate(buttons):
        found |= {
            f"button-{index}-kind": word_in(button, "type"),
            f"button-{index}-text": text_in(button),
            f"button-{index}-target": text_in(button, "url") or text_in(button, "phone_number"),
            f"button-{index}-sample": samples["buttons"].get(str(index), ""),
        }
    return found | {"slots": len(buttons)}


class TemplateStatusForm(StyledForm):
    """What WhatsApp decided about a template."""

    status = forms.ChoiceField(label="Status at WhatsApp", choices=TemplateStatus.choices)
    reason = forms.CharField(
        label="Reason", required=False, max_length=300, help_text="For example what WhatsApp said when it refused."
    )


class TemplateFilterForm(FilterForm):
    """Which templates a list shows."""

    q = forms.CharField(label="Name or wording", max_length=100, required=False)
    stream = forms.ModelChoiceField(
        Stream.objects.none(), label="Stream", required=False, empty_label="Every stream", blank=True
    )
    language = forms.ChoiceField(label="Language", required=False)
    category = forms.ChoiceField(
        label="Category", required=False, choices=[("", "Every category"), *TemplateCategory.choices]
    )
    status = forms.ChoiceField(label="Status", required=False, choices=[("", "Every status"), *TemplateStatus.choices])

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stream, language = self.fields["stream"], self.fields["language"]
        assert isinstance(stream, forms.ModelChoiceField)
        assert isinstance(language, forms.ChoiceField)
        stream.queryset = Stream.objects.visible_to(user).filter(channel=Channel.WHATSAPP).order_by("name")
        used = WhatsAppTemplate.objects.visible_to(user).order_by().values_list("language", flat=True).distinct()
        names = dict(language_choices())
        language.choices = [("", "Every language"), *sorted((code, names.get(code, code)) for code in used)]


class TemplateImportForm(StyledForm):
    """A file with what the provider holds."""

    stream = forms.ModelChoiceField(
        Stream.objects.none(), label="Stream", empty_label=None, error_messages={"required": "Choose a stream."}
    )
    file = forms.FileField(
        label="File",
        required=False,
        help_text="JSON as WhatsApp's manager gives it, or CSV.",
        widget=forms.FileInput(attrs={"accept": ".json,.csv,.txt"}),
        error_messages={"empty": "The file is empty."},
    )
    content = forms.CharField(required=False, widget=forms.HiddenInput, max_length=2_000_000, strip=False)
    complete = forms.BooleanField(
        label="The file holds every template of the stream: what it does not name is gone",
        required=False,
        initial=True,
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stream = self.fields["stream"]
        assert isinstance(stream, forms.ModelChoiceField)
        stream.queryset = Stream.objects.visible_to(user).filter(channel=Channel.WHATSAPP).order_by("name")

    def clean(self) -> dict[str, Any]:
        """A file, or what one held when it was checked; somebody else's words are no file."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            base64.b64decode(cleaned.get("content", ""), validate=True)
        except ValueError:
            self.add_error("file", ValidationError("Choose the file again.", code="not_ours"))
        if not cleaned.get("file") and not cleaned.get("content") and not self.errors:
            self.add_error("file", ValidationError("Choose a file.", code="required"))
        return cleaned

    @property
    def source(self) -> bytes:
        """The bytes of the file."""
        file = self.cleaned_data.get("file")
        return file.read() if file else base64.b64decode(self.cleaned_data["content"])

    def clean_file(self) -> Any:
        """Small enough to travel through the page while it is checked."""
        file = self.cleaned_data["file"]
        if file and file.size > LARGEST_FILE:
            raise ValidationError("The file is larger than 1 MB. Use the command import_templates for it.")
        return file
