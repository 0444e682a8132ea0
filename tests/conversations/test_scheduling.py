"""What waits can be changed and sent at once, until the moment it leaves."""

from __future__ import annotations

import threading
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from conversations.models import AttemptResult, Message, OptIn, SendAttempt, SendingPolicy, Team, User
from conversations.models.message import MessageStatus as Status
from conversations.services import consent, lifecycle
from conversations.services.compose import cancel_message, queue_message
from conversations.services.scheduling import edit_waiting, fingerprint, send_now
from tests import factories

pytestmark = pytest.mark.django_db


def tomorrow() -> datetime:
    return timezone.now().replace(microsecond=0) + timedelta(days=1)


@pytest.fixture
def priya() -> User:
    return factories.make_user(name="Priya Nair")


@pytest.fixture
def message(priya: User) -> Message:
    """Priya's text for tomorrow."""
    return waiting_text(priya)


def waiting_text(author: User, provider: str = "cirrus", **fields: Any) -> Message:
    stream = factories.make_stream(factories.make_account(provider))
    factories.make_team(members=[author], streams=[stream])
    fields.setdefault("scheduled_for", tomorrow())
    return queue_message(
        conversation=factories.make_conversation(stream), body="Your visit is on Friday.", author=author, **fields
    )


def edit(message: Message, actor: User, **changes: Any) -> None:
    given = {
        "body": message.body,
        "scheduled_for": message.scheduled_for,
        "valid_until": message.valid_until,
        **changes,
    }
    edit_waiting(message=message, actor=actor, **given)


def refused(code: str, act: Any, **call: Any) -> str:
    """Expect the refusal, see that nothing was changed, and return the sentence."""
    message = call["message"]
    before = Message.objects.filter(pk=message.pk).values().get(), message.events.count()
    with pytest.raises(ValidationError) as found:
        act(**call)
    assert found.value.code == code
    assert (Message.objects.filter(pk=message.pk).values().get(), message.events.count()) == before
    return str(found.value.messages[0])


def test_words_and_times_change_and_it_is_written_down(message: Message, priya: User) -> None:
    later = tomorrow() + timedelta(hours=2)
    edit(message, priya, body="x" * 170, scheduled_for=later, valid_until=later + timedelta(hours=1))
    message.refresh_from_db()
    assert (message.body, message.segments, message.status) == ("x" * 170, 2, Status.SCHEDULED)
    assert (message.scheduled_for, message.valid_until) == (later, later + timedelta(hours=1))
    event = message.events.last()
    assert (event.from_status, event.to_status, event.actor) == ("scheduled", "scheduled", priya)
    assert event.reason == "Changed: words, time, end of validity"
    message.conversation.refresh_from_db()
    assert message.conversation.last_message_preview == "x" * 160


def test_the_preview_of_a_later_message_stays(message: Message, priya: User) -> None:
    queue_message(conversation=message.conversation, body="See you", author=priya)
    edit(message, priya, body="Other words")
    message.conversation.refresh_from_db()
    assert message.conversation.last_message_preview == "See you"


def test_what_is_not_changed_leaves_no_trace(message: Message, priya: User) -> None:
    edit(message, priya)
    assert message.events.count() == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": " "}, "empty_body"),
        ({"body": "x" * 1601}, "body_too_long"),
        ({"body": "a\x00"}, "unsendable_character"),
        ({"scheduled_for": None}, "time_missing"),
        ({"scheduled_for": timezone.now() - timedelta(minutes=1)}, "scheduled_in_the_past"),
        ({"scheduled_for": timezone.now() + timedelta(days=400)}, "scheduled_too_far"),
        ({"valid_until": timezone.now() + timedelta(hours=1)}, "valid_until_too_early"),
    ],
)
def test_the_checks_of_a_new_message_hold(message: Message, priya: User, changes: dict[str, Any], code: str) -> None:
    given = {"body": message.body, "scheduled_for": message.scheduled_for, "valid_until": None, **changes}
    refused(code, edit_waiting, message=message, actor=priya, **given)


