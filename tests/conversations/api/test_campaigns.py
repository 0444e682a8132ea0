"""Campaigns by API: made of rows or a file, checked, started, and what became of each person."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from conversations.models import Campaign, Message, Stream, User
from tests import factories
from tests.conversations.api.conftest import BASE, Program, program_of, refused

pytestmark = pytest.mark.django_db
ROWS = [
    {"phone": "+447700900123", "firstname": "Amira"},
    {"phone": "+447700900124", "firstname": "Bilal"},
    {"phone": "nonsense", "firstname": "Nobody"},
]


@pytest.fixture
def tom(stream: Stream) -> User:
    tom = factories.make_user("supervisor", name="Tom Okafor")
    factories.make_team(members=[tom], streams=[stream])
    return tom


@pytest.fixture
def bulk(tom: User) -> Program:
    return program_of(tom)


def visits(stream: Stream, **more: Any) -> dict[str, Any]:
    return {
        "name": "Visits",
        "stream": stream.pk,
        "purpose": "service",
        "body": "Hello ${firstname}, we come on Thursday.",
        "rows": ROWS,
    } | more


def made(bulk: Program, stream: Stream, **more: Any) -> Any:
    answer = bulk.post("/campaigns", visits(stream, **more))
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_campaign_from_its_rows_to_its_results(bulk: Program, stream: Stream, tom: User) -> None:
    one = made(bulk, stream)
    assert (one["status"], one["numbers"]["rows"], one["problems"]) == ("draft", 3, [])
    assert Campaign.objects.get().created_by == tom
    here = f"/campaigns/{one['id']}"
    refused(bulk.post(f"{here}/start", {"people": 2}), 422, "not_ready")
    checked = bulk.post(f"{here}/check").json()
    assert checked["status"] == "ready"
    assert checked["numbers"]["verdicts"] == {"send": 2, "invalid": 1}
    refused(bulk.post(f"{here}/start", {"people": 3}), 422, "number_changed")
    key = uuid.uuid4().hex
    assert bulk.post(f"{here}/start", {"people": 2}, key=key).json()["status"] == "running"
    again = bulk.post(f"{here}/start", {"people": 2}, key=key)
    assert (again.status_code, again["Idempotent-Replay"]) == (200, "true")
    assert bulk.post(f"{here}/pause").json()["status"] == "paused"
    refused(bulk.post(f"{here}/pause"), 422, "illegal_move")
    assert bulk.post(f"{here}/resume").json()["status"] == "running"
    campaign = Campaign.objects.get()
    first = campaign.recipients.get(row=2)
    message = factories.make_message(
        factories.make_conversation(stream, factories.make_contact(first.phone)), recipient=first
    )
    assert bulk.post(f"{here}/stop").json()["status"] == "stopped"
    page = bulk.get(f"{here}/results", limit=2).json()
    assert [(row["row"], row["status"], row["message"]) for row in page["items"]] == [
        (2, "accepted", message.pk),
        (3, "", None),
    ]
    [rest] = bulk.client.get(page["next"], headers=bulk._headers(None)).json()["items"]
    assert (rest["verdict"], rest["given"]) == ("invalid", "nonsense")
    [left_out] = bulk.get(f"{here}/results", verdict="invalid").json()["items"]
    assert left_out == rest
    assert Message.objects.count() == 1


def test_a_list_as_a_file(bulk: Program, stream: Stream) -> None:
    one = made(bulk, stream, rows=[])
    assert "no_list" in [problem["code"] for problem in one["problems"]]

    def put(content: bytes) -> Any:
        headers = bulk._headers({"Idempotency-Key": uuid.uuid4().hex})
        return bulk.client.put(f"{BASE}/campaigns/{one['id']}/list", content, "text/csv", headers=headers)

    assert put("phone;firstname\n+447700900123;Zoë\n".encode()).json()["numbers"]["rows"] == 1
    refused(put(b"name\nAmira\n"), 422, "no_phone_column")
    assert put(b"").status_code == 422
    assert Campaign.objects.get().row_count == 1
    assert bulk.post(f"/campaigns/{one['id']}/check").json()["status"] == "ready"


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"name": ""}, 422, "name"),
        ({"purpose": "fun"}, 422, "purpose"),
        ({"stream": 999_999}, 404, "stream"),
        ({"template": 999_999}, 404, "template"),
        ({"pace": 0}, 422, "pace"),
        ({"scheduled_for": "tomorrow"}, 422, "scheduled_for"),
        ({"status": "running"}, 422, "status"),
        ({"rows": [{"firstname": "Amira"}]}, 422, "rows"),
        ({"rows": [{"phone": 1}]}, 422, "rows.0.phone"),
        ({"body": "Hello \x00"}, 422, None),
    ],
)
def test_what_is_no_campaign_is_refused_and_not_kept(
    bulk: Program, stream: Stream, change: dict[str, Any], status: int, field: str | None
) -> None:
    answer = bulk.post("/campaigns", visits(stream) | change)
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert not Campaign.objects.exists()


def test_agents_and_other_teams_find_no_campaign(bulk: Program, program: Program, stream: Stream, tom: User) -> None:
    one = made(bulk, stream)
    here = f"/campaigns/{one['id']}"
    refused(program.get("/campaigns"), 403, "not_allowed")
    refused(program.post("/campaigns", visits(stream)), 403, "not_allowed")
    refused(program.get(here), 404, "not_found")
    sam = factories.make_user("supervisor")
    factories.make_team(members=[sam], streams=[factories.make_stream()])
    foreign = program_of(sam)
    assert foreign.get("/campaigns").json()["items"] == []
    for answer in (
        foreign.get(here),
        foreign.get(f"{here}/results"),
        foreign.post(f"{here}/check"),
        foreign.post(f"{here}/start", {"people": 2}),
        *(foreign.post(f"{here}/{do}") for do in ("pause", "resume", "stop")),
        foreign.write("PUT", f"{here}/list", b"phone\n+447700900123\n"),
        foreign.post("/campaigns", visits(stream)),
    ):
        refused(answer, 404, "not_found")
    narrowed = program_of(tom, streams=[stream])
    assert [found["id"] for found in narrowed.get("/campaigns").json()["items"]] == [one["id"]]
    refused(program_of(tom, scopes=["read", "send"]).get(here), 403, "scope_missing")
