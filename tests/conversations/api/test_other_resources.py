"""Templates, files, reports and webhooks by API."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from conversations.models import Attachment, AuditEntry, Stream, WebhookSubscription
from conversations.services import attachment_files
from conversations.services.outgoing import subscriptions
from tests import factories
from tests.conversations.api.conftest import Program, program_of, refused
from tests.messaging.test_files import JPEG
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db
SECRET = "whsec_" + "x" * 40


@pytest.fixture
def admin(db: None) -> Program:
    return program_of(factories.make_user("administrator"))


def test_templates(program: Program, stranger: Program, priya: Any) -> None:
    stream = factories.make_stream(channel="whatsapp")
    factories.make_team(members=[priya], streams=[stream])
    template = factories.make_template(stream)
    factories.make_template(stream, name="draft_one", status="draft")
    told = program.get("/templates", status="approved").json()["items"]
    assert [(one["name"], one["stream"], one["status"]) for one in told] == [("engineer_visit", stream.pk, "approved")]
    assert told[0]["components"] == template.components
    assert len(program.get("/templates", stream=stream.pk, limit=1).json()["items"]) == 1
    here = f"/templates/{template.pk}"
    assert program.get(here).json() == told[0]
    assert program.get(here, headers={"If-None-Match": program.get(here)["ETag"]}).status_code == 304
    assert stranger.get("/templates").json()["items"] == []
    refused(stranger.get(here), 404, "not_found")
    refused(program.get("/templates", status="lovely"), 422, "not_a_choice")


def test_a_file_is_read_by_whoever_sees_its_stream(program: Program, stranger: Program, stream: Stream) -> None:
    content = b"%PDF-1.4 hello"
    file = Attachment.objects.create(
        stream=stream,
        kind="document",
        filename="terms.pdf",
        content_type="application/pdf",
        size=len(content),
        status="kept",
        stored_as=attachment_files.store(content),
    )
    here = f"/media/{file.ref}"
    assert program.get(here).json()["filename"] == "terms.pdf"
    got = program.get(f"{here}/content")
    assert got.content == content
    assert got["Content-Disposition"] == "attachment"
    for path in (here, f"{here}/content"):
        refused(stranger.get(path), 404, "not_found")
    refused(program.get(f"/media/{uuid.uuid4()}"), 404, "not_found")
    Attachment.objects.update(status="waiting")
    refused(program.get(f"{here}/content"), 404, "not_found")


def upload(program: Program, content: bytes, **query: Any) -> Any:
    address = "/media?" + "&".join(f"{name}={value}" for name, value in query.items())
    return program.write("POST", address, content)


def test_a_file_is_given_to_the_provider(product_sandbox: PlayedSandbox, stranger: Program) -> None:
    streams = factories.make_sandbox_streams(product_sandbox.url)
    program = program_of(streams.priya)
    asked = {"stream": streams["whatsapp"].pk, "kind": "image", "filename": "roof.jpg"}
    answer = upload(program, JPEG, **asked)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["content_type"], told["size"], told["status"]) == ("image/jpeg", len(JPEG), "kept")
    assert Attachment.objects.get().external_id
    assert program.get(f"/media/{told['ref']}/content").content == JPEG
    refused(stranger.get(f"/media/{told['ref']}"), 404, "not_found")


def test_a_file_that_cannot_be_sent_is_refused(program: Program, stranger: Program, stream: Stream) -> None:
    good = {"stream": stream.pk, "kind": "image", "filename": "a.png"}
    refused(upload(program, b"\x89PNG", **good), 422, "media_not_carried")
    refused(upload(stranger, b"\x89PNG", **good), 404, "not_found")
    refused(upload(program, b"x", **good | {"kind": "poem"}), 422, "not_a_choice")
    refused(upload(program, b"x" * (2 * 1024 * 1024 + 1), **good), 413, "too_large")
    assert not Attachment.objects.exists()


def test_the_numbers_of_the_reports(program: Program, stream: Stream) -> None:
    refused(program.get("/reports"), 403, "not_allowed")
    tom = factories.make_user("supervisor")
    factories.make_team(members=[tom], streams=[stream])
    reports = program_of(tom)
    talk = factories.make_conversation(stream)
    factories.make_message(talk, direction="in")
    factories.make_message(talk, status="delivered", segments=2)
    factories.make_message(factories.make_conversation(factories.make_stream()), direction="in")
    told = reports.get("/reports").json()
    assert told["streams"] == [{"stream": stream.pk, "received": 1, "sent": 1, "delivered": 1, "parts": 2}]
    assert told["times"]["conversations"] == 1
    assert told["opt_outs"] == 0
    assert {"title", "value", "change", "definition"} == set(told["tiles"][0])
    assert all(len(row) == len(table["columns"]) for table in told["tables"].values() for row in table["rows"])
    refused(reports.get("/reports", stream=factories.make_stream().pk), 404, "not_found")
    refused(reports.get("/reports", first="2026-02-02", last="2026-02-01"), 422, "days")
    refused(reports.get("/reports", first="2024-01-01", last="2026-02-01"), 422, "too_many_days")
    assert reports.get("/reports", first="2026-02-30").status_code == 422
    tom.reach = "team"
    tom.save()
    refused(reports.get("/reports"), 403, "not_allowed")


def subscription(**more: Any) -> dict[str, Any]:
    given = {"name": "Billing", "url": "https://billing.example/told", "events": ["message.received"]}
    return given | {"secret": SECRET} | more


def test_webhooks(admin: Program, stream: Stream) -> None:
    answer = admin.post("/webhooks", subscription(streams=[stream.pk]))
    assert answer.status_code == 201, answer.content
    one = answer.json()
    assert SECRET not in answer.content.decode()
    assert (one["streams"], one["state"]) == ([stream.pk], "working")
    row = WebhookSubscription.objects.get()
    assert row.secrets == [SECRET]
    here = f"/webhooks/{one['id']}"
    assert admin.get(here).json() == one
    assert admin.get("/webhooks").json()["items"] == [one]
    changed = admin.write("PATCH", here, {"url": "https://crm.example/told", "streams": []})
    assert changed.json() == one | {"url": "https://crm.example/told", "streams": []}
    assert AuditEntry.objects.filter(action="webhook_changed", summary="Changed.").count() == 1
    new = SECRET.replace("x", "y")
    assert admin.post(f"{here}/secret", {"secret": new}).status_code == 200
    row.refresh_from_db()
    assert row.secrets == [new, SECRET]
    assert admin.post(f"{here}/pause").json()["state"] == "paused"
    refused(admin.post(f"{here}/pause"), 422, "paused")
    assert admin.post(f"{here}/resume").json()["state"] == "working"
    told = admin.post(f"{here}/test").json()
    assert admin.get(f"{here}/deliveries", status="waiting").json()["items"] == [told]
    replay = f"{here}/deliveries/{told['id']}/replay"
    refused(admin.post(replay), 422, "waiting")
    row.deliveries.update(status="delivered")
    assert admin.post(replay).json()["replays"] == 1
    assert admin.write("DELETE", here).status_code == 204
    refused(admin.get(here), 404, "not_found")


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"url": "http://10.0.0.1/"}, 422, "url"),
        ({"url": "https://169.254.169.254:8080/"}, 422, "url"),
        ({"events": []}, 422, "events"),
        ({"events": ["message.everything"]}, 422, "events"),
        ({"secret": "short"}, 422, "secret"),
        ({"streams": [999_999]}, 404, "streams"),
        ({"owner": 1}, 422, "owner"),
    ],
)
def test_what_is_no_webhook_is_refused(admin: Program, change: dict[str, Any], status: int, field: str) -> None:
    answer = admin.post("/webhooks", subscription(**change))
    assert (answer.status_code, answer.json()["field"]) == (status, field), answer.content
    assert not WebhookSubscription.objects.exists()


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"url": "http://10.0.0.1/"}, 422, "url"),
        ({"events": ["message.everything"]}, 422, "events"),
        ({"name": "CRM"}, 422, "name"),
        ({"streams": [999_999]}, 404, "streams"),
        ({"secret": SECRET}, 422, "secret"),
    ],
)
def test_a_change_that_cannot_be_changes_nothing(
    admin: Program, change: dict[str, Any], status: int, field: str
) -> None:
    admin.post("/webhooks", subscription(name="CRM"))
    one = admin.post("/webhooks", subscription()).json()
    answer = admin.write("PATCH", f"/webhooks/{one['id']}", change)
    assert (answer.status_code, answer.json()["field"]) == (status, field), answer.content
    assert admin.get(f"/webhooks/{one['id']}").json() == one


def test_a_name_is_had_once(admin: Program) -> None:
    admin.post("/webhooks", subscription())
    assert admin.post("/webhooks", subscription()).json()["field"] == "name"


def test_only_administrators_manage_webhooks_and_with_a_key_for_every_stream(program: Program, stream: Stream) -> None:
    owner = factories.make_user("administrator")
    one, _ = subscriptions.create(
        name="CRM", url="https://crm.example/", owner=owner, events=["message.received"], actor=owner
    )
    narrowed = program_of(owner, streams=[stream])
    supervisor = program_of(factories.make_user("supervisor"))
    for other in (program, narrowed, supervisor):
        refused(other.get("/webhooks"), 403, "not_allowed")
        refused(other.get(f"/webhooks/{one.pk}"), 404, "not_found")
        refused(other.post("/webhooks", subscription()), 403, "not_allowed")
        refused(other.write("DELETE", f"/webhooks/{one.pk}"), 404, "not_found")
    refused(program_of(owner, scopes=["read"]).get("/webhooks"), 403, "scope_missing")
