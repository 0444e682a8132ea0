"""Permission by API: recorded, withdrawn, and what holds now with its evidence."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.models import Contact, OptIn, Stream, User
from conversations.services import consent
from tests import factories
from tests.conversations.api.conftest import Program, program_of, refused

pytestmark = pytest.mark.django_db
PHONE = "+447700900123"
AGREED: dict[str, Any] = {
    "phone": PHONE,
    "channel": "sms",
    "wording": "Text me about offers.",
    "evidence": "https://shop.example/812",
}


def state(program: Program, **more: Any) -> Any:
    return program.get("/permission", phone=PHONE, channel="sms", **more).json()


def test_permission_is_given_and_taken_back_with_evidence(program: Program, stranger: Program, priya: User) -> None:
    assert state(program)["marketing"] == {"decision": "", "because_of": None}
    answer = program.post("/opt-ins", AGREED | {"purpose": "marketing"})
    assert answer.status_code == 201, answer.content
    entry = OptIn.objects.get()
    assert (entry.source, entry.recorded_by, entry.phone) == ("api", priya, PHONE)
    assert PHONE not in answer.content.decode()  # what is kept for repeats names nobody
    told = state(program)
    assert told["marketing"]["decision"] == "opted_in"
    assert told["marketing"]["because_of"]["evidence"] == "https://shop.example/812"
    assert told["service"]["decision"] == ""
    assert program.post("/opt-outs", {"phone": PHONE, "channel": "sms"}).status_code == 201
    assert [state(program)[one]["decision"] for one in ("service", "marketing")] == ["opted_out", "opted_out"]
    listed = program.get("/opt-ins", contact=entry.contact_id).json()["items"]
    assert [one["event"] for one in listed] == ["opt_out", "opt_in"]
    assert program.get("/opt-ins", in_force=True).json()["items"] == listed[:1]
    assert program.get(f"/opt-ins/{entry.pk}").json()["id"] == entry.pk
    factories.make_conversation(factories.make_stream(), Contact.objects.get())
    refused(program.get(f"/opt-ins/{entry.pk}"), 404, "not_found")
    refused(stranger.post("/opt-outs", {"contact": entry.contact_id, "channel": "sms"}), 404, "not_found")
    assert state(stranger)["service"]["decision"] == ""


def test_only_a_supervisor_with_a_proof_lifts_an_opt_out(program: Program, stream: Stream) -> None:
    program.post("/opt-outs", {"phone": PHONE, "channel": "sms"})
    refused(program.post("/opt-ins", AGREED), 403, "not_allowed")
    tom = factories.make_user("supervisor")
    factories.make_team(members=[tom], streams=[stream])
    of_tom = program_of(tom)
    refused(of_tom.post("/opt-ins", AGREED | {"evidence": ""}), 422, "proof_missing")
    refused(of_tom.post("/opt-ins", AGREED | {"occurred_at": "2020-01-01T00:00:00Z"}), 422, "older_than_opt_out")
    assert of_tom.post("/opt-ins", AGREED).status_code == 201


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"wording": ""}, "wording_missing", "wording"),
        ({"phone": None}, "contact_or_phone", "contact"),
        ({"contact": 1}, "contact_or_phone", "contact"),
        ({"phone": "12"}, None, "phone"),
        ({"scope": "stream"}, "stream_missing", "stream"),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, "in_the_future", "occurred_at"),
        ({"occurred_at": "2024-01-01T00:00:00"}, "time_without_zone", "occurred_at"),
        ({"channel": "whatsapp"}, "whatsapp_rules", "keeps_whatsapp_rules"),
        ({"channel": "whatsapp", "keeps_whatsapp_rules": True}, "business_missing", "business_name"),
        ({"channel": "post"}, "not_a_choice", "channel"),
        ({"recorded_by": 1}, "unknown_field", "recorded_by"),
    ],
)
def test_what_is_no_permission_is_refused(
    program: Program, change: dict[str, Any], code: str | None, field: str | None
) -> None:
    answer = program.post("/opt-ins", AGREED | change)
    assert answer.status_code == 422, answer.content
    if code:
        assert answer.json()["code"] == code
    if field:
        assert answer.json()["field"] == field
    assert not OptIn.objects.exists()
    assert not Contact.objects.exists()


def test_a_stream_of_others_is_not_there(program: Program, stream: Stream) -> None:
    other = factories.make_stream()
    refused(program.post("/opt-ins", AGREED | {"scope": "stream", "stream": other.pk}), 404, "not_found")
    refused(program.get("/permission", phone=PHONE, channel="sms", stream=other.pk), 404, "not_found")
    refused(program.get("/permission", phone=PHONE, channel="whatsapp", stream=stream.pk), 422, "another_channel")
    assert program.post("/opt-ins", AGREED | {"scope": "stream", "stream": stream.pk}).status_code == 201
    assert state(program)["service"]["decision"] == ""
    assert state(program, stream=stream.pk)["service"]["decision"] == "opted_in"


def test_the_words_of_streams_that_are_not_seen_are_left_out(program: Program, stream: Stream) -> None:
    contact = factories.make_contact(PHONE)
    factories.make_conversation(stream, contact)
    other = factories.make_stream()
    consent.record(OptIn(contact=contact, channel="sms", event="opt_in", source="form", wording="Secret", stream=other))
    assert state(program)["service"]["because_of"]["wording"] == ""
    assert program.get("/opt-ins").json()["items"][0]["wording"] == ""


def test_scopes(priya: User) -> None:
    reads = program_of(priya, scopes=["read", "send"])
    refused(reads.post("/opt-ins", AGREED), 403, "scope_missing")
    refused(reads.post("/opt-outs", AGREED), 403, "scope_missing")
    assert reads.get("/opt-ins").status_code == 200
