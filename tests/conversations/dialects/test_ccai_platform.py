"""CCAI Platform's dialect without a provider: the chat that is answered, and the document's refusals from our rows."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Contact, Conversation, Message, OptIn, Stream, User
from conversations.models.message import Direction, MessageStatus
from conversations.services import consent, conversations
from tests import factories
from tests.conversations.dialects.conftest import MakeProgram, Program

pytestmark = pytest.mark.django_db

CONSUMER, OUTBOUND = "+14155550100", "+16285550199"
IN_SESSION = "Outbound SMS failed. Consumer is already in an active SMS session."


def sample(**changes: Any) -> dict[str, Any]:
    """The document's first request; a change to None leaves a field out."""
    body = {
        "chat_type": "Messaging (SMS)",
        "end_user_number": "+1 415-555-0100",
        "outbound_number": "+1 628-555-0199",
        "message": "lorem ipsum",
        "ticket_id": "5006x00000XXxxxXXX",
    } | changes
    return {name: value for name, value in body.items() if value is not None}


@pytest.fixture
def us_line(tom: User) -> Stream:
    """A stream of texts at Webex Interact with the document's outbound number, on which Tom may write."""
    stream = factories.make_stream(factories.make_account("webex_interact"), sender=OUTBOUND, region="US")
    factories.make_team(members=[tom], streams=[stream])
    return stream


@pytest.fixture
def john(us_line: Stream) -> User:
    """The document's agent, with its id."""
    agent = factories.make_user(email="john.doe@foo.com", name="John Doe", pk=1)
    factories.make_team(members=[agent], streams=[us_line])
    return agent


def stamp(moment: Any) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def chat_of(conversation: Conversation, **changes: Any) -> dict[str, Any]:
    """The document's answer, with the ids and times of a conversation."""
    began = stamp(conversation.created_at)
    return {
        "id": conversation.pk,
        "lang": "en",
        "chat_type": "Messaging (SMS)",
        "status": "selecting",
        "created_at": began,
        "queued_at": None,
        "assigned_at": None,
        "ends_at": None,
        "wait_duration": 0,
        "chat_duration": 0,
        "rating": None,
        "has_feedback": False,
        "out_ticket_id": None,
        "out_ticket_url": None,
        "verified": False,
        "disconnected_by": "disconnected_by_unknown",
        "fail_reason": None,
        "selected_menu": None,
        "menu_path": None,
        "agent_info": None,
        "end_user": {"id": conversation.contact_id, "identifier": None, "out_contact_id": None},
        "photos": [],
        "videos": [],
        "transfers": [],
        "participants": [
            {
                "id": conversation.pk * 2 + 1,
                "type": "end_user",
                "status": "connected",
                "chat_id": conversation.pk,
                "user_id": None,
                "end_user_id": conversation.contact_id,
                "chat_duration": None,
                "connected_at": began,
                "ended_at": None,
                "fail_reason": "nothing",
            }
        ],
        "offer_type": None,
        "offer_events": [],
        "answer_type": "manual",
        "outbound_number": "+16285550199",
    } | changes


def assigned(conversation: Conversation, agent: User, *, shows_agent: bool) -> dict[str, Any]:
    """The same with its agent."""
    given = conversation.activities.filter(kind="assignment").latest("id").occurred_at
    info = {
        "id": agent.pk,
        "agent_number": agent.pk,
        "email": "john.doe@foo.com",
        "name": "John Doe",
        "first_name": "John",
        "last_name": "Doe",
        "avatar_url": None,
    }
    plain = chat_of(conversation)
    participant = plain["participants"][0] | {
        "id": conversation.pk * 2 + 2,
        "type": "agent",
        "user_id": agent.pk,
        "end_user_id": None,
        "connected_at": stamp(given),
    }
    return plain | {
        "status": "assigned",
        "assigned_at": stamp(given),
        "agent_info": info if shows_agent else None,
        "participants": [*plain["participants"], participant],
    }


