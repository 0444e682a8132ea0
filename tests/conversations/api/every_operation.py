"""Every operation of the API, from its OpenAPI document, filled in with rows and the examples of the document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conversations.api.site import document
from tests.conversations.api.conftest import Program

NAMED = {"key": "line-fault-open", "ref": "6f1e1a1c-7a2f-4e0e-9a40-0d2b5a6e3c11", "delivery": "1"}
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Call:
    """One operation and a request for it."""

    name: str
    method: str
    route: str
    scope: str
    body: Any

    @property
    def names_a_row(self) -> bool:
        """Is there an id in its address?"""
        return "{" in self.route

    def path(self, rows: dict[str, Any]) -> str:
        """Its path below /api/v1; `rows` has the value of {pk} by the first word of the path."""
        resource = self.route.strip("/").partition("/")[0]
        path = self.route.replace("{pk}", str(rows.get(resource, 1)))
        return re.sub(r"{(\w+)}", lambda found: NAMED[found[1]], path)

    def send(self, program: Program, rows: dict[str, Any], **more: Any) -> Any:
        """Make the request."""
        if self.method == "GET":
            return program.get(self.path(rows), **more)
        return program.write(self.method, self.path(rows), self.body, **more)


def calls() -> Iterator[Call]:
    """All of them."""
    told = document()
    for path, methods in told["paths"].items():
        for method in METHODS:
            if method in methods:
                one = methods[method]
                yield Call(
                    name=one["operationId"],
                    method=method.upper(),
                    route=path.removeprefix("/api/v1"),
                    scope=one["x-scope"],
                    body=_example(told, one),
                )


def _example(told: dict[str, Any], operation: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return None
    schema = content["application/json"]["schema"]
    if "$ref" in schema:
        schema = told["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema.get("examples", [{}])[0]
