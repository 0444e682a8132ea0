"""Sending for real: the engine, the providers and the sandbox over a socket, without a worker in between."""

from __future__ import annotations

import pytest
from django.utils import timezone

from conversations.models import Message, OptIn, ProviderAccount, Receipt
from conversations.models.message import MessageStatus
from conversations.services import consent, dispatch, outbound
from conversations.services.accounts import check_account, mark_credentials_refused
from conversations.services.compose import queue_message, queue_template, queue_template_batch
from conversations.services.outbound import deliver
from tests import factories
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db(transaction=True)

AMIRA = "+447700900142"


@pytest.fixture
def streams(product_sandbox: PlayedSandbox) -> factories.SandboxStreams:
    """The sandbox's standing accounts and streams, as rows of ours."""
    return factories.make_sandbox_streams(product_sandbox.url)


def send(stream, phone: str = AMIRA, body: str = "Your visit is on Friday.", **fields) -> Message:
    conversation = factories.make_conversation(stream, factories.make_contact(phone))
    message = queue_message(conversation=conversation, body=body, **fields)
    deliver([message.pk])
    message.refresh_from_db()
    return message


def requests_of(sandbox: PlayedSandbox, provider: str) -> list[dict]:
    entries = sandbox.ask("ledger", kind="request", provider=provider)["entries"]
    return [entry for entry in entries if entry["method"] == "POST"]


@pytest.mark.parametrize("provider", ["cirrus", "webex_interact", "ccai_platform"])
def test_a_text_goes_out_once_and_is_accepted(provider, streams, product_sandbox) -> None:
    phone = "+14155550100" if provider == "ccai_platform" else AMIRA
    message = send(streams[provider], phone)
    assert message.status == MessageStatus.ACCEPTED, message.failure_text
    assert message.sent_at is not None
    assert len(requests_of(product_sandbox, provider)) == 1
    result = message.results.get()
    assert (result.outcome, result.on_wire, result.attempt.http_status) == ("accepted", True, 200)
    assert [event.to_status for event in message.events.all()] == ["queued", "sending", "accepted"]


def test_delivering_twice_sends_once(streams, product_sandbox) -> None:
    message = send(streams["webex_interact"])
    deliver([message.pk])
    deliver([message.pk])
    assert len(requests_of(product_sandbox, "webex_interact")) == 1


def test_no_secret_is_kept_with_the_attempt(streams) -> None:
    attempt = send(streams["cirrus"]).results.get().attempt
    kept = attempt.request_url + attempt.request_body + attempt.response_body
    assert factories.CREDENTIALS["cirrus"]["api_key"] not in kept
    assert "Your visit is on Friday." in attempt.request_body


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("reset_after", "unconfirmed", "connection_broke"),
        ("closed_after", "unconfirmed", "connection_broke"),
        ("half_answer", "unconfirmed", "connection_broke"),
        ("garbage", "unconfirmed", None),
        ("html_answer", "unconfirmed", None),
        ("empty_answer", "unconfirmed", None),
        ("error_after", "unconfirmed", None),
        ("error_before", "unconfirmed", None),
        ("redirect", "unconfirmed", None),
        ("throttled", "queued", "throttled"),
        ("unauthorized", "queued", "credentials_refused"),
    ],
)
@pytest.mark.parametrize("provider", ["cirrus", "webex_interact", "ccai_platform"])
def test_a_fault_of_the_line_ends_as_the_table_says(provider, fault, status, code, streams, product_sandbox) -> None:
    phone = "+14155550100" if provider == "ccai_platform" else AMIRA
    product_sandbox.control("faults", phone=phone, fault=fault)
    message = send(streams[provider], phone)
    assert message.status == status, message.failure_text
    if code:
        assert message.failure_code == code
    deliver([message.pk])
    assert len(requests_of(product_sandbox, provider)) == 1, "nothing may be sent again by itself at once"


def test_after_a_throttle_the_message_leaves_when_its_time_has_come(streams, product_sandbox) -> None:
    product_sandbox.control("faults", phone=AMIRA, fault="throttled", times=1)
    message = send(streams["webex_interact"])
    assert (message.status, message.attempt_count) == ("queued", 0)
    Message.objects.update(next_attempt_at=timezone.now())
    deliver([message.pk])
    message.refresh_from_db()
    assert message.status == MessageStatus.ACCEPTED
    assert message.results.count() == 2


