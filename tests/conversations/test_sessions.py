"""Sessions at CCAI Platform: somebody else's stands in the way, and there are ways on; the sandbox answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import django_rq
import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations import queue
from conversations.models import Conversation, Message, ProviderSession, User
from conversations.services import dispatch, session_polling, sessions
from conversations.services.compose import queue_message, send_again
from conversations.services.gate import GateRefusal, can_send
from conversations.services.outbound import deliver
from tests import factories
from tests.conversations.views.conftest import signed_in
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db

US_PHONE = "+14155550100"


@pytest.fixture
def conversation(product_sandbox: PlayedSandbox) -> Conversation:
    """A conversation that Priya, whom CCAI Platform knows as agent 1, has begun."""
    streams = factories.make_sandbox_streams(product_sandbox.url)
    contact = factories.make_contact(US_PHONE, first_name="Ada")
    found = factories.make_conversation(streams["ccai_platform"], contact)
    write(found, "Your visit is on Friday.", streams.priya)
    found.refresh_from_db()
    return found


@pytest.fixture
def tom(conversation: Conversation) -> User:
    """A supervisor of the stream whom CCAI Platform does not know."""
    user = factories.make_user("supervisor", name="Tom Reyes")
    factories.make_team(members=[user], streams=[conversation.stream])
    return user


def write(conversation: Conversation, text: str, author: User) -> Message:
    """Send a text, at once."""
    message = queue_message(conversation=conversation, body=text, author=author)
    deliver([message.pk])
    message.refresh_from_db()
    return message


def verdict(conversation: Conversation, author: User) -> Any:
    """The gate's answer to a text of this author."""
    return can_send(
        stream=conversation.stream,
        contact=conversation.contact,
        kind="text",
        purpose="service",
        at=timezone.now(),
        author=author,
        conversation=conversation,
    )


def priya() -> User:
    return User.objects.get(name="Priya Nair")


def test_a_message_that_is_taken_begins_a_session_with_the_authors_identity(conversation: Conversation) -> None:
    session = ProviderSession.objects.get()
    assert (session.conversation, session.external_id, session.is_open) == (
        conversation,
        conversation.external_id,
        True,
    )
    session = sessions.look(conversation)
    assert (session.status, session.holder_id, session.holder_name) == ("assigned", "1", "Priya Nair")
    assert [one["kind"] for one in session.participants] == ["customer", "agent"]


def test_somebody_elses_session_is_a_gate_with_a_way_on(conversation: Conversation, tom: User) -> None:
    assert verdict(conversation, tom).ok
    refused = write(conversation, "Mine too.", tom)
    assert (refused.status, refused.failure_code) == ("failed", "session_active")
    sessions.look(conversation)
    answer = verdict(conversation, tom)
    assert (answer.ok, answer.code) == (False, "session_active")
    assert (
        answer.sentence
        == "Ada is in a text session with Priya Nair at CCAI Platform, and takes other texts once it ends."
    )
    with pytest.raises(GateRefusal):
        queue_message(conversation=conversation, body="And again.", author=tom)
    assert verdict(conversation, priya()).ok  # it is hers


def test_the_session_ends_at_the_provider_and_the_gate_opens(conversation: Conversation, tom: User) -> None:
    write(conversation, "Mine too.", tom)
    with pytest.raises(ValidationError, match="agent's id at CCAI Platform"):
        sessions.end(conversation, actor=tom)
    session = sessions.end(conversation, actor=priya())
    assert (session.is_open, session.status) == (False, "finished")
    assert verdict(conversation, tom).ok
    assert write(conversation, "Now it is mine.", tom).status == "accepted"


def test_a_session_that_has_ended_there_is_found_to_have_ended(
    conversation: Conversation, tom: User, product_sandbox: PlayedSandbox
) -> None:
    write(conversation, "Mine too.", tom)
    address = f"{conversation.stream.account.address}/chats/{conversation.external_id}"
    ended = {"finished_by_user_id": 1, "chat": {"status": "finished"}}
    assert product_sandbox.session.patch(address, json=ended, auth=("fernhill", "sandbox-ccai-token"), timeout=10).ok
    assert not verdict(conversation, tom).ok
    assert not sessions.look(conversation).is_open
    assert verdict(conversation, tom).ok
    assert not sessions.end(conversation, actor=priya()).is_open  # told "Chat is already ended": that is what we want


def test_sending_again_lets_the_provider_decide(conversation: Conversation, tom: User) -> None:
    refused = write(conversation, "Mine too.", tom)
    sessions.end(conversation, actor=priya())
    ProviderSession.objects.update(is_open=True, refused_at=timezone.now())  # nobody has told us of the end
    again = send_again(refused, actor=tom)
    deliver([again.pk])
    again.refresh_from_db()
    assert again.status == "accepted"