def refusal(answer: Any, status: int = 400) -> str:
    assert answer.status_code == status, answer.content
    assert list(answer.json()) == ["message"]
    return answer.json()["message"]


def test_a_text_opens_a_chat_and_shows_its_ticket(program: Program, us_line: Stream, tom: User) -> None:
    answer = program.ccai(sample())
    assert answer.status_code == 200, answer.content
    conversation = Conversation.objects.get()
    assert answer.json() == chat_of(conversation)
    assert list(answer.json()) == list(chat_of(conversation))  # in the document's order
    message = Message.objects.get()
    assert (message.body, message.status, message.stream) == ("lorem ipsum", "queued", us_line)
    assert (message.author, message.conversation.contact.phone) == (tom, CONSUMER)
    assert conversation.indicators.get().title == "Ticket 5006x00000XXxxxXXX"


def test_an_agent_by_id(program: Program, john: User) -> None:
    answer = program.ccai(sample(ticket_id=None, agentId=1))
    conversation = Conversation.objects.get()
    assert answer.json() == assigned(conversation, john, shows_agent=True)
    assert conversation.assignee == john


@pytest.mark.parametrize("name", ["agentEmail", "agent_email"])
def test_an_agent_by_email(program: Program, john: User, name: str) -> None:
    answer = program.ccai(sample(ticket_id=None, **{name: "john.doe@foo.com"}))
    assert answer.json() == assigned(Conversation.objects.get(), john, shows_agent=False)


def test_an_agent_who_does_not_see_the_stream_is_not_found(program: Program, john: User) -> None:
    stranger = factories.make_user(email="stranger@foo.com")
    for named in ({"agentId": stranger.pk}, {"agentEmail": stranger.email}, {"agentId": "1; drop"}, {"agentId": 2**63}):
        assert refusal(program.ccai(sample(**named)), 404) == "Not Found"
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chat_type": None}, "chat_type needs to be provided"),
        ({"chat_type": "In-app"}, "valid chat type needs to be provided"),
        ({"end_user_number": None}, "end_user_number is required"),
        ({"end_user_number": "12345"}, "end_user_number is invalid"),
        ({"outbound_number": "+82 000-000-0000"}, "Non-US phone number not allowed"),
        ({"outbound_number": None}, "outbound_number is required"),
        ({"outbound_number": "12345"}, "outbound_number is invalid"),
        ({"outbound_number": "+1 628-555-0177"}, "outbound_number is not found"),
        ({"message": ""}, "message is required"),
        ({"message": None}, "message is required"),
        ({"message": ["x"]}, "message is required"),
        ({"chat_type": ["x"]}, "valid chat type needs to be provided"),
        ({"end_user_number": "+1 415-555-01XX"}, "end_user_number is invalid"),
        ({"end_user_number": {"a": 1}}, "end_user_number is invalid"),
    ],
)
def test_the_documented_refusals(program: Program, us_line: Stream, changes: dict, message: str) -> None:
    assert refusal(program.ccai(sample(**changes))) == message
    assert not any(model.objects.exists() for model in (Message, Conversation, Contact))


def test_sms_is_off(program: Program, us_line: Stream, line: Stream) -> None:
    us_line.is_active = False
    us_line.save()
    assert refusal(program.ccai(sample())) == "SMS is not enabled"
    Stream.objects.update(is_active=False)
    assert refusal(program.ccai(sample(outbound_number="+1 628-555-0177"))) == "SMS is not enabled"


def test_outbound_is_off_for_whoever_may_not_write_there(make_program: MakeProgram, us_line: Stream) -> None:
    reader = factories.make_user()
    factories.make_team(members=[reader], streams=[us_line]).team_streams.update(can_send=False)
    assert refusal(make_program(reader).ccai(sample())) == "Outbound SMS is not enabled"