def test_refused_credentials_stop_the_account_and_repair_starts_it(streams, product_sandbox) -> None:
    stream = streams["webex_interact"]
    account = stream.account
    account.credentials = {"access_key": "aky_wrong00000000000000000000"}
    account.save()
    message = send(stream)
    account.refresh_from_db()
    assert (message.status, account.health) == ("queued", "needs_credentials")
    seen = len(requests_of(product_sandbox, "webex_interact"))
    Message.objects.update(next_attempt_at=None)
    deliver([message.pk])
    assert len(requests_of(product_sandbox, "webex_interact")) == seen, "no call while the key is known to be wrong"

    account.credentials = factories.CREDENTIALS["webex_interact"]
    account.save()
    assert check_account(account).ok
    deliver([message.pk])
    message.refresh_from_db()
    assert message.status == MessageStatus.ACCEPTED


def test_a_refusal_of_the_former_key_says_nothing_of_the_new_one(streams, product_sandbox) -> None:
    stream = streams["webex_interact"]
    account = stream.account
    account.credentials = {"access_key": "aky_wrong00000000000000000000"}
    account.save()
    conversation = factories.make_conversation(stream, factories.make_contact(AMIRA))
    message = queue_message(conversation=conversation, body="Your visit is on Friday.")
    batch = outbound._claim([message.pk])
    assert batch is not None
    account.credentials = factories.CREDENTIALS["webex_interact"]
    account.save()
    assert check_account(account).ok
    outbound._send(batch)
    account.refresh_from_db()
    message.refresh_from_db()
    assert (message.status, account.health) == ("queued", "working")
    Message.objects.update(next_attempt_at=None)
    deliver([message.pk])
    message.refresh_from_db()
    assert message.status == MessageStatus.ACCEPTED


def test_a_test_of_the_former_key_says_nothing_of_the_new_one(streams, product_sandbox) -> None:
    account = streams["webex_interact"].account
    account.credentials = {"access_key": "aky_wrong00000000000000000000"}
    account.health = "needs_credentials"
    account.save()
    late = ProviderAccount.objects.get(pk=account.pk)
    account.credentials = factories.CREDENTIALS["webex_interact"]
    account.save()
    assert check_account(account).ok
    assert not check_account(late).ok
    account.refresh_from_db()
    assert (account.health, account.health_text) == ("working", "")


def test_a_test_of_a_former_key_that_worked_does_not_hide_that_the_new_one_is_refused(streams, product_sandbox) -> None:
    stream = streams["webex_interact"]
    account = stream.account
    late = ProviderAccount.objects.get(pk=account.pk)
    account.credentials = {"access_key": "aky_wrong00000000000000000000"}
    account.save()
    message = queue_message(
        conversation=factories.make_conversation(stream, factories.make_contact(AMIRA)), body="Your visit is on Friday."
    )
    deliver([message.pk])
    assert check_account(late).ok
    account.refresh_from_db()
    assert account.health == "needs_credentials"


def test_a_provider_that_cannot_be_reached_has_not_taken_its_refusal_back(streams, product_sandbox, settings) -> None:
    account = streams["webex_interact"].account
    account.base_url = "http://127.0.0.1:9"
    settings.EXTRA_PROVIDER_HOSTS = ["127.0.0.1:9"]
    account.save()
    begun = ProviderAccount.objects.get(pk=account.pk)
    mark_credentials_refused(account, "Unauthorized")
    assert not check_account(begun).ok
    account.refresh_from_db()
    assert account.health == "needs_credentials"


def test_a_provider_that_is_down_is_tried_again(streams, settings) -> None:
    stream = streams["cirrus"]
    account = stream.account
    account.base_url = "http://127.0.0.1:8100/cirrus"  # allowed, and nobody listens
    account.save()
    settings.SANDBOX_URL = "http://127.0.0.1:8100"
    message = send(stream)
    assert (message.status, message.failure_code, message.attempt_count) == ("queued", "not_sent", 0)
    assert message.next_attempt_at is not None


def test_a_documented_refusal_fails_with_the_providers_words(streams, product_sandbox) -> None:
    product_sandbox.control("faults", phone=AMIRA, fault="not_valid")
    message = send(streams["webex_interact"])
    assert message.status == MessageStatus.FAILED
    assert message.failure_text == "Invalid phone number or unsupported region."


def test_a_template_reaches_several_people_in_one_request(streams, product_sandbox) -> None:
    stream = streams["whatsapp"]
    template = factories.make_template(stream, name="engineer_visit", language="en_GB", components=factories.VISIT)
    conversations = []
    for phone in (AMIRA, "+447700900267", "+447700900355"):
        conversation = factories.make_conversation(stream, factories.make_contact(phone))
        factories.opt_in(conversation.contact)
        conversations.append(conversation)
    values = {"body": ["Amira", "Friday", "08:00", "12:00"]}
    messages = queue_template_batch(conversations_of_one_stream=conversations, template=template, values=values)
    deliver([message.pk for message in messages])
    statuses = list(Message.objects.values_list("status", flat=True))
    assert statuses == ["accepted"] * 3, [message.failure_text for message in Message.objects.all()]
    assert len(requests_of(product_sandbox, "cirrus")) == 1
    for conversation in conversations:
        conversation.refresh_from_db()
        assert conversation.external_id


