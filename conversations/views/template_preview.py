"""What the customer would see of a template, with its values marked: filled or still missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from conversations.models import WhatsAppTemplate
from messaging.whatsapp.templates import VARIABLE


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
    """A template as a phone shows it. `file_kind` names the header's file, if it has one."""

    header: list[Part]
    file_kind: str
    body: list[Part]
    footer: str
    buttons: list[Button]


_BUTTON_ICONS = {"URL": "external-link", "PHONE_NUMBER": "phone", "QUICK_REPLY": "reply", "COPY_CODE": "check"}


def preview(template: WhatsAppTemplate, values: Mapping[str, Mapping[str, str]]) -> Preview:
    """The template with what is filled in so far; `values` by part and variable."""
    by_type = {str(part.get("type", "")).upper(): part for part in template.components}
    header, body = by_type.get("HEADER", {}), by_type.get("BODY", {})
    file_format = str(header.get("format", "TEXT")).lower()
    return Preview(
        header=_parts(str(header.get("text", "")), values.get("header", {})),
        file_kind="" if file_format == "text" else file_format,
        body=_parts(str(body.get("text", "")), values.get("body", {})),
        footer=str(by_type.get("FOOTER", {}).get("text", "")),
        buttons=[
            Button(_BUTTON_ICONS.get(str(button.get("type", "")).upper(), "reply"), str(button.get("text", "")))
            for button in by_type.get("BUTTONS", {}).get("buttons", [])
        ],
    )


def _parts(text: str, values: Mapping[str, str]) -> list[Part]:
    parts, end = [], 0
    for match in VARIABLE.finditer(text):
        parts.append(Part(text[end : match.start()]))
        value = values.get(match[1], "").strip()
        parts.append(Part(value, "filled") if value else Part(match[0], "missing"))
        end = match.end()
    parts.append(Part(text[end:]))
    return [part for part in parts if part.text]


def body_text(template: WhatsAppTemplate) -> str:
    """The template's body as it stands, variables and all."""
    for part in template.components:
        if str(part.get("type", "")).upper() == "BODY":
            return str(part.get("text", ""))
    return ""
