"""The door of the API: keys, scopes, streams, rates, what can be read at all, and writes that are done once."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from config.asgi import application
from conversations.api.errors import server_error
from conversations.models import ApiKey, Stream, User
from tests import factories
from tests.conversations.api.conftest import Program, program_of, refused

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic cHJpeWE6eA==", "Bearer pk_aaaaaaaa_" + "a" * 43, "Bearer é"]
)
def test_without_a_key_that_works_nothing_is_answered(header: str | None, program: Program) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = Client().get("/api/v1/streams", headers=headers)
    refused(answer, 401, "key_refused")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_session_is_no_key(priya: User) -> None:
    browser = Client()
    browser.force_login(priya)
    refused(browser.get("/api/v1/streams"), 401, "key_refused")


def test_a_program_reads_the_streams_of_its_user(program: Program, stream: Stream, stranger: Program) -> None:
    told = program.get("/streams").json()
    assert [one["name"] for one in told["items"]] == ["Fernhill Care"]
    assert told["next"] is None
    assert told["items"][0] == {
        "id": stream.pk,
        "name": "Fernhill Care",
        "channel": "sms",
        "sender": stream.sender,
        "region": "GB",
        "is_working": True,
        "may_send": True,
        "body_limit": 1600,
    }
    assert program.get(f"/streams/{stream.pk}").json() == told["items"][0]
    refused(stranger.get(f"/streams/{stream.pk}"), 404, "not_found")


def test_a_key_is_narrowed_to_its_streams(priya: User, stream: Stream) -> None:
    other = factories.make_stream(name="Sales")
    factories.make_team(members=[priya], streams=[other])
    narrow = program_of(priya, streams=[other])
    assert [one["name"] for one in narrow.get("/streams").json()["items"]] == ["Sales"]
    refused(narrow.get(f"/streams/{stream.pk}"), 404, "not_found")
    root = User.objects.create_superuser("root@fernhill.example", name="Root")
    everywhere = program_of(root, streams=[other])
    assert [one["name"] for one in everywhere.get("/streams").json()["items"]] == ["Sales"]


def test_a_key_without_the_scope_is_refused(priya: User) -> None:
    told = refused(program_of(priya, scopes=["send"]).get("/streams"), 403, "scope_missing")
    assert "no scope read" in told.message


def test_a_key_of_somebody_who_left_is_refused(program: Program, priya: User) -> None:
    User.objects.filter(pk=priya.pk).update(is_active=False)
    refused(program.get("/streams"), 401, "key_refused")


def test_a_key_may_ask_so_often_a_minute(program: Program) -> None:
    ApiKey.objects.update(rate_per_minute=2)
    first = program.get("/streams")
    assert (first["RateLimit-Limit"], first["RateLimit-Remaining"]) == ("2", "1")
    assert 1 <= int(first["RateLimit-Reset"]) <= 60
    program.get("/streams")
    told = program.get("/streams")
    if told.status_code == 200:  # the minute turned
        told = [program.get("/streams") for _ in range(2)][-1]
    refused(told, 429, "too_many_requests")
    assert (told["RateLimit-Remaining"], told["Retry-After"]) == ("0", told["RateLimit-Reset"])


def test_without_the_broker_everybody_passes(program: Program, settings: Any) -> None:
    ApiKey.objects.update(rate_per_minute=1)
    settings.RQ_QUEUES = {"default": {"URL": "redis://127.0.0.1:9/0?socket_connect_timeout=0.1"}}
    assert {program.get("/streams").status_code for _ in range(3)} == {200}


def test_a_poll_is_answered_304_while_nothing_changes(program: Program, stream: Stream) -> None:
    first = program.get("/streams")
    again = program.get("/streams", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    Stream.objects.update(name="Care", paused_until=timezone.now() + timedelta(hours=1))
    changed = program.get("/streams", headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200
    assert changed.json()["items"][0]["is_working"] is False


def test_pages_follow_the_last_row(program: Program, priya: User) -> None:
    factories.make_team(members=[priya], streams=[factories.make_stream(name=f"More {one}") for one in range(4)])
    seen, address = [], "/api/v1/streams?limit=2"
    while address:
        told = program.client.get(address, headers={"Authorization": f"Bearer {program.text}"}).json()
        seen += [one["name"] for one in told["items"]]
        address = told["next"]
    assert seen == ["Fernhill Care", "More 0", "More 1", "More 2", "More 3"]


@pytest.mark.parametrize(
    "cursor", ["x", "W10=", "WyJhIl0=", "WzFlOTld", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OV0=", "é", "[" * 900]
)
def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str, program: Program) -> None:
    assert refused(program.get("/streams", cursor=cursor), 422, "cursor").field == "cursor"


@pytest.mark.parametrize("limit", ["0", "201", "x", "-1", "1e3", "9" * 30])
def test_a_page_has_a_size(limit: str, program: Program) -> None:
    assert program.get("/streams", limit=limit).status_code == 422


@pytest.mark.parametrize("pk", ["-1", "0", "9e99", str(2**63), "9" * 5000, "1;drop", "%00", "x" * 5000])
def test_what_is_no_id_is_not_found_or_refused(pk: str, program: Program) -> None:
    assert program.get(f"/streams/{pk}").status_code in (400, 404)


def test_other_addresses_and_methods_are_refused_in_the_same_shape(program: Program) -> None:
    refused(program.get("/nothing"), 404, "not_found")
    answer = program.post("/streams", {})
    refused(answer, 405, "method_not_allowed")
    assert answer["Allow"] == "GET"
    refused(program.client.get("/api/v1/nothing"), 401, "key_refused")


def test_the_host_is_one_of_ours_and_methods_are_not_overridden(program: Program) -> None:
    key = {"Authorization": f"Bearer {program.text}"}
    assert program.client.get("/api/v1/streams", headers=key | {"Host": "evil.example"}).status_code == 400
    spoofed = key | {"X-Forwarded-Host": "evil.example", "X-HTTP-Method-Override": "DELETE"}
    answer = program.client.get("/api/v1/streams?limit=1", headers=spoofed)
    assert answer.status_code == 200
    assert b"evil" not in answer.content


def test_an_answer_belongs_to_its_key_alone(program: Program) -> None:
    answer = program.get("/streams")
    assert answer["Cache-Control"] == "private, no-cache"
    assert "Authorization" in answer["Vary"]


def test_the_document_is_for_everybody_and_the_page_for_whoever_is_signed_in(priya: User) -> None:
    told = Client().get("/api/v1/openapi.json").json()
    assert told["openapi"].startswith("3.1")
    assert {"200", "304", "401", "403", "404", "422", "429"} <= set(
        told["paths"]["/api/v1/streams"]["get"]["responses"]
    )
    assert Client().get("/api/v1/").status_code == 302
    browser = Client()
    browser.force_login(priya)
    page = browser.get("/api/v1/").content.decode()
    assert "/api/v1/streams/{pk}" in page


def test_a_body_that_no_route_takes_is_refused_as_json() -> None:
    """The server in front of Django reads no more than 2 MB: it answers programs in their shape."""
    sent: list[Any] = []
    pieces = iter([{"type": "http.request", "body": b" " * 1024**2, "more_body": True}] * 3)

    async def receive() -> Any:
        return next(pieces)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/api/v1/messages", "method": "POST", "headers": [], "query_string": b""}
    asyncio.run(application(scope, receive, send))
    assert sent[0]["status"] == 413
    assert json.loads(sent[1]["body"])["code"] == "too_large"


def test_what_breaks_is_told_in_the_apis_own_words(rf: RequestFactory) -> None:
    answer = server_error(rf.post("/api/v1/messages"))
    assert (answer.status_code, json.loads(answer.content)["code"]) == (500, "broken")
    assert b"<html" in server_error(rf.get("/c/1/")).content