def test_the_composer_shows_the_ways_on_and_the_panel_the_session(conversation: Conversation, tom: User) -> None:
    write(conversation, "Mine too.", tom)
    browser = signed_in(tom)
    page = browser.get(f"/c/{conversation.pk}/").content.decode()
    for words in ("The customer is in a text session", "Ask whether it has ended", "Try all the same"):
        assert words in page
    assert "End the session" not in page  # CCAI Platform does not know Tom
    assert "Session at CCAI Platform" in page
    browser.post(f"/c/{conversation.pk}/session/look/")
    page = browser.get(f"/c/{conversation.pk}/").content.decode()
    assert "with Priya Nair" in page
    assert "End the session" not in page
    theirs = signed_in(priya())
    assert "The customer is in a text session" not in theirs.get(f"/c/{conversation.pk}/").content.decode()
    browser.post(f"/c/{conversation.pk}/session/try/")
    page = browser.get(f"/c/{conversation.pk}/").content.decode()
    assert "The customer is in a text session" not in page
    assert theirs.post(f"/c/{conversation.pk}/session/end/").status_code == 302
    assert not ProviderSession.objects.get().is_open


# Asking for messages


@pytest.fixture
def polled(conversation: Conversation, product_sandbox: PlayedSandbox) -> Conversation:
    """The conversation, on a stream that is asked for messages; the customer has read ours."""
    assert product_sandbox.ask("idle", timeout=20) == {"pending": 0}
    conversation.stream.polls_messages = True
    conversation.stream.save()
    return conversation


def test_what_the_customer_wrote_is_asked_for_once(polled: Conversation, product_sandbox: PlayedSandbox) -> None:
    for text in ("Thank you", "Thank you", "At nine?"):
        product_sandbox.control("reply", phone=US_PHONE, text=text)
    due = session_polling.take_due(timezone.now())
    assert due == [polled.pk]
    assert session_polling.take_due(timezone.now()) == []  # it has its next moment
    assert session_polling.poll(due) == 3
    assert session_polling.poll(due) == 0
    said = list(polled.messages.filter(direction="in").order_by("id").values_list("body", flat=True))
    assert said == ["Thank you", "Thank you", "At nine?"]
    polled.refresh_from_db()
    assert polled.status == "open"


def test_what_a_webhook_told_is_not_doubled(polled: Conversation, product_sandbox: PlayedSandbox) -> None:
    product_sandbox.control("reply", phone=US_PHONE, text="Thank you")
    factories.make_message(polled, direction="in", body="Thank you", external_id="f" * 64)
    assert session_polling.poll([polled.pk]) == 0
    product_sandbox.control("reply", phone=US_PHONE, text="Thank you")
    assert session_polling.poll([polled.pk]) == 1


def test_a_stream_that_does_not_ask_is_left_alone(conversation: Conversation) -> None:
    assert session_polling.take_due(timezone.now()) == []


def test_a_session_in_the_way_is_asked_about_until_it_has_ended(
    conversation: Conversation, tom: User, product_sandbox: PlayedSandbox
) -> None:
    write(conversation, "Mine too.", tom)
    due = session_polling.take_due(timezone.now())
    assert due == [conversation.pk]
    session_polling.poll(due)
    assert ProviderSession.objects.get().holder_name == "Priya Nair"
    assert not verdict(conversation, tom).ok
    product_sandbox.ask("idle", timeout=20)
    product_sandbox.control("reply", phone=US_PHONE, text="Told by a webhook, not asked for")
    sessions.end(conversation, actor=priya())
    ProviderSession.objects.update(is_open=True, refused_at=timezone.now(), next_poll_at=timezone.now())
    session_polling.poll(session_polling.take_due(timezone.now()))
    assert verdict(conversation, tom).ok
    assert not conversation.messages.filter(direction="in").exists()


def test_the_dispatcher_wakes_a_worker_for_it(
    polled: Conversation, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    waiting = django_rq.get_queue(queue.DEFAULT)
    waiting.empty()
    with django_capture_on_commit_callbacks(execute=True):  # a job is enqueued once the transaction has committed
        dispatch.sweep()
    assert [one for one in waiting.job_ids if one.startswith("poll_sessions")] != []
    waiting.empty()


def test_a_session_that_has_ended_is_asked_no_more(polled: Conversation) -> None:
    sessions.end(polled, actor=priya())
    assert session_polling.take_due(timezone.now()) == []


def test_a_provider_that_is_away_is_asked_again_later(polled: Conversation, product_sandbox: PlayedSandbox) -> None:
    product_sandbox.control("accounts", provider="ccai_platform", is_active=False)
    assert session_polling.poll([polled.pk]) == 0
    product_sandbox.control("accounts", provider="ccai_platform", is_active=True)
    product_sandbox.control("reply", phone=US_PHONE, text="Hello")
    assert session_polling.poll([polled.pk]) == 1


def test_what_is_told_late_of_an_earlier_session_says_nothing_of_the_one_since(
    polled: Conversation, product_sandbox: PlayedSandbox
) -> None:
    asked_about = ProviderSession.objects.select_related("conversation__stream__account").get()
    sessions.end(polled, actor=priya())
    write(polled, "One more thing.", priya())
    polled.refresh_from_db()
    assert polled.external_id != asked_about.external_id
    session_polling._poll(asked_about)
    session = ProviderSession.objects.get()
    assert (session.external_id, session.is_open) == (polled.external_id, True)
    product_sandbox.control("reply", phone=US_PHONE, text="Thank you")
    assert session_polling.poll(session_polling.take_due(timezone.now())) == 1


def test_a_session_is_followed_though_a_message_of_an_earlier_one_came_in_late(polled: Conversation) -> None:
    Conversation.objects.update(external_id="0")  # which that message named
    sessions.end(polled, actor=priya())
    assert not ProviderSession.objects.get().is_open