def test_one_session_at_a_time(program: Program, us_line: Stream) -> None:
    program.ccai(sample())
    assert refusal(program.ccai(sample())) == IN_SESSION
    conversation = Conversation.objects.get()
    conversations.resolve(conversation, actor=None)
    assert program.ccai(sample()).json()["id"] == conversation.pk  # opened again
    assert refusal(program.ccai(sample())) == IN_SESSION
    Message.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert program.ccai(sample()).status_code == 200
    factories.make_message(conversation, direction=Direction.IN)
    Message.objects.update(created_at=timezone.now() - timedelta(hours=25))
    Conversation.objects.update(status="open")
    assert refusal(program.ccai(sample())) == IN_SESSION  # the customer waits for an answer
    assert Message.objects.outbound().count() == 3


def test_a_text_that_failed_is_no_session(program: Program, us_line: Stream) -> None:
    program.ccai(sample())
    Message.objects.update(status=MessageStatus.FAILED)
    assert program.ccai(sample()).status_code == 200


def test_the_agent_of_the_chat_may_go_on(program: Program, john: User, us_line: Stream) -> None:
    first = program.ccai(sample(agentId=1)).json()
    again = program.ccai(sample(agentId=1, message="dolor sit amet"))
    assert again.json()["id"] == first["id"]
    other = factories.make_user()
    factories.make_team(members=[other], streams=[us_line])
    assert refusal(program.ccai(sample(agentId=other.pk))) == IN_SESSION
    assert Message.objects.count() == 2


def test_what_the_document_has_no_words_for(program: Program, us_line: Stream) -> None:
    consent.record(OptIn(contact=factories.make_contact(CONSUMER), channel="sms", event="opt_out", source="agent"))
    assert "opted out" in refusal(program.ccai(sample()))
    assert "one of our own numbers" in refusal(program.ccai(sample(end_user_number="+1 628-555-0199")))
    assert "takes 1600" in refusal(program.ccai(sample(end_user_number="+1 415-555-0101", message="x" * 2_000)))
    assert not Message.objects.exists()


def test_a_stream_of_ours_may_be_of_any_land(program: Program, us_line: Stream) -> None:
    us_line.sender = "+447700900177"
    us_line.save()
    body = program.ccai(sample(outbound_number="+44 7700 900177")).json()
    assert body["outbound_number"] == "+447700900177"


def test_streams_of_others_are_not_there(program: Program) -> None:
    factories.make_stream(sender=OUTBOUND, region="US")
    assert refusal(program.ccai(sample())) == "outbound_number is not found"


def test_keys_and_scopes(program: Program, make_program: MakeProgram, tom: User, us_line: Stream) -> None:
    assert refusal(make_program(tom, ("read",)).ccai(sample()), 403)
    for header in ("", "Basic", "Basic !!", "Basic " + base64.b64encode(b"\xff").decode(), f"Bearer {program.text}"):
        answer = program.client.post("/dialects/ccai_platform/apps/api/v1/sms", headers={"Authorization": header})
        assert refusal(answer, 401) == "Unauthorized"
    basic = base64.b64encode(f"x:{program.text}".encode()).decode()
    there = {"headers": {"Authorization": f"Basic {basic}"}}
    assert refusal(program.client.get("/dialects/ccai_platform/apps/api/v1/sms", **there), 405)
    assert refusal(program.client.post("/dialects/ccai_platform/apps/api/v1/chats", **there), 404) == "Not Found"


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'{"message": NaN}', b'{"message": "\\ud800"}'])
def test_bodies_that_nobody_can_read(program: Program, us_line: Stream, body: bytes) -> None:
    assert refusal(program.ccai(body))


def test_a_repeat_with_its_key_is_done_once(program: Program, us_line: Stream) -> None:
    first = program.ccai(sample(), **{"Idempotency-Key": "a"})
    assert program.ccai(sample(), **{"Idempotency-Key": "a"}).json() == first.json()
    assert Message.objects.count() == 1
