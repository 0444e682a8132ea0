"""What people do with one message where it stands, with and without a script."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import Conversation, Message
from conversations.models.message import MessageStatus
from conversations.services import lifecycle
from conversations.services.compose import queue_message
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import HX, read
from tests.conversations.views.told import BOTH_WAYS, sentences, shown, toast, told


def test_a_waiting_message_is_cancelled_by_its_author(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    message = factories.make_message(amira, status=MessageStatus.QUEUED, author=centre.priya)
    assert read(agent.get(f"/c/{amira.pk}/")).all("form", action=f"/m/{message.pk}/cancel/")
    agent.post(f"/m/{message.pk}/cancel/")
    message.refresh_from_db()
    assert message.status == MessageStatus.CANCELLED


def test_a_colleagues_message_is_cancelled_by_a_supervisor_alone(
    centre: Centre, agent: Client, supervisor: Client
) -> None:
    amira = centre.conversation()
    message = factories.make_message(amira, status=MessageStatus.QUEUED, author=factories.make_user())
    assert not read(agent.get(f"/c/{amira.pk}/")).all("form", action=f"/m/{message.pk}/cancel/")
    assert sentences(agent.post(f"/m/{message.pk}/cancel/")) == [
        "Only its author or a supervisor can cancel this message."
    ]
    message.refresh_from_db()
    assert message.status == MessageStatus.QUEUED
    assert read(supervisor.get(f"/c/{amira.pk}/")).all("form", action=f"/m/{message.pk}/cancel/")
    supervisor.post(f"/m/{message.pk}/cancel/")
    message.refresh_from_db()
    assert message.status == MessageStatus.CANCELLED


def test_a_message_that_left_is_not_cancelled(centre: Centre, agent: Client) -> None:
    message = factories.make_message(centre.conversation(), author=centre.priya, status=MessageStatus.ACCEPTED)
    response = agent.post(f"/m/{message.pk}/cancel/", headers=HX)
    assert response.status_code == 409
    assert "too late" in toast(response)["text"]
    assert read(response).one("article").attributes["id"] == f"message-{message.pk}"


def test_a_failed_message_is_sent_again_once(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    failed = factories.make_message(amira, status=MessageStatus.FAILED, body="Try me", failure_text="No route")
    page = read(agent.get(f"/c/{amira.pk}/"))
    assert "No route" in page.one(class_="message-notice").text
    assert page.one("form", action=f"/m/{failed.pk}/send-again/")
    agent.post(f"/m/{failed.pk}/send-again/")
    agent.post(f"/m/{failed.pk}/send-again/")
    again = Message.objects.exclude(pk=failed.pk).get()
    assert (again.body, again.status, again.author) == ("Try me", MessageStatus.QUEUED, centre.priya)
    page = read(agent.get(f"/c/{amira.pk}/"))
    assert "It was sent again as a new message." in page.one(class_="message-notice").text
    assert not page.all("form", action=f"/m/{failed.pk}/send-again/")


def test_a_doubtful_message_is_not_sent_again_from_here(centre: Centre, supervisor: Client) -> None:
    amira = centre.conversation()
    doubtful = factories.make_message(amira, status=MessageStatus.UNCONFIRMED)
    page = read(supervisor.get(f"/c/{amira.pk}/"))
    assert not page.all("form", action=f"/m/{doubtful.pk}/send-again/")
    assert "may have arrived" in sentences(supervisor.post(f"/m/{doubtful.pk}/send-again/"))[0]
    assert Message.objects.count() == 1


# --- Unconfirmed ----------------------------------------------------------------------------------------------


@pytest.fixture
def doubtful(centre: Centre) -> Message:
    """Priya's message that nobody knows to have arrived."""
    return factories.make_message(
        centre.conversation(), status=MessageStatus.UNCONFIRMED, author=centre.priya, failure_code="no_answer"
    )


def test_whoever_may_not_decide_is_told_who_can(doubtful: Message, agent: Client) -> None:
    message = shown(agent, doubtful)
    assert "May have been sent. Check before you resend." in message.text
    assert "did not answer within 30 s." in message.text
    assert "Tom Reyes can decide whether it is sent again." in message.text
    assert not message.all("form")
    for action in ("arrived", "send-again-anyway"):
        response = agent.post(f"/m/{doubtful.pk}/{action}/", {"reason": "I know"}, headers=HX)
        assert response.status_code == 422
        assert "Ask a supervisor" in toast(response)["text"]
    doubtful.refresh_from_db()
    assert doubtful.status == MessageStatus.UNCONFIRMED


