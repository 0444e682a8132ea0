"""What the customer would see of a template, with its values marked: filled or still missing.

The picker, the editor and the pages of templates show the same picture, made here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from conversations.models import WhatsAppTemplate
from messaging.segments import is_blank
from messaging.whatsapp import COPY_CODE, samples_of
from messaging.whatsapp.templates import VARIABLE, buttons_of, component_of, text_in, word_in

Values = Mapping[str, Mapping[str, str]]


class Part(NamedTuple):
    """A piece of text: `state` is empty for the template's own words, else filled or missing."""

    text: str
    state: str = ""


class Button(NamedTuple):
    """A button, with the icon of what it does."""

    icon: str
    text: str


@dataclass(frozen=True, slots=True)
class Preview:
    """A template as a phone shows it.

    `file_kind` names the header's file (or place), `file_name` says which; `file_note` stands below the name.
    """

    header: list[Part]
    file_kind: str
    body: list[Part]
    footer: str
    buttons: list[Button]
    file_name: str = ""
    file_note: str = ""


_BUTTON_ICONS = {"URL": "external-link", "PHONE_NUMBER": "phone", "QUICK_REPLY": "reply", "COPY_CODE": "copy"}


def preview(template: WhatsAppTemplate, values: Values, *, file_name: str = "", file_note: str = "") -> Preview:
    """The template with what is filled in so far; `values` by part and variable."""
    return preview_of(template.components, values, file_name=file_name, file_note=file_note)


def preview_of(
    components: Sequence[Mapping[str, Any]], values: Values, *, file_name: str = "", file_note: str = ""
) -> Preview:
    """The same for components that are no row, or not yet."""
    header = component_of(components, "HEADER")
    form = word_in(header, "format") or "TEXT"
    is_text = form == "TEXT"
    place = values.get("header", {}).get("name", "") if form == "LOCATION" else ""
    return Preview(
        header=_parts(text_in(header), values.get("header", {})) if is_text else [],
        file_kind="" if is_text else form.lower(),
        body=_parts(text_in(component_of(components, "BODY")), values.get("body", {})),
        footer=text_in(component_of(components, "FOOTER")),
        buttons=[_button(button) for button in buttons_of(components)],
        file_name=place or file_name,
        file_note=file_note,
    )


def preview_with_samples(components: Sequence[Mapping[str, Any]]) -> Preview:
    """A template with the samples that came with it."""
    return preview_of(components, samples_of(components))


def _button(button: Mapping[str, Any]) -> Button:
    kind = word_in(button, "type")
    return Button(_BUTTON_ICONS.get(kind, "reply"), text_in(button) or (COPY_CODE if kind == "COPY_CODE" else ""))


def _parts(text: str, values: Mapping[str, str]) -> list[Part]:
    parts, end = [], 0
    for match in VARIABLE.finditer(text):
        parts.append(Part(text[end : match.start()]))
        value = values.get(match[1], "")
        parts.append(Part(match[0], "missing") if is_blank(value) else Part(value, "filled"))
        end = match.end()
    parts.append(Part(text[end:]))
    return [part for part in parts if part.text]


def body_text(template: WhatsAppTemplate) -> str:
    """The template's body as it stands, variables and all."""
    return text_in(component_of(template.components, "BODY"))