def test_the_providers_limits_hold(priya: User) -> None:
    message = waiting_text(priya, "webex_interact")
    changes = {"body": message.body, "scheduled_for": message.scheduled_for}
    too_late = tomorrow() + timedelta(days=4)
    assert "Webex Interact allows 3 days" in refused(
        "valid_until_too_late", edit_waiting, message=message, actor=priya, valid_until=too_late, **changes
    )


def test_the_gate_is_asked_again(message: Message, priya: User) -> None:
    consent.record(
        OptIn(contact=message.conversation.contact, channel="sms", event="opt_out", source="agent", wording="No")
    )
    given = {"body": "Other words", "scheduled_for": message.scheduled_for, "valid_until": None}
    refused("opted_out", edit_waiting, message=message, actor=priya, **given)
    refused("opted_out", send_now, message=message, actor=priya)


def test_an_agent_changes_their_own_and_a_supervisor_any(message: Message, priya: User) -> None:
    bob, tom, stranger = factories.make_user(), factories.make_user("supervisor"), factories.make_user("supervisor")
    team = Team.objects.get(members=priya)
    team.members.add(bob, tom)
    given = {"body": "Other words", "scheduled_for": message.scheduled_for, "valid_until": None}
    for actor in (bob, stranger):
        refused("not_allowed", edit_waiting, message=message, actor=actor, **given)
        refused("not_allowed", send_now, message=message, actor=actor)
    edit(message, tom, body="Other words")
    assert message.author == priya
    assert message.events.last().actor == tom


def test_who_may_no_longer_write_there_changes_nothing(message: Message, priya: User) -> None:
    Team.objects.get(members=priya).team_streams.update(can_send=False)
    given = {"body": "Other words", "scheduled_for": message.scheduled_for, "valid_until": None}
    refused("not_allowed", edit_waiting, message=message, actor=priya, **given)
    refused("not_allowed", send_now, message=message, actor=priya)


def test_two_who_edit_do_not_overwrite_each_other(message: Message, priya: User) -> None:
    seen = fingerprint(message)
    edit(message, priya, body="First", seen=seen)
    given = {"body": "Second", "scheduled_for": message.scheduled_for, "valid_until": None, "seen": seen}
    refused("changed_meanwhile", edit_waiting, message=message, actor=priya, **given)


def test_the_words_of_a_template_stay_and_its_time_moves(priya: User) -> None:
    stream = factories.make_stream(channel="whatsapp")
    factories.make_team(members=[priya], streams=[stream])
    conversation = factories.make_conversation(stream)
    factories.opt_in(conversation.contact)
    message = factories.make_message(
        conversation,
        kind="template",
        template=factories.make_template(stream),
        status=Status.SCHEDULED,
        scheduled_for=tomorrow(),
        author=priya,
    )
    later = tomorrow() + timedelta(days=1)
    given = {"body": "Other", "scheduled_for": later, "valid_until": None}
    refused("wrong_kind", edit_waiting, message=message, actor=priya, **given)
    edit(message, priya, scheduled_for=later)
    assert message.scheduled_for == later


@pytest.fixture
def held(priya: User) -> Message:
    """Priya's WhatsApp text, which waits for the customer to write."""
    stream = factories.make_stream(channel="whatsapp")
    factories.make_team(members=[priya], streams=[stream])
    return factories.make_message(
        factories.make_conversation(stream, external_id="obj-1"),
        status=Status.HELD,
        held_for="window",
        failure_code="window_closed",
        author=priya,
    )


def test_what_is_held_for_the_window_gets_other_words_but_does_not_leave(held: Message, priya: User) -> None:
    edit(held, priya, body="Other words")
    assert (held.body, held.status) == ("Other words", Status.HELD)
    given = {"body": held.body, "scheduled_for": tomorrow(), "valid_until": None}
    refused("no_time", edit_waiting, message=held, actor=priya, **given)
    refused("window_closed", send_now, message=held, actor=priya)
    held.conversation.window_closes_at = timezone.now() + timedelta(hours=1)
    held.conversation.save()
    send_now(message=held, actor=priya)
    assert (held.status, held.held_for, held.failure_code) == (Status.QUEUED, "", "")


