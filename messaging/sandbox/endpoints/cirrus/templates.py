"""WhatsApp templates as they look on a phone: header, text, footer and buttons with the values filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from messaging.sandbox.models import CirrusMedia, SandboxAccount, WhatsAppTemplate

SENDABLE = frozenset({"APPROVED", "REINSTATED", "UNARCHIVED"})
MEDIA_KINDS = ("image", "video", "document")
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Unusable(ValueError):
    """A template or its values cannot be sent; the text is what the item's `failed` says (assumed wording)."""


def render(account: SandboxAccount, template: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a PhoneMessage from a V2 item's `template_data.template`. Raises Unusable.

    A template that the account has a row for is checked against it: its language, its status, the number of values.
    One without a row is shown by its name and values, because Cirrus documents no way to list templates.
    """
    name = str(template["name"])
    language = template.get("language")
    code = str(language.get("code", "")) if isinstance(language, Mapping) else ""
    if not code:
        raise Unusable("Missing parameter language")
    sent = _components(template.get("components"))
    header = _header(account, sent.get("header"))
    values = _values(sent.get("body"))
    row = _row(account, name, code)
    if row is None:
        text = "\n".join([name, *values.values()])
        return {"template_name": name, "text": text, "header": header, "footer": "", "buttons": []}
    shapes = {str(part.get("type", "")).upper(): part for part in row.components}
    return {
        "template_name": name,
        "header": _heading(shapes.get("HEADER", {}), sent.get("header"), header),
        "text": _filled(str(shapes.get("BODY", {}).get("text", "")), values),
        "footer": str(shapes.get("FOOTER", {}).get("text", "")),
        "buttons": _buttons(shapes.get("BUTTONS", {}).get("buttons", []), template.get("components")),
    }


def by_parameters(account: SandboxAccount, content: Mapping[str, Any]) -> dict[str, Any]:
    """The same from Create Object's `Content`, which has the older `whatsapp_...` keys."""
    values = content.get("whatsapp_localizable_params") or []
    template = {
        "name": content["whatsapp_hsm_name"],
        "language": {"code": content.get("whatsapp_language_code") or "en"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": str(value)} for value in values]}],
    }
    try:
        return render(account, template)
    except Unusable as error:
        return {"template_name": str(template["name"]), "failure_reason": str(error)}


def _row(account: SandboxAccount, name: str, code: str) -> WhatsAppTemplate | None:
    rows = account.whatsapp_templates.filter(name=name)
    row = rows.filter(language=code).first()
    if row is None:
        if rows.exists():
            raise Unusable("Template name does not exist in the translation")
        return None
    if row.status not in SENDABLE:
        raise Unusable(f"Template is {row.status.lower()}")
    return row


def _components(components: Any) -> dict[str, Mapping[str, Any]]:
    if components is None:
        return {}
    if not isinstance(components, list) or not all(isinstance(part, Mapping) for part in components):
        raise Unusable("Missing parameter components")
    return {str(part.get("type", "")).lower(): part for part in components}


def _parameters(component: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    parameters = (component or {}).get("parameters") or []
    if not isinstance(parameters, list) or not all(isinstance(part, Mapping) for part in parameters):
        raise Unusable("Missing parameter parameters")
    return parameters


def _values(component: Mapping[str, Any] | None) -> dict[str, str]:
    """Values by position ("1", "2", ...) or by `parameter_name`."""
    return {
        str(part.get("parameter_name") or position): str(part.get("text", ""))
        for position, part in enumerate(_parameters(component), start=1)
    }


def _header(account: SandboxAccount, component: Mapping[str, Any] | None) -> dict[str, str]:
    for part in _parameters(component):
        kind = str(part.get("type", ""))
        if kind == "text":
            return {"type": "text", "text": str(part.get("text", ""))}
        media = part.get(kind)
        if kind == "location" and isinstance(media, Mapping):
            return {"type": kind, "filename": str(media.get("name", ""))}
        if kind not in MEDIA_KINDS or not isinstance(media, Mapping):
            raise Unusable("Missing parameter header")
        return {"type": kind} | _file(account, media)
    return {}


def _heading(shape: Mapping[str, Any], component: Mapping[str, Any] | None, header: dict[str, str]) -> dict[str, str]:
    """The header as the template has it: its own text filled in, or the medium of the kind that it wants."""
    wanted = str(shape.get("format", "TEXT")).lower()
    if wanted == "text" and shape.get("text"):
        return {"type": "text", "text": _filled(str(shape["text"]), _values(component))}
    if shape and header.get("type") != wanted:
        raise Unusable("Template parameter format does not match the template's header")
    return header


def _file(account: SandboxAccount, media: Mapping[str, Any]) -> dict[str, str]:
    link = media.get("link") or media.get("Link")  # the schema prints Link, every example link
    found = {"filename": str(media["filename"])} if media.get("filename") else {}
    if link:
        return found | {"link": str(link)}
    kept = CirrusMedia.objects.filter(account=account, media_id=str(media.get("id", ""))).first()
    if kept is None:
        raise Unusable("Media upload error")
    return {"filename": kept.filename} | found | {"id": kept.media_id}


def _filled(text: str, values: Mapping[str, str]) -> str:
    wanted = set(_VARIABLE.findall(text))
    if wanted != set(values) or any(not value.strip() for value in values.values()):
        raise Unusable("Number of parameters does not match the expected number of params")
    return _VARIABLE.sub(lambda match: values[match[1]], text)


def _ending(component: Mapping[str, Any]) -> str:
    """The one value of a button: the end of an address, or a code."""
    first = next(iter(_parameters(component)), {})
    return str(first.get("coupon_code" if first.get("type") == "coupon_code" else "text", ""))


def _buttons(buttons: Sequence[Mapping[str, Any]], components: Any) -> list[dict[str, str]]:
    """The buttons with the dynamic end of an address filled in from its component's `index`."""
    endings = {
        str(part.get("index")): _ending(part)
        for part in components or []
        if str(part.get("type", "")).lower() == "button"
    }
    shown = []
    for index, button in enumerate(buttons):
        kind = str(button.get("type", "QUICK_REPLY")).upper()
        row = {"type": kind, "text": str(button.get("text", ""))}
        if kind == "URL":
            url = str(button.get("url", ""))
            variable = _VARIABLE.search(url)
            if variable:
                ending = endings.get(str(index), "")
                if not ending:
                    raise Unusable("Number of parameters does not match the expected number of params")
                url = url.replace(variable[0], ending)
            row["url"] = url
        if kind == "COPY_CODE":
            row["text"] = row["text"] or "Copy code"
            row["code"] = endings.get(str(index), "")
            if not row["code"]:
                raise Unusable("Number of parameters does not match the expected number of params")
        if kind == "PHONE_NUMBER":
            row["phone_number"] = str(button.get("phone_number", ""))
        shown.append(row)
    return shown
