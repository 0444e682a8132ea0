"""Hold and send a template: the answer waits, a template goes out, and the answer leaves once when they write."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.models import Conversation, Draft, Message, OptIn
from conversations.models.message import MessageStatus
from conversations.services import consent, dispatch, outbound
from conversations.services.holding import KEPT_FOR, hold_and_send_template
from conversations.services.inbound import receive
from messaging.types import InboundMessage
from tests import factories
from tests.sandbox.playing import AMIRA, PlayedSandbox

pytestmark = pytest.mark.django_db

BODY = "Yes, Friday at nine works. Ask for Mo at the door."


@pytest.fixture
def streams(product_sandbox: PlayedSandbox) -> factories.SandboxStreams:
    return factories.make_sandbox_streams(product_sandbox.url)


@pytest.fixture
def given(streams: factories.SandboxStreams) -> dict[str, Any]:
    contact = factories.make_contact(AMIRA, first_name="Amira")
    factories.opt_in(contact)
    conversation = factories.make_conversation(
        streams["whatsapp"], contact, window_closes_at=timezone.now() - timedelta(hours=1)
    )
    return {
        "conversation": conversation,
        "body": BODY,
        "template": factories.make_template(streams["whatsapp"], language="en_GB", components=factories.VISIT),
        "values": {"body": ["Amira", "Friday", "9", "12"]},
        "author": streams.priya,
        "client_key": "key-1",
    }


def writes(streams: factories.SandboxStreams, text: str, key: str = "in-1") -> None:
    keys = (streams["whatsapp"].external_id,)
    there = Conversation.objects.get(contact__phone=AMIRA).external_id
    receive(InboundMessage(key, AMIRA, text, conversation_id=there, stream_keys=keys), streams["whatsapp"].account)


def test_the_answer_leaves_once_when_the_customer_writes(
    streams: factories.SandboxStreams, given: dict[str, Any], product_sandbox: PlayedSandbox
) -> None:
    Draft.objects.create(user=streams.priya, conversation=given["conversation"], kind="reply", body=BODY)
    held, sent = hold_and_send_template(**given)
    assert (held.status, held.held_for, sent.status) == ("held", "window", "queued")
    assert not Draft.objects.exists()
    outbound.deliver([sent.pk])
    assert [one["text"] for one in product_sandbox.messages(phone=AMIRA)] == [sent.body]
    writes(streams, "Is Friday possible?")
    writes(streams, "Hello?", "in-2")
    for _ in range(2):
        outbound.deliver([held.pk])
    held.refresh_from_db()
    assert [one["text"] for one in product_sandbox.messages(phone=AMIRA)] == [sent.body, BODY]
    assert held.status == MessageStatus.ACCEPTED, held.failure_text
    assert [event.to_status for event in held.events.all()] == ["held", "queued", "sending", "accepted"]


def test_without_an_answer_it_expires(given: dict[str, Any]) -> None:
    held, _ = hold_and_send_template(**given)
    dispatch.sweep(timezone.now() + KEPT_FOR - timedelta(minutes=1))
    held.refresh_from_db()
    assert held.status == MessageStatus.HELD
    dispatch.sweep(timezone.now() + KEPT_FOR + timedelta(minutes=1))
    held.refresh_from_db()
    assert held.status == MessageStatus.EXPIRED


def test_the_same_form_twice_holds_and_sends_once(given: dict[str, Any]) -> None:
    first = hold_and_send_template(**given)
    assert hold_and_send_template(**given) == first
    assert Message.objects.count() == 2
    with pytest.raises(ValidationError) as refused:
        hold_and_send_template(**{**given, "body": "Something else"})
    assert refused.value.code == "key_reused"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": " "}, "empty_body"),
        ({"body": "x" * 5000}, "body_too_long"),
        ({"values": {"body": ["Amira"]}}, "missing_value"),
    ],
)
def test_both_or_neither(given: dict[str, Any], changes: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        hold_and_send_template(**{**given, **changes})
    assert refused.value.code == code
    assert not Message.objects.exists()


def test_an_open_window_needs_no_holding(given: dict[str, Any]) -> None:
    conversation = given["conversation"]
    conversation.window_closes_at = timezone.now() + timedelta(hours=1)
    conversation.external_id = "777"
    conversation.save()
    with pytest.raises(ValidationError) as refused:
        hold_and_send_template(**given)
    assert refused.value.code == "window_open"


def test_who_opted_out_gets_nothing_held(given: dict[str, Any]) -> None:
    contact = given["conversation"].contact
    consent.record(OptIn(contact=contact, channel="whatsapp", event="opt_out", source="agent", wording="stop"))
    with pytest.raises(ValidationError) as refused:
        hold_and_send_template(**given)
    assert refused.value.code == "opted_out"
