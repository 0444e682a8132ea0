"""A message that may have arrived: a person decides, with a right and a reason, and the database knows."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from conversations.models import Message
from conversations.services import dispatch, unconfirmed
from conversations.services.compose import queue_message
from conversations.services.outbound import deliver
from conversations.views import trouble
from tests import factories
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db(transaction=True)

AMIRA = "+447700900142"


@pytest.fixture
def message(product_sandbox: PlayedSandbox) -> Message:
    """The provider took it and the line broke before it could say so."""
    streams = factories.make_sandbox_streams(product_sandbox.url)
    product_sandbox.control("faults", phone=AMIRA, fault="reset_after", times=1)
    conversation = factories.make_conversation(streams["cirrus"], factories.make_contact(AMIRA))
    queued = queue_message(conversation=conversation, body="Your visit is on Friday.")
    deliver([queued.pk])
    queued.refresh_from_db()
    assert queued.status == "unconfirmed"
    return queued


def supervisor_of(message: Message) -> Any:
    tom = factories.make_user("supervisor")
    factories.make_team(members=[tom], streams=[message.stream])
    return tom


def arrived(sandbox: PlayedSandbox) -> int:
    """How many texts the phone holds."""
    return len(sandbox.ask("messages", phone=AMIRA)["messages"])


def test_nothing_sends_it_again_by_itself(message: Message, product_sandbox: PlayedSandbox) -> None:
    for _ in range(3):
        dispatch.sweep()
        deliver([message.pk])
    message.refresh_from_db()
    assert message.status == "unconfirmed"
    assert arrived(product_sandbox) == 1


def test_a_supervisor_sends_it_again_and_accepts_a_double(message: Message, product_sandbox: PlayedSandbox) -> None:
    tom = supervisor_of(message)
    unconfirmed.send_again(message, actor=tom, reason="The customer says nothing came")
    deliver([message.pk])
    message.refresh_from_db()
    assert message.status == "accepted", message.failure_text
    assert arrived(product_sandbox) == 2
    first, second = message.results.all()
    assert (first.outcome, first.released_by, second.outcome) == ("unconfirmed", tom, "accepted")
    assert "The customer says nothing came" in message.events.get(from_status="unconfirmed").reason


def test_what_the_provider_refuses_because_the_first_try_arrived_is_a_question_again(
    product_sandbox: PlayedSandbox,
) -> None:
    phone = "+12025550142"
    stream = factories.make_sandbox_streams(product_sandbox.url)["ccai_platform"]
    product_sandbox.control("faults", phone=phone, fault="reset_after", times=1)
    conversation = factories.make_conversation(stream, factories.make_contact(phone))
    message = queue_message(conversation=conversation, body="Your visit is on Friday.")
    deliver([message.pk])
    message.refresh_from_db()
    unconfirmed.send_again(message, actor=supervisor_of(message), reason="The customer says nothing came")
    deliver([message.pk])
    message.refresh_from_db()
    assert (message.status, message.failure_code) == ("unconfirmed", "session_active")
    assert "the first try may have begun" in trouble.why_unconfirmed(message)
    assert len(product_sandbox.ask("messages", phone=phone)["messages"]) == 1
    unconfirmed.it_arrived(message, actor=supervisor_of(message), reason="CCAI shows the conversation")
    message.refresh_from_db()
    assert message.status == "delivered"


def test_a_supervisor_says_that_it_arrived(message: Message, product_sandbox: PlayedSandbox) -> None:
    unconfirmed.it_arrived(message, actor=supervisor_of(message), reason="Answered by phone")
    message.refresh_from_db()
    assert message.status == "delivered"
    assert arrived(product_sandbox) == 1


@pytest.mark.parametrize("decide", [unconfirmed.send_again, unconfirmed.it_arrived])
def test_without_the_right_or_a_reason_nothing_happens(
    message: Message, product_sandbox: PlayedSandbox, decide: Any
) -> None:
    priya = factories.make_user()
    factories.make_team(members=[priya], streams=[message.stream])
    stranger = factories.make_user("supervisor")
    for actor, reason, code in (
        (priya, "Please", "not_allowed"),
        (stranger, "Please", "not_allowed"),
        (supervisor_of(message), "  ", "reason_missing"),
    ):
        with pytest.raises(ValidationError) as found:
            decide(message, actor=actor, reason=reason)
        assert found.value.code == code
    message.refresh_from_db()
    assert message.status == "unconfirmed"
    assert arrived(product_sandbox) == 1


def test_two_supervisors_at_once_send_it_once_more(message: Message) -> None:
    tom = supervisor_of(message)
    unconfirmed.send_again(message, actor=tom, reason="First")
    with pytest.raises(ValidationError) as found:
        unconfirmed.send_again(message, actor=tom, reason="Second")
    assert found.value.code == "already_settled"