def test_what_was_tried_before_keeps_its_words(held: Message, priya: User) -> None:
    attempt = SendAttempt.objects.create(stream=held.stream, claim=uuid.uuid4(), started_at=timezone.now())
    AttemptResult.objects.create(attempt=attempt, message=held, outcome="retry")
    given = {"body": "Other words", "scheduled_for": None, "valid_until": None}
    refused("already_tried", edit_waiting, message=held, actor=priya, **given)


def test_a_scheduled_message_is_sent_at_once(message: Message, priya: User) -> None:
    send_now(message=message, actor=priya)
    assert (message.status, message.scheduled_for) == (Status.QUEUED, None)
    assert message.queued_at is not None
    assert list(Message.objects.due(timezone.now())) == [message]
    event = message.events.last()
    assert (event.from_status, event.to_status, event.actor) == ("scheduled", "queued", priya)


def test_a_message_is_not_counted_against_itself(message: Message, priya: User) -> None:
    SendingPolicy.objects.create(stream=message.stream, most_per_person=1, most_per_agent=1)
    edit(message, priya, body="Your visit is on Monday.")
    other = factories.make_message(message.conversation, author=priya)
    refused("too_many_to_person", send_now, message=message, actor=priya)
    other.delete()
    send_now(message=message, actor=priya)
    assert (message.status, message.body) == (Status.QUEUED, "Your visit is on Monday.")


def test_a_validity_that_reaches_too_far_from_now_is_refused(priya: User) -> None:
    far = timezone.now() + timedelta(days=5)
    message = waiting_text(priya, "webex_interact", scheduled_for=far, valid_until=far + timedelta(days=1))
    refused("valid_until_too_late", send_now, message=message, actor=priya)


def test_what_is_held_for_undo_is_sent_at_once(priya: User) -> None:
    message = waiting_text(priya, scheduled_for=None, hold=timedelta(seconds=10))
    send_now(message=message, actor=priya)
    assert (message.status, message.held_for, message.next_attempt_at) == (Status.QUEUED, "", None)


@pytest.mark.parametrize("status", [Status.QUEUED, Status.ACCEPTED, Status.UNCONFIRMED, Status.FAILED])
def test_what_has_left_is_not_changed(message: Message, priya: User, status: str) -> None:
    message = factories.make_message(message.conversation, status=status, author=priya)
    given = {"body": "Other words", "scheduled_for": None, "valid_until": None}
    sentence = refused("too_late", edit_waiting, message=message, actor=priya, **given)
    assert sentence == "It has just left. Nothing was changed."
    refused("too_late", send_now, message=message, actor=priya)


def test_what_was_cancelled_is_not_changed(message: Message, priya: User) -> None:
    cancel_message(message, actor=priya)
    sentence = refused("too_late", send_now, message=message, actor=priya)
    assert sentence == "It was cancelled. Nothing was changed."


@pytest.mark.django_db(transaction=True)
def test_a_message_that_is_released_at_that_moment_keeps_its_words(message: Message, priya: User) -> None:
    """The edit waits for the row's lock while the message is released, and then finds it gone."""
    came: list[str] = []

    def edit_meanwhile() -> None:
        try:
            edit(message, priya, body="Too late")
        except ValidationError as error:
            came.append(str(error.code))
        finally:
            connection.close()

    thread = threading.Thread(target=edit_meanwhile)
    with transaction.atomic():
        assert lifecycle.move([message], Status.QUEUED, come_from=(Status.SCHEDULED,), queued_at=timezone.now())
        thread.start()
        for _ in range(200):
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                if cursor.fetchone()[0]:
                    break
            threading.Event().wait(0.02)
        else:
            raise AssertionError("nobody came to the lock")
    thread.join(timeout=10)
    message.refresh_from_db()
    assert (came, message.body) == (["too_late"], "Your visit is on Friday.")