def test_free_whatsapp_text_goes_into_the_conversation_the_template_opened(streams, product_sandbox) -> None:
    stream = streams["whatsapp"]
    template = factories.make_template(stream, name="engineer_visit", language="en_GB", components=factories.VISIT)
    conversation = factories.make_conversation(stream, factories.make_contact(AMIRA), window_open=True)
    factories.opt_in(conversation.contact)
    values = {"body": ["Amira", "Friday", "08:00", "12:00"]}
    first = queue_template(conversation=conversation, template=template, values=values)
    deliver([first.pk])
    conversation.refresh_from_db()
    text = queue_message(conversation=conversation, body="See you then.", author=streams.priya)
    deliver([text.pk])
    text.refresh_from_db()
    assert text.status == MessageStatus.ACCEPTED, text.failure_text
    attempt = text.results.get().attempt
    assert f"/objects/{conversation.external_id}/child" in attempt.request_url
    assert text.external_id


def test_an_opt_out_between_queueing_and_sending_stops_the_message(streams, product_sandbox) -> None:
    conversation = factories.make_conversation(streams["cirrus"], factories.make_contact(AMIRA))
    message = queue_message(conversation=conversation, body="Hello")
    consent.record(
        OptIn(contact=conversation.contact, channel="sms", event="opt_out", source="keyword", wording="STOP")
    )
    deliver([message.pk])
    message.refresh_from_db()
    assert (message.status, message.failure_code) == ("failed", "opted_out")
    assert requests_of(product_sandbox, "cirrus") == []


def test_messages_of_a_conversation_leave_in_order(streams, product_sandbox) -> None:
    conversation = factories.make_conversation(streams["cirrus"], factories.make_contact(AMIRA))
    first = queue_message(conversation=conversation, body="First")
    second = queue_message(conversation=conversation, body="Second")
    deliver([second.pk])
    second.refresh_from_db()
    assert second.status == MessageStatus.QUEUED, "it waits behind the first"
    deliver([first.pk])
    deliver([second.pk])
    bodies = [entry["body"] for entry in requests_of(product_sandbox, "cirrus")]
    assert len(bodies) == 2
    assert "First" in str(bodies[0])
    assert "Second" in str(bodies[1])


def test_a_lost_worker_is_recovered_by_the_wire_mark(streams) -> None:
    import uuid

    late = timezone.now()
    before = factories.make_message(status="queued")
    after = factories.make_message(status="queued")
    Message.objects.filter(pk=before.pk).update(status="sending", claim=uuid.uuid4(), lease_until=late)
    Message.objects.filter(pk=after.pk).update(status="sending", claim=uuid.uuid4(), lease_until=late, on_wire_at=late)
    dispatch.sweep()
    before.refresh_from_db()
    after.refresh_from_db()
    assert before.status == MessageStatus.QUEUED
    assert (after.status, after.failure_code) == ("unconfirmed", "worker_lost")


def test_a_receipt_that_comes_before_the_answer_is_parked_and_applied() -> None:
    from conversations.services import receipts
    from messaging.types import DeliveryReport, DeliveryStatus

    message = factories.make_message(
        status="sending", claim="0b5a4a0e-63a1-4b7e-9f3e-2f8d3f5a7b11", lease_until=timezone.now()
    )
    account = message.stream.account
    receipts.record(account, DeliveryReport(DeliveryStatus.DELIVERED, key="evt_1", external_id="tid_9"))
    assert Receipt.objects.get().message is None
    Message.objects.filter(pk=message.pk).update(status="accepted", external_id="tid_9")
    message.refresh_from_db()
    receipts.apply_parked(message, external_id="tid_9")
    message.refresh_from_db()
    assert message.status == MessageStatus.DELIVERED
    assert Receipt.objects.get().message == message


@pytest.mark.parametrize(
    ("order", "final"),
    [
        (("sent", "delivered", "read"), "read"),
        (("read", "delivered", "sent"), "read"),
        (("delivered", "undelivered"), "delivered"),
        (("undelivered", "delivered"), "delivered"),
        (("delivered", "delivered", "sent"), "delivered"),
    ],
)
def test_receipts_raise_and_never_lower(order, final) -> None:
    from conversations.services import receipts
    from messaging.types import DeliveryReport, DeliveryStatus

    message = factories.make_message(status="accepted", external_id="tid_1")
    for number, word in enumerate(order):
        report = DeliveryReport(DeliveryStatus(word), key=f"evt_{number}", external_id="tid_1")
        receipts.record(message.stream.account, report)
    message.refresh_from_db()
    assert message.status == final
    assert Receipt.objects.count() == len(order)
