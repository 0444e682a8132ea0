"""Turns the body of a webhook call, JSON or XML (bare or in a SOAP envelope), into one tree of records.

XML attributes and elements both become values by name, repeated elements a list; numbers in JSON are kept as
text, as their documented payloads do, so that no id loses a digit.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from messaging.errors import WebhookRefused


def read_tree(body: bytes) -> dict[str, Any]:
    """The call's values. Raises WebhookRefused (400) for what is neither a JSON object nor safe XML in UTF-8."""
    try:
        text = body.decode("utf-8-sig").strip()
        tree = _read_xml(text) if text.startswith("<") else _read_json(text)
    except (ValueError, RecursionError, ET.ParseError) as error:
        raise WebhookRefused("The call's body could not be read as JSON or XML.", status=400) from error
    if not isinstance(tree, Mapping):
        raise WebhookRefused("The call's body is not an object.", status=400)
    return dict(tree)


def _read_json(text: str) -> Any:
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class _NoDocumentType(ET.TreeBuilder):
    def doctype(self, name: str, public_id: str | None, system: str | None) -> None:
        raise ValueError("a document type is not accepted")


def _read_xml(text: str) -> dict[str, Any]:
    parser = ET.XMLParser(target=_NoDocumentType())  # noqa: S314  (the builder stops at a document type, so no entity is ever defined)
    parser.feed(text)
    root = parser.close()
    event = next((element for element in root.iter() if _name(element) == "Event"), root)
    return {_name(event): _value(event)}


def _value(element: ET.Element) -> Any:
    text = element.text or ""
    if not element.attrib and len(element) == 0:
        return text
    values: dict[str, list[Any]] = defaultdict(list)
    for name, value in element.attrib.items():
        values[name].append(value)
    for child in element:
        values[_name(child)].append(_value(child))
    if text.strip():
        values["#text"].append(text)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