def test_it_says_who_is_asked_next(doubtful: Message, agent: Client) -> None:
    label = doubtful.stream.account.provider_label
    assert f"{label} cannot be asked about it. A person has to decide." in shown(agent, doubtful).text
    soon = timezone.localtime() + timedelta(minutes=5)
    Message.objects.update(next_lookup_at=soon)
    assert f"We are asking {label} at {soon:%H:%M}." in shown(agent, doubtful).text.replace(f"{soon:%a} ", "")
    Message.objects.update(lookup_count=1)
    assert f"We are asking {label} again at" in shown(agent, doubtful).text
    Message.objects.update(lookup_count=4, next_lookup_at=None)
    assert f"We asked {label} 4 times and it does not know this message." in shown(agent, doubtful).text


@BOTH_WAYS
def test_a_supervisor_says_that_it_arrived(doubtful: Message, supervisor: Client, headers: dict[str, str]) -> None:
    assert shown(supervisor, doubtful).one("form", action=f"/m/{doubtful.pk}/arrived/")
    response = supervisor.post(f"/m/{doubtful.pk}/arrived/", {"reason": "She said so by phone"}, headers=headers)
    assert told(response) == "Noted: it arrived"
    if headers:
        assert "autofocus" in read(response).one("article").attributes
    else:
        assert response["Location"] == f"/c/{doubtful.conversation_id}/#message-{doubtful.pk}"
    doubtful.refresh_from_db()
    assert doubtful.status == MessageStatus.DELIVERED
    message = shown(supervisor, doubtful)
    assert "Arrived, says Tom Reyes" in message.text
    assert "It arrived: She said so by phone · Tom Reyes" in message.text
    assert not message.all(class_="message-notice")


@BOTH_WAYS
def test_a_supervisor_sends_it_again_and_accepts_a_double(
    doubtful: Message, supervisor: Client, headers: dict[str, str]
) -> None:
    address = f"/m/{doubtful.pk}/send-again-anyway/"
    response = supervisor.post(address, {"reason": "Nothing came"}, headers=headers)
    assert told(response) == "Queued again. The customer may get it twice."
    doubtful.refresh_from_db()
    assert (doubtful.status, doubtful.release_count) == (MessageStatus.QUEUED, 1)
    assert "Sent again, possibly twice: Nothing came · Tom Reyes" in shown(supervisor, doubtful).text


@BOTH_WAYS
@pytest.mark.parametrize("action", ["arrived", "send-again-anyway"])
@pytest.mark.parametrize("reason", ["", "  ", "x" * 300])
def test_a_decision_without_a_reason_comes_back_open(
    doubtful: Message, supervisor: Client, action: str, reason: str, headers: dict[str, str]
) -> None:
    response = supervisor.post(f"/m/{doubtful.pk}/{action}/", {"reason": reason}, headers=headers)
    assert response.status_code == 422
    message = read(response).one("article", id=f"message-{doubtful.pk}")
    (opened,) = [one for one in message.all("details", class_="message-form") if "open" in one.attributes]
    assert opened.one(class_="field-error")
    field = opened.one("textarea")
    assert {"autofocus", "aria-invalid"} <= set(field.attributes)
    doubtful.refresh_from_db()
    assert doubtful.status == MessageStatus.UNCONFIRMED


def test_the_form_of_an_old_message_is_shown_on_its_own_page(
    doubtful: Message, supervisor: Client, centre: Centre
) -> None:
    for number in range(50):
        factories.make_message(doubtful.conversation, direction="in", body=f"N{number}")
    page = read(supervisor.post(f"/m/{doubtful.pk}/arrived/"))
    assert page.one("article", id=f"message-{doubtful.pk}").one(class_="field-error")


@BOTH_WAYS
@pytest.mark.parametrize("reason", ["Too late", ""])
def test_a_message_that_was_settled_meanwhile_says_so(
    doubtful: Message, supervisor: Client, reason: str, headers: dict[str, str]
) -> None:
    lifecycle.move([doubtful], MessageStatus.READ, come_from=(MessageStatus.UNCONFIRMED,), reason="Receipt")
    response = supervisor.post(f"/m/{doubtful.pk}/arrived/", {"reason": reason}, headers=headers)
    assert ("settled already" if reason else "can no longer be done") in told(response)
    if headers:
        assert response.status_code == 409
        assert "Read" in read(response).one("article").text
    doubtful.refresh_from_db()
    assert doubtful.status == MessageStatus.READ


def test_a_doubt_further_up_is_shown_above_the_composer(doubtful: Message, agent: Client, centre: Centre) -> None:
    address = f"/c/{doubtful.conversation_id}/"
    assert not read(agent.get(address)).all(id="doubt-line")
    factories.make_message(doubtful.conversation, direction="in", body="Hello?")
    line = read(agent.get(address)).one(id="doubt-line")
    assert line.text == "1 message above is not confirmed and may not have arrived"
    assert line.attributes["href"] == f"#message-{doubtful.pk}"
    for number in range(50):
        factories.make_message(doubtful.conversation, direction="in", body=f"N{number}")
    line = read(agent.get(address)).one(id="doubt-line")
    assert line.attributes["href"] == f"{address}?before={doubtful.pk + 1}#message-{doubtful.pk}"
    older = read(agent.get(line.attributes["href"]))
    assert older.one("article", id=f"message-{doubtful.pk}")
    assert not older.all(id="doubt-line")


