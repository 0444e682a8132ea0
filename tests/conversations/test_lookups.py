"""Unconfirmed messages are looked up at the provider, where it can be asked; what is not found proves nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_rq
import pytest
from django.utils import timezone

from conversations.models import Message
from conversations.services import accounts, dispatch, lookups
from conversations.services.arrivals import receive
from conversations.services.compose import queue_message, queue_template
from conversations.services.outbound import deliver
from messaging.providers.cirrus import CreateObject
from messaging.providers.cirrus.words import IDENTITY_TYPE
from messaging.types import Channel, InboundMessage
from tests import factories
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db(transaction=True)

AMIRA = "+447700900142"
VALUES = {"body": ["Amira", "Friday", "08:00", "12:00"]}


@pytest.fixture
def streams(product_sandbox: PlayedSandbox) -> Any:
    return factories.make_sandbox_streams(product_sandbox.url)


def in_a_conversation(streams: Any) -> Message:
    """Priya's text in a conversation that Cirrus knows: it goes out as a child, with our reference."""
    stream = streams["cirrus"]
    digits, kind = AMIRA.removeprefix("+"), IDENTITY_TYPE[Channel.SMS]
    object_id = accounts.provider_for(stream.account).call(
        CreateObject(
            "532", "Where is my engineer", kind, provider_id="447700900155", customer=digits, customer_type=kind
        )
    )
    conversation = factories.make_conversation(stream, factories.make_contact(AMIRA), external_id=object_id)
    return queue_message(conversation=conversation, body="On the way.", author=streams.priya)


def by_template(streams: Any) -> Message:
    """A template to somebody whom Cirrus does not know yet: our reference lies in the conversation it begins."""
    stream = streams["whatsapp"]
    template = factories.make_template(stream, name="engineer_visit", language="en_GB", components=factories.VISIT)
    contact = factories.make_contact(AMIRA)
    factories.opt_in(contact)
    return queue_template(conversation=factories.make_conversation(stream, contact), template=template, values=VALUES)


def send(message: Message, sandbox: PlayedSandbox, *, fault: str) -> Message:
    sandbox.control("faults", phone=AMIRA, fault=fault, times=1)
    deliver([message.pk])
    message.refresh_from_db()
    assert message.status == "unconfirmed", message.failure_text
    return message


def sweep_and_work(at: Any) -> int:
    """What the dispatcher and a worker do at that moment; returns how many messages were asked about."""
    dispatch.sweep(at)
    jobs = [job for job in django_rq.get_queue("default").jobs if job.func_name.endswith("look_up")]
    for job in jobs:
        lookups.look_up(job.args[0])
        job.delete()
    return len(jobs)


@pytest.mark.parametrize("queued", [in_a_conversation, by_template])
def test_what_the_provider_holds_is_accepted(queued: Any, streams: Any, product_sandbox: PlayedSandbox) -> None:
    message = send(queued(streams), product_sandbox, fault="reset_after")
    now = timezone.now()
    assert sweep_and_work(now) == 0, "not before a minute has passed"
    assert sweep_and_work(now + timedelta(seconds=61)) == 1
    message.refresh_from_db()
    assert message.status == "accepted"
    assert message.events.last().reason == lookups.FOUND
    assert (message.failure_code, message.failure_text) == ("", "")
    assert message.conversation.external_id or message.external_id
    assert len(product_sandbox.messages(phone=AMIRA)) == 1


def test_a_message_that_is_found_late_takes_no_conversation_back_to_where_it_was(
    streams: Any, product_sandbox: PlayedSandbox
) -> None:
    message = send(by_template(streams), product_sandbox, fault="reset_after")
    keys = (message.stream.external_id,)
    since = InboundMessage("key-1", AMIRA, "And another thing", stream_keys=keys, conversation_id="1407374883999999")
    assert receive(since, message.stream.account)
    assert sweep_and_work(timezone.now() + timedelta(seconds=61)) == 1
    message.refresh_from_db()
    assert message.status == "accepted"
    assert message.conversation.external_id == "1407374883999999"


def test_what_is_not_there_is_asked_about_four_times_and_then_left_to_a_person(
    streams: Any, product_sandbox: PlayedSandbox
) -> None:
    message = send(in_a_conversation(streams), product_sandbox, fault="reset_before")
    moment, waits = timezone.now(), []
    for _ in range(4):
        before = moment
        message.refresh_from_db()
        moment = message.next_lookup_at
        waits.append(round((moment - before).total_seconds() / 60))
        assert sweep_and_work(moment) == 1
    message.refresh_from_db()
    assert waits == [1, 5, 15, 60]
    assert (message.status, message.next_lookup_at, message.lookup_count) == ("unconfirmed", None, 4)
    assert sweep_and_work(moment + timedelta(days=1)) == 0
    assert product_sandbox.ask("messages", phone=AMIRA)["messages"] == []


def test_a_call_that_names_nothing_cannot_be_looked_up(streams: Any, product_sandbox: PlayedSandbox) -> None:
    conversation = factories.make_conversation(streams["cirrus"], factories.make_contact(AMIRA))
    message = send(queue_message(conversation=conversation, body="Hello"), product_sandbox, fault="reset_after")
    assert message.next_lookup_at is None


def test_a_provider_that_does_not_answer_is_asked_again(streams: Any, product_sandbox: PlayedSandbox) -> None:
    message = send(in_a_conversation(streams), product_sandbox, fault="reset_after")
    product_sandbox.control("faults", account="Fernhill Cirrus", fault="unauthorized", times=1)
    first = message.next_lookup_at
    assert sweep_and_work(first) == 1
    message.refresh_from_db()
    assert message.status == "unconfirmed"
    assert sweep_and_work(message.next_lookup_at) == 1
    message.refresh_from_db()
    assert message.status == "accepted"


def test_one_message_is_asked_about_once_by_two_sweeps(streams: Any, product_sandbox: PlayedSandbox) -> None:
    message = send(in_a_conversation(streams), product_sandbox, fault="reset_after")
    later = timezone.now() + timedelta(minutes=2)
    assert lookups.take_due(later) == [message.pk]
    assert lookups.take_due(later) == []
