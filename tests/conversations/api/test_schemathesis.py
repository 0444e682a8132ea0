"""Schemathesis over the whole OpenAPI document, with a key of each scope: nothing breaks, nothing is undocumented.

Half of what it makes up fits the document and half does not. Ids of rows are made real for every other request, so that
it gets past the doors too.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from conversations.api.site import document
from conversations.models import ApiKey, User
from conversations.models.api_key import ApiScope
from tests.conversations.admin.rows import make_rows
from tests.conversations.api.conftest import Program, program_of
from tests.conversations.api.test_every_operation import ids_of

pytestmark = pytest.mark.django_db

EXAMPLES = 4  # of each operation, of each kind
SCHEMA = schemathesis.openapi.from_dict(json.loads(json.dumps(document())))
OPERATIONS = {one.ok().label: one.ok() for one in SCHEMA.get_all_operations()}


@pytest.fixture(scope="module")
def quick() -> Any:
    """Few and repeatable examples: this is a check of the house, not a search for hours."""
    return settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def ask(program: Program, case: Any, rows: dict[str, Any], number: int) -> Any:
    """Send what was made up, with the ids of real rows every other time; what it does is undone again."""
    parameters = dict(case.path_parameters or {})
    if "pk" in parameters and number % 2:
        parameters["pk"] = rows.get(case.path.strip("/").split("/")[2], 1)
    path = case.path
    for name, value in parameters.items():
        path = path.replace("{" + name + "}", str(value).replace("/", "%2F"))
    headers = {name: str(value) for name, value in (case.headers or {}).items() if str(value).isascii()}
    headers = {name: value for name, value in headers.items() if value.isprintable()}
    if number % 4:
        headers["Idempotency-Key"] = uuid.uuid4().hex
    headers["Authorization"] = f"Bearer {program.text}"
    body = b"" if type(case.body).__name__ == "NotSet" else _encoded(case.body)
    with transaction.atomic():
        answer = Client(raise_request_exception=False).generic(
            case.method.upper(),
            path,
            body,
            "application/json",
            query_params=_query(case.query),
            headers=headers,
        )
        transaction.set_rollback(True)
    return answer


def _encoded(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _query(query: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in (query or {}).items()}


def test_nothing_breaks_and_nothing_is_undocumented(quick: Any) -> None:
    rows = make_rows()
    ids = ids_of(rows)
    programs = [program_of(rows[User]), *(program_of(rows[User], scopes=[scope]) for scope in ApiScope.values)]
    ApiKey.objects.update(rate_per_minute=1_000_000)
    wrong: dict[str, str] = {}

    def checking(label: str, documented: set[int], numbers: Any) -> Callable[[Any], None]:
        def check(case: Any) -> None:
            number = next(numbers)
            answer = ask(programs[number // 2 % len(programs) if number % 2 else 0], case, ids, number)
            if answer.status_code not in documented:
                made_up = f"{case.path_parameters} {case.query} {case.body!r}"
                wrong.setdefault(f"{answer.status_code} {label}", made_up[:500])
            elif answer.status_code >= 400:
                assert set(answer.json()) == {"code", "message", "field"}

        return check

    for label, operation in OPERATIONS.items():
        numbers = itertools.count()
        documented = {int(status) for status in operation.definition.raw["responses"]}
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            with suppress(schemathesis.errors.SchemathesisError):  # nothing of that kind can be made up
                quick(given(case=operation.as_strategy(generation_mode=mode))(checking(label, documented, numbers)))()
        assert next(numbers) > 0, label
    assert wrong == {}
