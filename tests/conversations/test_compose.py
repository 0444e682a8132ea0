"""Writing a message: what is stored, what is refused, and that a refusal stores nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.models import Message, OptIn
from conversations.models.message import MessageStatus
from conversations.services.compose import cancel_message, queue_message, queue_template, send_again
from tests import factories

pytestmark = pytest.mark.django_db


def refused(code: str, **call: object) -> ValidationError:
    """Call queue_message, expect the refusal, and see that nothing was stored."""
    with pytest.raises(ValidationError) as found:
        queue_message(**call)  # type: ignore[arg-type]
    assert found.value.code == code
    assert not Message.objects.exists()
    return found.value


def test_a_text_is_queued_with_its_segments_event_and_verdict() -> None:
    conversation = factories.make_conversation()
    priya = factories.make_user()
    factories.make_team(members=[priya], streams=[conversation.stream])

    message = queue_message(conversation=conversation, body="Your visit is on Friday.", author=priya)

    assert message.status == MessageStatus.QUEUED
    assert message.queued_at is not None
    assert message.segments == 1
    assert message.verdict["ok"] is True
    assert [event.to_status for event in message.events.all()] == ["queued"]
    conversation.refresh_from_db()
    assert (conversation.status, conversation.last_message_preview) == ("waiting", "Your visit is on Friday.")


def test_a_second_submit_with_the_same_key_is_the_first_message() -> None:
    conversation = factories.make_conversation()
    first = queue_message(conversation=conversation, body="Hello", client_key="form-1")
    again = queue_message(conversation=conversation, body="Hello", client_key="form-1")
    assert again.pk == first.pk
    assert Message.objects.count() == 1


def test_a_key_used_for_another_text_is_refused() -> None:
    conversation = factories.make_conversation()
    queue_message(conversation=conversation, body="Hello", client_key="form-1")
    with pytest.raises(ValidationError) as found:
        queue_message(conversation=conversation, body="Something else", client_key="form-1")
    assert found.value.code == "key_reused"
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "empty_body"),
        ("  \n", "empty_body"),
        ("\u200b\u200b", "empty_body"),
        ("Hello\x00", "unsendable_character"),
        ("half a pair \ud800", "unsendable_character"),
        ("x" * 1601, "body_too_long"),
    ],
)
def test_a_body_that_cannot_be_sent_is_refused(body: str, code: str) -> None:
    refused(code, conversation=factories.make_conversation(), body=body)


def test_the_sentence_of_a_long_body_says_by_how_much() -> None:
    error = refused("body_too_long", conversation=factories.make_conversation(), body="x" * 1700)
    assert "Shorten it by 100." in error.message


@pytest.mark.parametrize(("days", "code"), [(-1, "scheduled_in_the_past"), (8, "scheduled_too_far")])
def test_a_schedule_outside_the_providers_limit_is_refused(days: int, code: str) -> None:
    stream = factories.make_stream(factories.make_account("webex_interact"))
    at = timezone.now() + timedelta(days=days)
    refused(code, conversation=factories.make_conversation(stream), body="Hello", scheduled_for=at)


def test_a_validity_beyond_the_providers_limit_is_refused() -> None:
    stream = factories.make_stream(factories.make_account("webex_interact"))
    end = timezone.now() + timedelta(days=4)
    error = refused(
        "valid_until_too_late", conversation=factories.make_conversation(stream), body="Hi", valid_until=end
    )
    assert "Webex Interact allows 3 days" in error.message


def test_an_opening_text_needs_one_at_the_provider() -> None:
    refused("no_opening_text", conversation=factories.make_conversation(), body="", kind="opening")


def test_an_opted_out_number_is_refused() -> None:
    conversation = factories.make_conversation()
    from conversations.services import consent

    consent.record(
        OptIn(contact=conversation.contact, channel="sms", event="opt_out", source="keyword", wording="STOP")
    )
    error = refused("opted_out", conversation=conversation, body="Hello")
    assert "opted out of SMS" in error.message


def test_a_fictional_number_is_refused_on_a_real_account() -> None:
    stream = factories.make_stream(factories.make_account(base_url=""))
    refused("fictional_number", conversation=factories.make_conversation(stream), body="Hello")


def test_an_agent_of_another_team_is_refused() -> None:
    sam = factories.make_user()
    refused("not_allowed", conversation=factories.make_conversation(), body="Hello", author=sam)


def test_whatsapp_free_text_needs_an_open_window() -> None:
    stream = factories.make_stream(channel="whatsapp")
    refused("window_closed", conversation=factories.make_conversation(stream), body="Hello")


def test_a_template_needs_an_opt_in_and_every_value() -> None:
    stream = factories.make_stream(channel="whatsapp")
    template = factories.make_template(stream)
    conversation = factories.make_conversation(stream)
    with pytest.raises(ValidationError) as found:
        queue_template(conversation=conversation, template=template, values={"body": ["Amira", "Friday"]})
    assert found.value.code == "no_opt_in"
    factories.opt_in(conversation.contact)
    with pytest.raises(ValidationError):
        queue_template(conversation=conversation, template=template, values={"body": ["Amira", ""]})
    assert not Message.objects.exists()

    message = queue_template(conversation=conversation, template=template, values={"body": ["Amira", "Friday"]})

    assert message.body == "Hello Amira, your engineer is booked for Friday. Reply here to change it."
    assert message.rendered["footer"] == "Fernhill Broadband"


def test_a_paused_template_is_refused() -> None:
    stream = factories.make_stream(channel="whatsapp")
    template = factories.make_template(stream, status="paused")
    conversation = factories.make_conversation(stream)
    factories.opt_in(conversation.contact)
    with pytest.raises(ValidationError) as found:
        queue_template(conversation=conversation, template=template, values={"body": ["Amira", "Friday"]})
    assert found.value.code == "template_not_approved"


def test_a_queued_message_can_be_cancelled_once_and_leaves_an_activity() -> None:
    conversation = factories.make_conversation()
    priya = factories.make_user()
    factories.make_team(members=[priya], streams=[conversation.stream])
    message = queue_message(conversation=conversation, body="Hello", author=priya)

    cancel_message(message, actor=priya)

    message.refresh_from_db()
    assert message.status == MessageStatus.CANCELLED
    assert conversation.activities.filter(kind="message_cancelled").count() == 1
    with pytest.raises(ValidationError) as found:
        cancel_message(message, actor=priya)
    assert found.value.code == "too_late"


def test_a_colleague_without_the_right_cannot_cancel() -> None:
    conversation = factories.make_conversation()
    priya, bob = factories.make_user(), factories.make_user()
    factories.make_team(members=[priya, bob], streams=[conversation.stream])
    message = queue_message(conversation=conversation, body="Hello", author=priya)
    with pytest.raises(ValidationError):
        cancel_message(message, actor=bob)
    message.refresh_from_db()
    assert message.status == MessageStatus.QUEUED


@pytest.mark.parametrize("status", ["accepted", "delivered", "unconfirmed", "queued"])
def test_only_a_failed_message_can_be_sent_again(status: str) -> None:
    message = factories.make_message(status=status)
    with pytest.raises(ValidationError) as found:
        send_again(message, actor=None)
    assert found.value.code == "may_have_arrived"
    assert Message.objects.count() == 1


def test_sending_again_is_a_new_message() -> None:
    message = factories.make_message(status="failed", failure_code="refused")
    again = send_again(message, actor=None)
    assert again.pk != message.pk
    assert (again.body, again.status) == (message.body, "queued")
