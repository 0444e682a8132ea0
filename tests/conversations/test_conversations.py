"""Changes to a conversation, and who may see it."""

from __future__ import annotations

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from conversations.models import Activity, Contact, Conversation, Message, Stream
from conversations.services import conversations, handling
from conversations.services.compose import queue_message
from tests import factories

pytestmark = pytest.mark.django_db


def kinds(conversation: Conversation) -> list[str]:
    return list(conversation.activities.values_list("kind", flat=True))


def test_opening_twice_opens_one() -> None:
    stream, contact = factories.make_stream(), factories.make_contact()
    first = conversations.open_conversation(stream=stream, contact=contact)
    assert conversations.open_conversation(stream=stream, contact=contact) == first
    assert kinds(first) == ["opened"]


def test_opening_at_once_opens_one(transactional_db: None) -> None:
    stream, contact = factories.make_stream(), factories.make_contact()

    def open_it() -> None:
        try:
            conversations.open_conversation(stream=stream, contact=contact)
        finally:
            connection.close()

    threads = [threading.Thread(target=open_it) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Conversation.objects.count() == 1
    assert Activity.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [("12345", "too_short"), ("+4474512XXXXX", "letters"), ("", "empty"), ("+447741632543 ext 5", "extension")],
)
def test_a_number_that_cannot_be_one_is_refused_and_makes_no_contact(text: str, code: str) -> None:
    with pytest.raises(ValidationError) as found:
        conversations.contact_for_number(text, stream=factories.make_stream())
    assert found.value.code == code
    assert not Contact.objects.exists()


def test_the_same_person_in_three_spellings_is_one_contact() -> None:
    stream = factories.make_stream()
    found = {
        conversations.contact_for_number(text, stream=stream).pk
        for text in ("07741632543", "+44 7741 632543", "0044 (0)7741 632543")
    }
    assert len(found) == 1


def test_claiming_at_once_gives_it_to_one(transactional_db: None) -> None:
    conversation = factories.make_conversation()
    agents = [factories.make_user() for _ in range(5)]
    losers: list[str] = []

    def claim(agent: object) -> None:
        try:
            handling.claim(Conversation.objects.get(pk=conversation.pk), actor=agent)  # type: ignore[arg-type]
        except ValidationError as error:
            losers.append(error.message)
        finally:
            connection.close()

    threads = [threading.Thread(target=claim, args=(agent,)) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    conversation.refresh_from_db()
    assert conversation.assignee in agents
    assert losers == [f"Taken by {conversation.assignee} just now."] * 4
    assert kinds(conversation) == ["assignment"]


def test_a_conversation_goes_to_nobody_who_cannot_see_it() -> None:
    conversation = factories.make_conversation()
    priya, sam = factories.make_user(), factories.make_user(name="Sam Osei")
    factories.make_team(members=[priya], streams=[conversation.stream])
    with pytest.raises(ValidationError) as found:
        conversations.assign(conversation, to=sam, actor=priya)
    assert "Sam Osei cannot see" in found.value.message
    assert kinds(conversation) == []


def test_resolving_and_reopening_leave_activities() -> None:
    conversation = factories.make_conversation(unread_count=2)
    priya = factories.make_user("administrator")
    conversations.resolve(conversation, actor=priya)
    assert (conversation.status, conversation.unread_count) == ("resolved", 0)
    conversations.reopen(conversation, actor=priya)
    assert conversation.status == "open"
    assert kinds(conversation) == ["status_change", "status_change"]


def test_reopening_beside_a_newer_one_is_refused() -> None:
    old = factories.make_conversation(status="resolved")
    factories.make_conversation(old.stream, old.contact)
    with pytest.raises(ValidationError) as found:
        conversations.reopen(old, actor=factories.make_user("administrator"))
    assert found.value.code == "another_is_open"
    assert Conversation.objects.get(pk=old.pk).status == "resolved"


def test_writing_into_a_resolved_conversation_works_on() -> None:
    conversation = factories.make_conversation(status="resolved")
    queue_message(conversation=conversation, body="One more thing")
    conversation.refresh_from_db()
    assert conversation.status == "waiting"


def test_who_answers_first_has_the_conversation() -> None:
    conversation = factories.make_conversation()
    priya, bob = factories.make_user(), factories.make_user()
    factories.make_team(members=[priya, bob], streams=[conversation.stream])
    queue_message(conversation=conversation, body="I am on it", author=priya)
    queue_message(conversation=conversation, body="So am I", author=bob)
    conversation.refresh_from_db()
    assert conversation.assignee == priya
    assert kinds(conversation) == ["assignment"]


def test_an_indicator_is_set_once_per_key_and_stays_in_the_history() -> None:
    conversation, priya = factories.make_conversation(), factories.make_user()
    first = conversations.set_indicator(conversation, key="home", title="At home", actor=priya)
    again = conversations.set_indicator(conversation, key="home", title="Working from home", actor=priya)
    assert first.pk == again.pk
    conversations.remove_indicator(again, actor=priya)
    assert conversation.indicators.get().removed_at is not None
    conversations.set_indicator(conversation, key="away", title="Away", actor=priya)
    conversations.set_indicator(conversation, key="away", title="Away", actor=priya)
    assert kinds(conversation) == ["indicator_set", "indicator_set", "indicator_removed", "indicator_set"]


class TestVisibility:
    """Default-deny, in SQL: an agent sees the streams of the agent's teams and nothing else."""

    def test_an_agent_sees_only_the_streams_of_the_teams(self) -> None:
        ours, theirs = factories.make_message(), factories.make_message()
        priya, stranger = factories.make_user(), factories.make_user()
        factories.make_team(members=[priya], streams=[ours.stream])
        assert set(Message.objects.visible_to(priya)) == {ours}
        assert set(Conversation.objects.visible_to(priya)) == {ours.conversation}
        assert set(Contact.objects.visible_to(priya)) == {ours.conversation.contact}
        assert set(Stream.objects.visible_to(priya)) == {ours.stream}
        assert not Conversation.objects.visible_to(stranger).exists()
        assert theirs.conversation not in Conversation.objects.visible_to(priya)

    def test_an_administrator_sees_all(self) -> None:
        message = factories.make_message()
        assert set(Message.objects.visible_to(factories.make_user("administrator"))) == {message}

    def test_who_left_sees_nothing(self) -> None:
        message = factories.make_message()
        for role in ("agent", "administrator"):
            left = factories.make_user(role, is_active=False)
            factories.make_team(members=[left], streams=[message.stream])
            assert not Message.objects.visible_to(left).exists()
            assert not Conversation.objects.visible_to(left).exists()
            assert not Stream.objects.sendable_by(left).exists()

    def test_reading_is_not_writing(self) -> None:
        stream = factories.make_stream()
        priya = factories.make_user()
        team = factories.make_team(members=[priya], streams=[stream])
        team.team_streams.update(can_send=False)
        assert Stream.objects.visible_to(priya).exists()
        assert not Stream.objects.sendable_by(priya).exists()
