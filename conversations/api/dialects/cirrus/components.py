"""The values of a templated message, from the components that Cirrus takes to the values that our templates take."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from conversations.models import Attachment, Stream, User, WhatsAppTemplate
from conversations.services.attachments import as_media

MEDIA_KINDS = ("image", "video", "document")


class Unusable(ValueError):
    """A templated message that cannot be sent as it stands; the text says why."""


def template_of(stream: Stream, template: Mapping[str, Any]) -> WhatsAppTemplate:
    """The template that a message names, in its language. Raises Unusable."""
    name, language = str(template.get("name") or ""), template.get("language")
    code = str(language.get("code") or "") if isinstance(language, Mapping) else ""
    if not code:
        raise Unusable("Missing parameter language")
    found = WhatsAppTemplate.objects.filter(stream=stream, name=name, language=code).first()
    if found is None:
        raise Unusable(f"{stream.name} has no template {name} in {code}. Look at its name and its language.")
    return found


def values_of(components: Any, *, stream: Stream, user: User) -> tuple[dict[str, Any], dict[str, str] | None]:
    """The values by component, and the file of the header. Raises Unusable for what is not in Meta's form."""
    if components is None:
        components = []
    if not isinstance(components, list) or not all(isinstance(part, Mapping) for part in components):
        raise Unusable("Missing parameter components")
    values: dict[str, Any] = {}
    media = None
    for part in components:
        kind, parameters = str(part.get("type") or "").lower(), _parameters(part)
        if kind == "header":
            header, media = _header(parameters, stream, user)
            values |= {"header": header} if header else {}
        elif kind == "body":
            values["body"] = _texts(parameters)
        elif kind == "button":
            values.setdefault("buttons", {})[str(part.get("index", 0))] = _ending(parameters)
        else:
            raise Unusable(f"Missing parameter components: there is no component called {kind or 'nothing'}.")
    return values, media


def _parameters(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    parameters = part.get("parameters") or []
    if not isinstance(parameters, list) or not all(isinstance(one, Mapping) for one in parameters):
        raise Unusable("Missing parameter parameters")
    return parameters


def _texts(parameters: list[Mapping[str, Any]]) -> Any:
    """The texts in their order, or by their names where they have any."""
    if any(one.get("parameter_name") for one in parameters):
        return {str(one.get("parameter_name")): one.get("text") for one in parameters}
    return [one.get("text") for one in parameters]


def _header(parameters: list[Mapping[str, Any]], stream: Stream, user: User) -> tuple[Any, dict[str, str] | None]:
    """The values of a header, or its file."""
    for one in parameters:
        kind = str(one.get("type") or "")
        media = one.get(kind)
        if kind in MEDIA_KINDS and isinstance(media, Mapping):
            return None, _file(kind, media, stream, user)
        if kind == "location" and isinstance(media, Mapping):
            return {str(name): str(value) for name, value in media.items()}, None
        if kind != "text":
            raise Unusable("Missing parameter header")
    return _texts(parameters), None


def _file(kind: str, media: Mapping[str, Any], stream: Stream, user: User) -> dict[str, str]:
    """A link, or a file that was uploaded here, as queue_template takes it."""
    link = str(media.get("link") or media.get("Link") or "")  # the schema prints Link, every example link
    name = str(media.get("filename") or "")
    if link:
        return {"kind": kind, "link": link, "filename": name}
    try:
        ref = uuid.UUID(str(media.get("id") or ""))
    except ValueError:
        raise _no_file() from None
    found = Attachment.objects.visible_to(user).filter(stream=stream, message=None, ref=ref, kind=kind).first()
    if found is None:
        raise _no_file()
    return as_media(found) | ({"filename": name} if name else {})


def _no_file() -> Unusable:
    return Unusable("There is no uploaded file of this kind with this id. Upload it to this stream first.")


def _ending(parameters: list[Mapping[str, Any]]) -> str:
    """The one value of a button: the end of an address, or a code."""
    first = next(iter(parameters), {})
    return str(first.get("coupon_code" if first.get("type") == "coupon_code" else "text") or "")
