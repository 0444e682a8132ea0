"""Messages by the API: sent through the same gate as from a page, followed, changed, stopped and sent again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Contact, Conversation, Message, OptIn, Stream, User
from conversations.services import consent
from tests import factories
from tests.conversations.api.conftest import Program, program_of, refused

pytestmark = pytest.mark.django_db

TO = "+447700900555"


def later(**by: float) -> str:
    return (timezone.now() + timedelta(**by)).isoformat()


@pytest.fixture
def conversation(stream: Stream) -> Conversation:
    return factories.make_conversation(stream, factories.make_contact(TO, first_name="Amira", last_name="Khan"))


def test_a_text_is_queued_in_a_conversation_that_is_opened(program: Program, stream: Stream, priya: User) -> None:
    answer = program.post("/messages", {"stream": stream.pk, "to": "07700 900555", "body": "Hello"})
    assert answer.status_code == 201, answer.content
    told = answer.json()
    message = Message.objects.get()
    assert (message.status, message.author, message.body) == ("queued", priya, "Hello")
    assert message.conversation.contact.phone == TO
    assert message.conversation.assignee is None
    assert told["id"] == message.pk
    assert (told["status"], told["contact"]["phone"], told["author"]["email"]) == ("queued", TO, priya.email)
    assert told["conversation"] == message.conversation_id
    assert program.get(f"/messages/{message.pk}").json() == told


def test_a_reply_is_sent_in_a_conversation(program: Program, conversation: Conversation) -> None:
    answer = program.post(f"/conversations/{conversation.pk}/messages", {"body": "Hello"})
    assert answer.status_code == 201
    assert Message.objects.get().conversation == conversation


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"body": " \u200b"}, 422, "empty_body", "body"),
        ({"body": "x" * 1601}, 422, "body_too_long", "body"),
        ({"body": "x" * 100_000}, 422, "too_long", "body"),
        ({"body": "a\x00b"}, 422, "unsendable_character", None),
        ({"body": "\ud800"}, 422, "unsendable_character", None),
        ({"body": "\ufffe"}, 422, "unsendable_character", "body"),
        ({"body": "Hello ${first_name}"}, 422, "missing_value", None),
        ({"body": 5}, 422, "wrong_type", "body"),
        ({"body": None}, 422, "one_of_both", "body"),
        ({"to": "12345"}, 422, None, "to"),
        ({"to": "+4474512XXXXX"}, 422, "letters", "to"),
        ({"to": None}, 422, "wrong_type", "to"),
        ({"stream": 0}, 422, "out_of_range", "stream"),
        ({"stream": 2**63}, 422, "out_of_range", "stream"),
        ({"stream": "1"}, 422, "wrong_type", "stream"),
        ({"stream": True}, 422, "wrong_type", "stream"),
        ({"stream": 999999}, 404, "not_found", "stream"),
        ({"status": "delivered"}, 422, "unknown_field", "status"),
        ({"author": 1}, 422, "unknown_field", "author"),
        ({"scheduled_for": "2020-01-01T00:00:00Z"}, 422, "scheduled_in_the_past", "scheduled_for"),
        ({"scheduled_for": "2026-11-29T09:00:00"}, 422, "time_without_zone", "scheduled_for"),
        ({"scheduled_for": "2026-02-30T09:00:00Z"}, 422, "wrong_value", "scheduled_for"),
        ({"scheduled_for": "9999-12-31T23:59:59-14:00"}, 422, "out_of_range", "scheduled_for"),
        ({"scheduled_for": 1700000000}, 422, "wrong_value", "scheduled_for"),
        ({"scheduled_for": "2999-01-01T00:00:00Z"}, 422, "scheduled_too_far", "scheduled_for"),
        ({"valid_until": "2020-01-01T00:00:00Z"}, 422, "valid_until_too_early", "valid_until"),
        ({"template": {"name": "x"}}, 422, "one_of_both", "body"),
    ],
)
def test_what_is_refused_is_refused_in_a_sentence_and_stores_nothing(
    changes: dict[str, Any], status: int, code: str | None, field: str | None, program: Program, stream: Stream
) -> None:
    answer = program.post("/messages", {"stream": stream.pk, "to": TO, "body": "Hello"} | changes)
    told = refused(answer, status, code or answer.json()["code"])
    assert told.field == field
    assert told.message.endswith(".")
    assert not Message.objects.exists()
    assert not Conversation.objects.exists()
    assert not Contact.objects.exists()


def test_nobody_is_written_to_who_opted_out(program: Program, conversation: Conversation) -> None:
    consent.record(
        OptIn(
            contact=conversation.contact,
            channel="sms",
            event="opt_out",
            source="form",
            wording="Stop",
            business_name="F",
        )
    )
    told = refused(program.post(f"/conversations/{conversation.pk}/messages", {"body": "Hello"}), 422, "opted_out")
    assert "opted out" in told.message
    assert not Message.objects.exists()


def test_a_key_whose_person_may_not_send_sends_nothing(stream: Stream) -> None:
    reader = factories.make_user(name="Rosa Delgado")
    team = factories.make_team(members=[reader], streams=[stream])
    team.team_streams.update(can_send=False)
    conversation = factories.make_conversation(stream)
    program = program_of(reader)
    answer = program.post(f"/conversations/{conversation.pk}/messages", {"body": "Hello"})
    assert answer.status_code in (403, 422)
    refused(program.post("/messages", {"stream": stream.pk, "to": TO, "body": "Hello"}), 404, "not_found")
    assert not Message.objects.exists()


@pytest.fixture
def whatsapp(priya: User) -> Stream:
    stream = factories.make_stream(channel="whatsapp", name="WhatsApp care")
    factories.make_team(members=[priya], streams=[stream])
    return stream


def test_a_template_is_sent_with_its_values(program: Program, whatsapp: Stream) -> None:
    factories.make_template(whatsapp)
    factories.opt_in(factories.make_contact(TO))
    template = {"name": "engineer_visit", "body": {"1": "Amira", "2": "Thursday"}}
    answer = program.post("/messages", {"stream": whatsapp.pk, "to": TO, "template": template})
    assert answer.status_code == 201, answer.content
    assert answer.json()["body"] == "Hello Amira, your engineer is booked for Thursday. Reply here to change it."
    assert answer.json()["template"]["name"] == "engineer_visit"


@pytest.mark.parametrize(
    ("template", "status"),
    [
        ({"name": "nothing"}, 422),
        ({"name": "engineer_visit", "language": "de"}, 422),
        ({"name": "engineer_visit"}, 422),
        ({"name": "engineer_visit", "body": {"1": "Amira", "2": "Thursday", "3": "more"}}, 422),
        ({"name": "engineer_visit", "body": {"1": "Amira", "2": "a\nb"}}, 422),
        ({"name": "engineer_visit", "body": {"1": "Amira", "2": "x"}, "media": {"kind": "image"}}, 422),
        ({"name": "engineer_visit", "body": ["Amira"]}, 422),
        ({"name": "engineer_visit", "buttons": {"a": "b"}, "body": {"1": "A", "2": "B"}}, 422),
    ],
)
def test_a_template_that_does_not_fit_is_refused(
    template: dict[str, Any], status: int, program: Program, whatsapp: Stream
) -> None:
    factories.make_template(whatsapp)
    factories.opt_in(factories.make_contact(TO))
    answer = program.post("/messages", {"stream": whatsapp.pk, "to": TO, "template": template})
    assert answer.status_code == status, answer.content
    assert not Message.objects.exists()


def test_free_text_outside_of_the_window_is_refused(program: Program, whatsapp: Stream) -> None:
    factories.opt_in(factories.make_contact(TO))
    answer = program.post("/messages", {"stream": whatsapp.pk, "to": TO, "body": "Hello"})
    assert answer.status_code == 422
    assert answer.json()["code"] in ("window_closed", "no_object")


def test_a_scheduled_message_is_changed_sent_now_and_stopped(program: Program, conversation: Conversation) -> None:
    given = {"body": "Hello", "scheduled_for": later(days=2), "cancel_on_reply": True}
    made = program.post(f"/conversations/{conversation.pk}/messages", given).json()
    assert (made["status"], made["can_be_cancelled"]) == ("scheduled", True)
    assert Message.objects.get().cancel_on_reply
    place = f"/messages/{made['id']}"
    edited = program.write("PATCH", place, {"body": "Hello again"})
    assert edited.status_code == 200, edited.content
    assert (edited.json()["body"], edited.json()["scheduled_for"]) == ("Hello again", made["scheduled_for"])
    refused(program.write("PATCH", place, {"scheduled_for": None}), 422, "time_missing")
    assert program.post(f"{place}/send-now").json()["status"] == "queued"
    refused(program.write("PATCH", place, {"body": "Too late"}), 409, "too_late")
    assert program.post(f"{place}/cancel").json()["status"] == "cancelled"
    refused(program.post(f"{place}/cancel"), 409, "too_late")


def test_a_message_that_failed_is_sent_again_once(program: Program, conversation: Conversation) -> None:
    failed = factories.make_message(conversation, status="failed", body="Hello")
    first = program.post(f"/messages/{failed.pk}/send-again")
    second = program.post(f"/messages/{failed.pk}/send-again")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"] != failed.pk
    assert Message.objects.count() == 2
    refused(program.post(f"/messages/{first.json()['id']}/send-again"), 409, "may_have_arrived")


def test_supervisors_decide_on_what_is_not_confirmed(
    program: Program, conversation: Conversation, stream: Stream
) -> None:
    doubtful = factories.make_message(conversation, status="unconfirmed")
    place = f"/messages/{doubtful.pk}"
    refused(program.post(f"{place}/arrived", {"reason": "They said so."}), 403, "not_allowed")
    tom = factories.make_user("supervisor", name="Tom Okafor")
    factories.make_team(members=[tom], streams=[stream])
    supervisor = program_of(tom)
    assert refused(supervisor.post(f"{place}/arrived", {"reason": " "}), 422, "reason_missing").field == "reason"
    assert supervisor.post(f"{place}/arrived", {"reason": "They said so."}).json()["status"] == "delivered"
    refused(supervisor.post(f"{place}/send-anyway", {"reason": "They did not."}), 409, "already_settled")


def test_the_attempts_of_a_message_are_read(program: Program, conversation: Conversation) -> None:
    message = factories.make_message(conversation)
    assert program.get(f"/messages/{message.pk}/attempts").json() == {"items": []}
    inbound = factories.make_message(conversation, direction="in")
    refused(program.get(f"/messages/{inbound.pk}/attempts"), 404, "not_found")


def test_what_customers_write_is_read_from_the_last_one_seen(program: Program, conversation: Conversation) -> None:
    ours = factories.make_message(conversation)
    theirs = [factories.make_message(conversation, direction="in", body=f"Answer {one}") for one in range(3)]
    told = program.get("/messages", direction="in", order="oldest", after=theirs[0].pk, limit=1).json()
    assert [one["body"] for one in told["items"]] == ["Answer 1"]
    key = {"Authorization": f"Bearer {program.text}"}
    rest = program.client.get(told["next"], headers=key).json()
    assert [one["body"] for one in rest["items"]] == ["Answer 2"]
    assert rest["next"] is None
    assert [one["id"] for one in program.get("/messages").json()["items"]] == [
        *(one.pk for one in reversed(theirs)),
        ours.pk,
    ]
    by = {"conversation": conversation.pk, "contact": conversation.contact_id, "stream": conversation.stream_id}
    assert len(program.get("/messages", status="accepted", **by).json()["items"]) == 1
    refused(program.get("/messages", status="arrived"), 422, "not_a_choice")


def test_whoever_may_not_see_numbers_reads_none(conversation: Conversation, priya: User) -> None:
    group = priya.groups.get()
    group.permissions.remove(group.permissions.get(codename="see_numbers"))
    factories.make_message(conversation, direction="in", body="Call me: +44 7700 900555")
    program = program_of(User.objects.get(pk=priya.pk))
    for place in ("/messages", "/conversations", "/contacts", f"/conversations/{conversation.pk}/transcript"):
        told = program.get(place).content.decode()
        assert "Khan" in told
        assert "900555" not in "".join(letter for letter in told if letter.isdecimal())
    remark = program.post(f"/conversations/{conversation.pk}/remarks", {"text": "Ring +44 7700 900777 instead"})
    assert remark.json()["text"] == "Ring +44 7700 900777 instead", "whoever wrote the number knows it"


def test_a_list_takes_the_same_queries_for_one_row_and_for_twenty(
    program: Program, conversation: Conversation, django_assert_max_num_queries: Any
) -> None:
    factories.make_message(conversation)
    program.get("/messages")
    with django_assert_max_num_queries(12) as first:
        program.get("/messages")
    for number in range(20):
        other = factories.make_conversation(conversation.stream, factories.make_contact(f"+4477009008{number:02}"))
        factories.make_message(other)
    with django_assert_max_num_queries(len(first)) as second:
        assert len(program.get("/messages").json()["items"]) == 21
    assert len(second) == len(first)