def test_what_can_still_be_undone_counts_down(centre: Centre, agent: Client, supervisor: Client) -> None:
    amira = centre.conversation()
    ten_seconds = timedelta(seconds=10)
    first, last = (
        queue_message(conversation=amira, body=body, author=centre.priya, hold=ten_seconds) for body in ("One", "Two")
    )
    clock = shown(supervisor, last).one("window-clock")
    assert clock.attributes["words"] == "Sends in {}"
    assert clock.text.endswith(" s")
    assert shown(supervisor, last).all("form", action=f"/m/{last.pk}/cancel/")
    # The last one is counted down, and taken back, in its author's composer.
    own = shown(agent, last)
    assert not own.all("window-clock")
    assert not own.all("form")
    assert "Queued" in own.text
    # One before it is taken back where it stands, with what its author has begun meanwhile.
    (undo,) = shown(agent, first).all("form", action=f"/m/{first.pk}/undo/")
    assert (undo.text, undo.attributes["hx-include"]) == ("Undo", "#composer")
    assert not shown(agent, first).all("form", action=f"/m/{first.pk}/cancel/")
    Message.objects.update(next_attempt_at=timezone.now() - ten_seconds)
    assert "Sends in a moment" in shown(agent, last).text


# --- Send again with mended words -----------------------------------------------------------------------------


def test_a_failed_text_is_mended_and_sent_again(centre: Centre, agent: Client) -> None:
    failed = factories.make_message(centre.conversation(), status=MessageStatus.FAILED, body="Wrog")
    assert shown(agent, failed).one("textarea", name="body").text == "Wrog"
    response = agent.post(f"/m/{failed.pk}/send-again/", {"body": "Right"}, headers=HX)
    assert "It was sent again as a new message." in read(response).text
    assert Message.objects.exclude(pk=failed.pk).get().body == "Right"
    failed.refresh_from_db()
    assert failed.body == "Wrog"


def test_mended_words_that_cannot_be_sent_come_back(centre: Centre, agent: Client) -> None:
    failed = factories.make_message(centre.conversation(), status=MessageStatus.FAILED, body="Wrog")
    response = agent.post(f"/m/{failed.pk}/send-again/", {"body": "  "}, headers=HX)
    assert response.status_code == 422
    assert "Write a message first." in read(response).one(class_="field-error").text
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    "action", ["text", "attempts", "edit", "send-now", "arrived", "send-again-anyway", "cancel", "send-again"]
)
def test_a_foreign_message_is_not_there(centre: Centre, stranger: Client, action: str) -> None:
    message = factories.make_message(centre.conversation(), status=MessageStatus.UNCONFIRMED)
    ask = stranger.get if action in ("text", "attempts") else stranger.post
    assert ask(f"/m/{message.pk}/{action}/", {"reason": "x"}).status_code == 404


@pytest.mark.parametrize("action", ["edit", "send-now", "arrived", "send-again-anyway", "cancel", "send-again"])
def test_a_message_of_the_customer_is_not_ours_to_send(centre: Centre, supervisor: Client, action: str) -> None:
    message = factories.make_message(centre.conversation(), direction="in")
    assert supervisor.get(f"/m/{message.pk}/{action}/").status_code == 405
    assert supervisor.post(f"/m/{message.pk}/{action}/", {"reason": "x"}).status_code == 404


def test_the_queries_of_a_page_do_not_grow_with_its_messages(
    centre: Centre, agent: Client, django_assert_max_num_queries: Any
) -> None:
    def page_with(count: int) -> Conversation:
        conversation = centre.conversation(contact=factories.make_contact())
        at = timezone.now() + timedelta(days=1)
        for _ in range(count):
            factories.make_message(conversation, status=MessageStatus.UNCONFIRMED, author=centre.priya)
            factories.make_message(conversation, status=MessageStatus.SCHEDULED, scheduled_for=at, author=centre.priya)
            factories.make_message(conversation, status=MessageStatus.HELD, held_for="window", author=centre.priya)
            factories.make_message(conversation, status=MessageStatus.FAILED, author=centre.priya)
        return conversation

    few, many = page_with(1), page_with(10)
    with django_assert_max_num_queries(60) as asked:
        agent.get(f"/c/{few.pk}/")
    with django_assert_max_num_queries(len(asked)):
        agent.get(f"/c/{many.pk}/")
