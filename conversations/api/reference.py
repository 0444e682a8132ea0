"""The reference: the OpenAPI document for programs, and the same as a page for people.

The page is made here and not by Swagger's scripts: it works under the product's policy of what a page may load, and
without scripts.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from conversations.api.site import document

METHODS = ("get", "post", "put", "patch", "delete")
DEEPEST = 1  # models within the models of an answer that are shown
REF = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Field:
    """One field or parameter: where it stands, its kind in a word, and what is said of it."""

    name: str
    kind: str
    is_required: bool
    words: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One status that an operation answers, and an example of it."""

    status: int
    words: str
    example: str


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that can be done. Of `words`, every second piece is code."""

    anchor: str
    method: str
    path: str
    title: str
    words: list[str]
    scope: str
    parameters: list[Field]
    body: list[Field]
    example: str
    answer_fields: list[Field]
    answers: list[Answer]


@login_not_required
@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """The document, for whoever asks: it tells nothing of this site's customers."""
    return JsonResponse(document(), headers={"Cache-Control": "no-cache"})


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The same for people, by resource."""
    found = document()
    about = [paragraph.split("`") for paragraph in found["info"]["description"].split("\n\n")]
    context = {"resources": _resources(found), "about": about}
    return render(request, "api/reference.html", context)


def _resources(found: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """The operations by the resource that they belong to, in the order of the document."""
    resources: dict[str, list[Operation]] = defaultdict(list)
    for path, methods in found["paths"].items():
        for method in METHODS:
            if method in methods:
                one = methods[method]
                resources[one["tags"][0]].append(_operation(found, path, method, one))
    return dict(resources)


def _operation(found: Mapping[str, Any], path: str, method: str, one: Mapping[str, Any]) -> Operation:
    content = one.get("requestBody", {}).get("content", {})
    body = _resolved(found, next(iter(content.values()))["schema"]) if content else {}
    answered = [_answer(int(status), said) for status, said in one["responses"].items()]
    done: Mapping[str, Any] = next((said for status, said in one["responses"].items() if int(status) < 300), {})
    schema = _resolved(found, done.get("content", {}).get("application/json", {}).get("schema", {}))
    return Operation(
        anchor=one["operationId"].replace("_", "-"),
        method=method.upper(),
        path=path,
        title=one["summary"],
        words=one.get("description", "").partition("Scope:")[0].strip().split("`"),
        scope=one["x-scope"],
        parameters=[_field(found, each["name"], each["schema"], each) for each in one["parameters"]],
        body=list(_fields(found, body)),
        example=_json(body["examples"][0]) if body.get("examples") else "",
        answer_fields=list(_fields(found, schema)),
        answers=sorted(answered, key=lambda each: each.status),
    )


def _answer(status: int, said: Mapping[str, Any]) -> Answer:
    words = said["description"] if said["description"] not in ("OK", "") else HTTPStatus(status).phrase
    shown = said.get("content", {}).get("application/json", {}).get("example")
    return Answer(status, words, _json(shown) if shown else "")


def _fields(found: Mapping[str, Any], schema: Mapping[str, Any], *, below: str = "") -> Iterator[Field]:
    """The fields of a model, and below each that is a model itself the fields of that, two models deep."""
    required = schema.get("required", [])
    for name, each in schema.get("properties", {}).items():
        yield _field(found, below + name, each, {"required": name in required})
        if below.count(".") < DEEPEST and (inner := _model_in(found, each)):
            yield from _fields(found, inner, below=f"{below}{name}.")


def _model_in(found: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The model that a field holds, alone, in a list, or where it is not null."""
    for one in (schema, schema.get("items", {}), *schema.get("anyOf", [])):
        if "properties" in (target := _resolved(found, one)):
            return target
    return {}


def _field(found: Mapping[str, Any], name: str, schema: Mapping[str, Any], more: Mapping[str, Any]) -> Field:
    words = more.get("description") or schema.get("description", "")
    return Field(name, _kind(found, schema), bool(more.get("required")), words)


def _kind(found: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What a schema takes, in a few words."""
    if "$ref" in schema:
        target = _resolved(found, schema)
        return _kind(found, target)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(_kind(found, one) for one in choices))
    if "enum" in schema:
        return ", ".join(str(one) for one in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_kind(found, schema.get('items', {}))}"
    if schema.get("format") == "date-time":
        return "time"
    words = {"integer": "number", "string": "text", "boolean": "true or false", "object": "object"}
    return words.get(schema.get("type", ""), schema.get("type", "anything"))


def _resolved(found: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        target: Mapping[str, Any] = found["components"]["schemas"][str(schema["$ref"]).removeprefix(REF)]
        return target
    return schema


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
