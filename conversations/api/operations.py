"""Declaring what can be done: a scope, an answer and the refusals of each operation stand beside its function.

A write is done once under its Idempotency-Key, in one transaction with the memory of its answer unless it waits for a
provider (services/idempotency.py). A read has an ETag: a program that polls is told 304 while nothing has changed.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from ninja import Router
from ninja.decorators import decorate_view

from conversations.api.door import key_of
from conversations.api.errors import EXAMPLES, Refusal, no_scope, refusal, refused_by_a_rule
from conversations.models.api_key import ApiScope
from conversations.services import idempotency
from conversations.services.idempotency import LONGEST_KEY, Answer

LARGEST_BODY = 256 * 1024
JSON = "application/json"
KEY = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_KEY}}}")
READS = ("GET",)
REFUSAL = {"$ref": f"#/components/schemas/{Refusal.__name__}"}

Operation = TypeVar("Operation", bound=Callable[..., Any])
Run = Callable[..., HttpResponse]


class Resource(Router):
    """The operations of one resource."""

    def operation(
        self,
        method: str,
        path: str,
        *,
        scope: ApiScope,
        answer: Any,
        status: int = 200,
        largest_body: int = LARGEST_BODY,
        takes: str = JSON,
        waits: bool = False,
    ) -> Callable[[Operation], Operation]:
        """Register a function for a method and a path below /api/v1.

        Its docstring is its description; `answer` is the model of what it returns with `status`, None for nothing.
        The parameters that hold a whole body or query are called as in errors.py. `waits` says that it asks a provider,
        and so has no transaction around it.
        """

        def register(function: Operation) -> Operation:
            writes = method not in READS
            takes_body = "given" in inspect.signature(function).parameters
            inner = _once(largest_body, takes if takes_body else "", waits=waits) if writes else _with_etag
            summary, _, description = inspect.cleandoc(function.__doc__ or "").partition("\n")
            refusals = _refusals(path, writes=writes)
            self.add_api_operation(
                path,
                [method],
                decorate_view(inner, _with_scope(scope))(function),
                response={status: answer},
                operation_id=function.__name__,
                url_name=function.__name__.replace("_", "-"),
                summary=summary.removesuffix("."),
                description=f"{description.strip()}\n\nScope: `{scope.value}`.".strip(),
                openapi_extra=_documented(refusals, writes=writes, scope=scope),
            )
            return function

        return register


def _refusals(path: str, *, writes: bool) -> tuple[int, ...]:
    return (400, 401, 403, 404, *((409, 413, 415) if writes else ()), 422, 429)


def _documented(refusals: Iterable[int], *, writes: bool, scope: ApiScope) -> dict[str, Any]:
    """What the OpenAPI document says beside the models: examples of refusals, and the headers."""
    responses: dict[Any, Any] = {
        status: {
            "description": EXAMPLES[status][0],
            "content": {JSON: {"schema": REFUSAL, "example": EXAMPLES[status][1]}},
        }
        for status in refusals
    }
    header: dict[str, Any] = {"in": "header", "schema": {"type": "string"}}
    if writes:
        header |= {
            "name": "Idempotency-Key",
            "required": True,
            "description": "A new word for each thing that is to be done, such as a UUID. The same request with the "
            "same key does nothing and gets the first answer, for 7 days.",
            "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
            "example": "5f0c7b1e-7a2f-4e0e-9a40-0d2b5a6e3c11",
        }
    else:
        responses[304] = {"description": "Nothing has changed since the ETag that was sent in If-None-Match"}
        header |= {"name": "If-None-Match", "required": False, "description": "The ETag of the last answer."}
    return {"parameters": [header], "responses": responses, "x-scope": scope.value}


def _with_scope(scope: ApiScope) -> Callable[[Run], Run]:
    """Refuse a key that is not for this."""

    def guard(run: Run) -> Run:
        def guarded(request: HttpRequest, **values: Any) -> HttpResponse:
            if scope.value not in key_of(request).scopes:
                return refusal(403, "scope_missing", no_scope(scope.value))
            return run(request, **values)

        return guarded

    return guard


def _with_etag(run: Run) -> Run:
    """Answer 304 when the answer would be the one that the program has."""

    def guarded(request: HttpRequest, **values: Any) -> HttpResponse:
        response = run(request, **values)
        if response.status_code != 200:
            return response
        etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
        response["ETag"] = etag
        return get_conditional_response(request, etag=etag, response=response) or response

    return guarded


def _once(largest_body: int, takes: str, *, waits: bool) -> Callable[[Run], Run]:
    """Check what a write has to bring, and do it once. `takes` is the type of its body, empty for none."""

    def guard(run: Run) -> Run:
        def guarded(request: HttpRequest, **values: Any) -> HttpResponse:
            if problem := _unacceptable(request, largest_body, takes):
                return problem
            key = request.headers["Idempotency-Key"]
            fingerprint = idempotency.fingerprint_of(
                request.method or "", request.get_full_path(), request.content_type or "", request.body
            )
            refused: list[HttpResponse] = []

            def act() -> Answer:
                response = run(request, **values)
                if response.status_code >= 400:
                    refused.append(response)
                return Answer(response.status_code, response.content.decode())

            try:
                answer = idempotency.once(key_of(request), key, fingerprint, act, waits=waits)
            except ValidationError as error:
                return refused_by_a_rule(error, {"key_reused": "Idempotency-Key"})
            if refused:
                return refused[0]
            response = HttpResponse(answer.body, status=answer.status, content_type=f"{JSON}; charset=utf-8")
            if answer.is_replay:
                response["Idempotent-Replay"] = "true"
            return response

        return guarded

    return guard


def _unacceptable(request: HttpRequest, largest_body: int, takes: str) -> HttpResponse | None:
    """What is wrong with the outside of a write; None when nothing is."""
    if len(request.body) > largest_body:
        sentence = f"The body is larger than {largest_body // 1024} kB. Send less at once."
        return refusal(413, "too_large", sentence)
    if takes and request.content_type != takes:
        return refusal(415, "not_json" if takes == JSON else "wrong_type", f"Send the body as {takes}.")
    given = request.headers.get("Idempotency-Key")
    if given is None:
        sentence = (
            "Send an Idempotency-Key, a new word for each thing to be done, so that a repeated request does it once."
        )
        return refusal(400, "idempotency_key_missing", sentence, "Idempotency-Key")
    if not KEY.fullmatch(given):
        sentence = f"An Idempotency-Key has 1 to {LONGEST_KEY} letters, digits and signs, without spaces."
        return refusal(400, "idempotency_key_malformed", sentence, "Idempotency-Key")
    return None
