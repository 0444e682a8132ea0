"""Replies from a page: kept back to be undone, not sent over what others wrote, and what follows them."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from conversations.models import Conversation, Draft, Message, User
from conversations.models.message import Direction, MessageStatus
from conversations.services import conversations, dispatch, receipts
from conversations.services.compose import cancel_message
from conversations.services.consequences import after_accepted, after_failed, cancel_after_reply
from conversations.services.outbound import deliver
from conversations.services.replies import newer_messages, send_reply, undo_send, undoable
from conversations.views.wording import activity_line
from messaging.types import DeliveryReport, DeliveryStatus
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def priya() -> User:
    return factories.make_user(name="Priya Nair")


@pytest.fixture
def tom() -> User:
    return factories.make_user("supervisor", name="Tom Reyes")


@pytest.fixture
def amira(priya: User, tom: User) -> Conversation:
    conversation = factories.make_conversation()
    factories.make_team(members=[priya, tom], streams=[conversation.stream])
    return conversation


def send(conversation: Conversation, author: User, body: str = "Hello", **more: Any) -> Message:
    given = {"client_key": str(uuid.uuid4()), "seen": None, **more}
    return send_reply(conversation=conversation, author=author, body=body, **given)


def customer_writes(conversation: Conversation, body: str = "Is anybody there?") -> Message:
    message = factories.make_message(conversation, direction=Direction.IN, body=body)
    Conversation.objects.filter(pk=conversation.pk).update(
        status="open", waiting_since=message.created_at, last_message_preview=body, last_message_direction="in"
    )
    conversation.refresh_from_db()
    return message


# Undo


@pytest.mark.parametrize("seconds", [5, 10, 20, 30])
def test_a_reply_waits_as_long_as_its_author_wants(amira: Conversation, priya: User, seconds: int) -> None:
    priya.undo_seconds = seconds
    message = send(amira, priya)
    assert (message.status, message.held_for) == (MessageStatus.HELD, "undo")
    assert message.next_attempt_at == pytest.approx(
        timezone.now() + timedelta(seconds=seconds), abs=timedelta(seconds=2)
    )
    assert undoable(amira, priya) == message


def test_without_time_to_undo_a_reply_leaves_at_once(amira: Conversation, priya: User) -> None:
    priya.undo_seconds = 0
    assert send(amira, priya).status == MessageStatus.QUEUED
    assert undoable(amira, priya) is None


def test_after_its_time_a_reply_leaves_by_itself(amira: Conversation, priya: User) -> None:
    message = send(amira, priya)
    dispatch.sweep(timezone.now() + timedelta(seconds=11))
    message.refresh_from_db()
    assert message.status == MessageStatus.QUEUED
    claim = {"claim": uuid.uuid4(), "lease_until": timezone.now() + timedelta(minutes=1)}
    Message.objects.filter(pk=message.pk).update(status="sending", **claim)
    with pytest.raises(ValidationError) as found:
        undo_send(message, actor=priya)
    assert found.value.code == "too_late"
    assert not Draft.objects.exists()


def test_undo_leaves_the_conversation_as_it_was(amira: Conversation, priya: User) -> None:
    asked = customer_writes(amira)
    message = send(amira, priya, "Too quick")
    amira.refresh_from_db()
    assert (amira.status, amira.waiting_since) == ("waiting", None)

    undo_send(message, actor=priya)

    message.refresh_from_db()
    amira.refresh_from_db()
    assert message.status == MessageStatus.CANCELLED
    assert message.events.last().reason == "Undone"
    assert (amira.status, amira.waiting_since) == ("open", asked.created_at)
    assert (amira.last_message_preview, amira.last_message_direction) == ("Is anybody there?", "in")
    assert Draft.objects.get(user=priya).body == "Too quick"


def test_an_ordinary_cancel_lets_the_customer_wait_again(amira: Conversation, priya: User, tom: User) -> None:
    asked = customer_writes(amira)
    tomorrow = timezone.now() + timedelta(days=1)
    message = send(amira, priya, "Shall I call you?", scheduled_for=tomorrow)
    amira.refresh_from_db()
    assert (amira.status, amira.waiting_since) == ("waiting", None)
    cancel_message(message, actor=tom)
    amira.refresh_from_db()
    assert (amira.status, amira.waiting_since) == ("open", asked.created_at)
    assert (amira.last_message_preview, amira.last_message_at) == ("Is anybody there?", asked.created_at)
    assert not Draft.objects.exists()


def test_what_is_cancelled_after_the_work_is_done_leaves_it_done(amira: Conversation, priya: User) -> None:
    customer_writes(amira)
    message = send(amira, priya, "Are you happy?", scheduled_for=timezone.now() + timedelta(days=1))
    conversations.resolve(amira, actor=priya)
    cancel_message(message, actor=priya)
    amira.refresh_from_db()
    assert (amira.status, amira.waiting_since) == ("resolved", None)


def test_a_cancel_leaves_another_answer_as_it_is(amira: Conversation, priya: User) -> None:
    customer_writes(amira)
    send(amira, priya, "One moment")
    cancel_message(send(amira, priya, "Another thing"), actor=priya)
    amira.refresh_from_db()
    assert (amira.status, amira.waiting_since, amira.last_message_preview) == ("waiting", None, "One moment")


def test_the_wait_counts_from_the_first_unanswered_message(amira: Conversation, priya: User) -> None:
    factories.make_message(amira, body="Earlier answer", author=priya)
    first = customer_writes(amira, "One")
    customer_writes(amira, "Two")
    undo_send(send(amira, priya), actor=priya)
    amira.refresh_from_db()
    assert amira.waiting_since == first.created_at


def test_undoing_the_first_message_ever_leaves_an_empty_conversation(amira: Conversation, priya: User) -> None:
    undo_send(send(amira, priya), actor=priya)
    amira.refresh_from_db()
    assert (amira.status, amira.last_message_preview, amira.waiting_since) == ("open", "", None)


def test_only_its_author_and_supervisors_undo(amira: Conversation, priya: User, tom: User) -> None:
    sam = factories.make_user(name="Sam Osei")
    factories.make_team(members=[sam], streams=[amira.stream])
    message = send(amira, priya)
    assert undoable(amira, sam) is None
    with pytest.raises(ValidationError):
        undo_send(message, actor=sam)
    undo_send(message, actor=tom)
    assert Draft.objects.get().user == tom


# What others wrote meanwhile


def test_a_reply_on_what_was_seen_is_sent(amira: Conversation, priya: User) -> None:
    seen = customer_writes(amira)
    assert send(amira, priya, seen=seen.pk).status == MessageStatus.HELD


@pytest.mark.parametrize("who", ["the customer", "a colleague", "a system"])
def test_a_reply_over_what_was_not_seen_is_not_sent(amira: Conversation, priya: User, tom: User, who: str) -> None:
    seen = customer_writes(amira).pk
    if who == "the customer":
        newer = customer_writes(amira, "Never mind")
    else:
        newer = factories.make_message(amira, body="Done", author=tom if who == "a colleague" else None)
    with pytest.raises(ValidationError) as found:
        send(amira, priya, seen=seen)
    assert found.value.code == "not_seen"
    assert list(newer_messages(amira, priya, seen)) == [newer]
    assert send(amira, priya, seen=newer.pk).pk


def test_own_messages_and_those_taken_back_are_no_news(amira: Conversation, priya: User, tom: User) -> None:
    seen = customer_writes(amira).pk
    send(amira, priya, "Mine")
    factories.make_message(amira, body="Undone", author=tom, status="cancelled")
    assert send(amira, priya, "Mine, too", seen=seen).pk


def test_the_same_form_for_the_second_time_is_the_first_message(amira: Conversation, priya: User) -> None:
    seen = customer_writes(amira).pk
    key = str(uuid.uuid4())
    first = send(amira, priya, seen=seen, client_key=key)
    customer_writes(amira, "Thank you")
    assert send(amira, priya, seen=seen, client_key=key) == first


@pytest.mark.django_db(transaction=True)
def test_of_two_who_press_send_together_one_is_told_of_the_other(amira: Conversation, priya: User, tom: User) -> None:
    seen = customer_writes(amira).pk
    together = threading.Barrier(2)
    outcomes: list[str] = []

    def press(author: User) -> None:
        try:
            together.wait()
            send(Conversation.objects.get(pk=amira.pk), author, f"From {author}", seen=seen)
            outcomes.append("sent")
        except ValidationError as error:
            outcomes.append(error.code or "")
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(author,)) for author in (priya, tom)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(outcomes) == ["not_seen", "sent"]
    assert amira.messages.filter(direction=Direction.OUT).count() == 1


def test_fields_that_nobody_filled_in_do_not_reach_a_customer(amira: Conversation, priya: User) -> None:
    with pytest.raises(ValidationError) as found:
        send(amira, priya, "We will post a cheque to ${postal_address}.")
    assert found.value.code == "missing_value"
    assert found.value.messages == ["The postal address is missing. Write it in place of ${postal_address}."]
    assert send(amira, priya, "That is $5 or ${ more").pk


# What follows


def test_resolved_once_the_provider_has_accepted(amira: Conversation, priya: User) -> None:
    message = send(amira, priya, then_resolve=True)
    amira.refresh_from_db()
    assert amira.status == "waiting"
    after_accepted(message_now(message, "accepted"))
    amira.refresh_from_db()
    assert amira.status == "resolved"
    assert amira.activities.filter(kind="status_change").get().actor == priya


def message_now(message: Message, status: str) -> Message:
    """The message as a worker left it, without the moves between."""
    for step in ("queued", "sending", status):
        changes = {"claim": uuid.uuid4(), "lease_until": timezone.now()} if step == "sending" else {}
        Message.objects.filter(pk=message.pk).update(status=step, **changes)
    message.refresh_from_db()
    return message


def test_not_resolved_unless_asked(amira: Conversation, priya: User) -> None:
    after_accepted(message_now(send(amira, priya), "accepted"))
    amira.refresh_from_db()
    assert amira.status == "waiting"


@pytest.mark.parametrize("then", ["the customer writes", "another message is queued"])
def test_not_resolved_when_it_goes_on(amira: Conversation, priya: User, then: str) -> None:
    message = send(amira, priya, then_resolve=True)
    if then == "the customer writes":
        customer_writes(amira)
    else:
        send(amira, priya, "One more thing")
    after_accepted(message_now(message, "accepted"))
    amira.refresh_from_db()
    assert amira.status != "resolved"


def test_open_again_when_the_last_words_did_not_arrive(amira: Conversation, priya: User) -> None:
    message = send(amira, priya, then_resolve=True)
    after_accepted(message_now(message, "accepted"))
    after_failed(message)
    amira.refresh_from_db()
    assert amira.status == "open"


def test_a_conversation_resolved_by_hand_stays_so(amira: Conversation, priya: User) -> None:
    message = message_now(send(amira, priya), "failed")
    amira.refresh_from_db()
    conversations.resolve(amira, actor=priya)
    after_failed(message)
    amira.refresh_from_db()
    assert amira.status == "resolved"


def test_a_scheduled_message_that_an_answer_makes_needless_is_cancelled(amira: Conversation, priya: User) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    asked = send(amira, priya, "Shall I call you?", scheduled_for=tomorrow, cancel_on_reply=True)
    stays = send(amira, priya, "Your engineer comes today.", scheduled_for=tomorrow)
    at_once = send(amira, priya, "Hello", cancel_on_reply=True)
    cancel_after_reply(amira)
    for message in (asked, stays, at_once):
        message.refresh_from_db()
    assert (asked.status, stays.status, at_once.status) == ("cancelled", "scheduled", "held")
    assert asked.events.last().reason == "The customer wrote first"
    line = activity_line(amira.activities.latest("id"))
    assert line.did == "The customer wrote first: a message was not sent"
    assert amira.activities.filter(kind="message_cancelled").count() == 1


@pytest.mark.django_db(transaction=True)
def test_send_and_resolve_through_the_engine(product_sandbox: Any) -> None:
    """Resolved once the provider has it, open again when a report says that it did not arrive."""
    streams = factories.make_sandbox_streams(product_sandbox.url)
    conversation = factories.make_conversation(streams["webex_interact"], factories.make_contact("+447700900142"))
    message = send_reply(
        conversation=conversation,
        author=streams.priya,
        body="It is done.",
        client_key="once",
        seen=None,
        then_resolve=True,
    )
    dispatch.sweep(timezone.now() + timedelta(minutes=1))
    conversation.refresh_from_db()
    assert conversation.status != "resolved", "nobody has taken it yet"
    deliver([message.pk])
    conversation.refresh_from_db()
    assert conversation.status == "resolved"
    report = DeliveryReport(DeliveryStatus.UNDELIVERED, key="evt_1", ref=str(message.ref))
    receipts.record(conversation.stream.account, report)
    conversation.refresh_from_db()
    assert conversation.status == "open"
