"""What holds for every operation of the API, whoever adds one: its scope, foreign rows, its key, its documents."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from django.db import connection

from conversations.api.site import document
from conversations.models import ApiKey, Conversation, Message, Stream, User
from conversations.models.api_key import ApiScope
from conversations.services.api_keys import create_api_key
from tests import factories
from tests.conversations.admin.rows import make_rows
from tests.conversations.api.conftest import Program, program_of, refused
from tests.conversations.api.every_operation import Call, calls

CALLS = list(calls())
WRITES = [call for call in CALLS if call.method != "GET"]
FOR_ADMINISTRATORS = {call.name for call in CALLS if "/webhooks" in call.route}


def ids_of(rows: dict[Any, Any]) -> dict[str, Any]:
    """The ids of rows by the first word of the paths that name them."""
    return {f"{model._meta.model_name}s": row.pk for model, row in rows.items()} | {
        "templates": next(row.pk for model, row in rows.items() if model.__name__ == "WhatsAppTemplate"),
        "opt-ins": next(row.pk for model, row in rows.items() if model.__name__ == "OptIn"),
        "webhooks": next((row.pk for model, row in rows.items() if model.__name__ == "WebhookSubscription"), 1),
    }


def snapshot() -> dict[str, int]:
    """How many rows there are of everything that matters."""
    return {model.__name__: model._default_manager.count() for model in (Conversation, Message, Stream, User)}


@pytest.mark.django_db
def test_a_key_needs_the_scope_of_each_operation(priya: User) -> None:
    """One key for each scope that is missing: 403 for what needs it, and never for want of another one."""
    for missing in ApiScope.values:
        program = program_of(priya, scopes=[scope for scope in ApiScope.values if scope != missing])
        ApiKey.objects.update(rate_per_minute=100_000)
        answers = {call.name: call.send(program, {}) for call in CALLS if call.scope == missing}
        assert {name: answer.status_code for name, answer in answers.items() if answer.status_code != 403} == {}
        assert all(answer.json()["code"] == "scope_missing" for answer in answers.values())


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_rows_of_other_streams_are_not_there(role: str) -> None:
    rows = make_rows()
    user = factories.make_user(role)
    factories.make_team(members=[user], streams=[factories.make_stream()])
    program = program_of(user)
    ApiKey.objects.update(rate_per_minute=100_000)
    before = snapshot()
    named = [call for call in CALLS if call.names_a_row]
    refusals = (403, 404)  # 403: the role lacks the right, whatever the row is
    answered = {call.name: call.send(program, ids_of(rows)).status_code for call in named}
    assert {name: status for name, status in answered.items() if status not in refusals} == {}
    if role == "supervisor":
        assert {name for name, status in answered.items() if status == 403} <= FOR_ADMINISTRATORS
    lists = [call for call in CALLS if call.method == "GET" and not call.names_a_row]
    assert [call.name for call in lists if b"Khan" in call.send(program, {}).content] == []
    assert snapshot() == before


@pytest.mark.django_db
def test_every_write_needs_an_idempotency_key(program: Program) -> None:
    ApiKey.objects.update(rate_per_minute=100_000)
    rows = ids_of(make_rows())
    key = {"Authorization": f"Bearer {program.text}"}
    for call in WRITES:
        path = f"/api/v1{call.path(rows)}"
        answer = program.client.generic(call.method, path, b"{}", "application/json", headers=key)
        if answer.status_code == 415:  # a file
            continue
        assert refused(answer, 400, "idempotency_key_missing").field == "Idempotency-Key"
        refused(call.send(program, rows, key="two words"), 400, "idempotency_key_malformed")
        refused(call.send(program, rows, key="x" * 201), 400, "idempotency_key_malformed")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 415),
        (b"{", "application/json", 400),
        (b"\xff{}", "application/json", 400),
        (b'{"body": NaN}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b'"text"', "application/json", 422),
        (b"null", "application/json", 422),
        (b'{"body": "a", "body": "b"}', "application/json", 422),
        (b'{"stream": ' + b"9" * 400 + b"}", "application/json", 422),
        (b'{"stream": ' + b"9" * 5000 + b"}", "application/json", 400),
        (b"body=Hello", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b'{"body": "' + b"x" * 300_000 + b'"}', "application/json", 413),
    ],
)
def test_a_body_that_is_none_is_refused(body: bytes, kind: str, status: int, program: Program) -> None:
    headers = {"Authorization": f"Bearer {program.text}", "Idempotency-Key": uuid.uuid4().hex}
    answer = program.client.generic("POST", "/api/v1/messages", body, kind, headers=headers)
    assert answer.status_code == status, answer.content
    assert set(answer.json()) == {"code", "message", "field"}
    assert not Message.objects.exists()


@pytest.mark.django_db
def test_the_same_key_answers_the_same_and_another_body_is_refused(program: Program, stream: Stream) -> None:
    given = {"stream": stream.pk, "to": "+447700900555", "body": "Hello"}
    first = program.post("/messages", given, key="one")
    again = program.post("/messages", given, key="one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert ("Idempotent-Replay" in first, again["Idempotent-Replay"]) == (False, "true")
    other = program.post("/messages", given | {"body": "Other"}, key="one")
    assert refused(other, 422, "key_reused").field == "Idempotency-Key"
    refused(program.post(f"/conversations/{first.json()['conversation']}/resolve", key="one"), 422, "key_reused")
    assert Message.objects.count() == 1


@pytest.mark.django_db
def test_a_key_is_one_programs_own_and_a_refusal_leaves_it_free(program: Program, stream: Stream, priya: User) -> None:
    given = {"stream": stream.pk, "to": "+447700900555", "body": "Hello"}
    assert program.post("/messages", given | {"body": " "}, key="one").status_code == 422
    assert program.post("/messages", given, key="one").status_code == 201
    assert program_of(priya).post("/messages", given | {"body": "Mine"}, key="one").status_code == 201
    assert Message.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_twenty_posts_of_one_key_at_once_make_one_message() -> None:
    stream = factories.make_stream()
    user = factories.make_user()
    factories.make_team(members=[user], streams=[stream])
    text = create_api_key(name="Orders", user=user, scopes=["send"])[1]
    given = {"stream": stream.pk, "to": "+447700900555", "body": "Hello"}
    statuses: list[int] = []
    ready = threading.Barrier(20)

    def post() -> None:
        try:
            ready.wait()
            statuses.append(Program(text).post("/messages", given, key="one").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Message.objects.count() == 1
    assert len(statuses) == 20
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert Program(text).post("/messages", given, key="one").json()["id"] == Message.objects.get().pk


def test_every_operation_says_what_it_does_and_what_it_refuses() -> None:
    for path, methods in document()["paths"].items():
        for method, one in methods.items():
            assert one["summary"], path
            assert "Scope: `" in one["description"], path
            wanted = {400, 401, 403, 404, 422, 429} | ({304} if method == "get" else {409, 413, 415})
            assert wanted <= {int(status) for status in one["responses"]}, f"{method} {path}"
            for status in wanted - {304}:
                assert {"code", "message", "field"} == set(
                    one["responses"][status]["content"]["application/json"]["example"]
                )


def test_bodies_have_examples() -> None:
    without = [call.name for call in WRITES if call.body == {}]
    assert without == []
    assert all(isinstance(call, Call) for call in CALLS)
