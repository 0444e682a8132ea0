"""What may happen at the same moment, or half: connections that end, rows that are locked, jobs that are lost."""

from __future__ import annotations

import logging
import threading
import uuid
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import django_rq
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from config.logs import MaskPersonalData
from conversations import jobs, queue
from conversations.models import (
    AttemptResult,
    Conversation,
    Message,
    OptIn,
    SendAttempt,
    StreamGate,
    SubStream,
    WebhookEvent,
)
from conversations.services import consent, dispatch, inbound, outcomes, receipts, spool
from conversations.services.envelope import outbound_message
from conversations.services.outbound import _claim, _put_on_wire, _wait
from messaging.registry import provider_class
from messaging.types import DeliveryReport, DeliveryStatus, InboundMessage, Outcome, RecipientResult, SendResult
from tests import factories
from tests.conversations.racing import in_thread, until_somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)

AMIRA = "+447700900142"
SECOND = timedelta(seconds=1)


def on_the_wire(**fields: Any) -> tuple[SendAttempt, Message]:
    """A message whose request was written and whose answer is awaited."""
    claim, now = uuid.uuid4(), timezone.now()
    fields = {"lease_until": now + timedelta(minutes=1), **fields}
    message = factories.make_message(status="sending", claim=claim, on_wire_at=now, **fields)
    attempt = SendAttempt.objects.create(stream=message.stream, claim=claim, started_at=now, on_wire_at=now)
    AttemptResult.objects.create(attempt=attempt, message=message, on_wire=True)
    return attempt, message


def answered(message: Message, outcome: Outcome = Outcome.ACCEPTED, **fields: Any) -> SendResult:
    return SendResult((RecipientResult(str(message.ref), outcome, **fields),))


def record(attempt: SendAttempt, message: Message, result: SendResult) -> None:
    outcomes.record(attempt, [message], result, wait=SECOND, retry_after=None)


# --- PostgreSQL goes away and comes back ----------------------------------------------------------------------


def test_a_worker_that_lives_on_works_again_after_its_connection_was_lost() -> None:
    jobs.deliver([])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]

    def end_the_connection() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])

    in_thread(end_the_connection).join()
    try:
        jobs.deliver([1])
    finally:
        connection.close()


@pytest.fixture
def queued(product_sandbox: Any) -> Message:
    """A text to Amira that the sandbox would take."""
    stream = factories.make_sandbox_streams(product_sandbox.url)["webex_interact"]
    return factories.make_message(factories.make_conversation(stream, factories.make_contact(AMIRA)), status="queued")


def requests_of(sandbox: Any) -> list[Any]:
    return sandbox.ask("ledger", kind="request", provider="webex_interact")["entries"]


def test_a_connection_lost_while_going_on_the_wire_sends_nothing(queued: Message, product_sandbox: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    locked = threading.Event()

    def hold_the_number_and_end_who_waits() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            consent.number_lock(AMIRA)
            locked.set()
            until_somebody_waits()
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])

    thread = in_thread(hold_the_number_and_end_who_waits)
    locked.wait()
    jobs.deliver([queued.pk])
    thread.join()
    queued.refresh_from_db()
    assert (queued.status, queued.failure_code, queued.on_wire_at) == ("queued", "internal_fault", None)
    assert requests_of(product_sandbox) == []


def test_an_opt_out_at_the_moment_of_sending_wins(queued: Message, product_sandbox: Any) -> None:
    locked = threading.Event()

    def opt_out() -> None:
        with transaction.atomic():
            consent.record(OptIn(contact=queued.conversation.contact, channel="sms", event="opt_out", source="agent"))
            locked.set()
            until_somebody_waits()

    thread = in_thread(opt_out)
    locked.wait()
    jobs.deliver([queued.pk])
    thread.join()
    Message.objects.update(next_attempt_at=None)
    jobs.deliver([queued.pk])
    queued.refresh_from_db()
    assert (queued.status, queued.failure_code) == ("failed", "opted_out")
    assert requests_of(product_sandbox) == []


def test_an_answer_kept_on_disk_that_cannot_be_stored_holds_up_no_other(settings: Any, tmp_path: Path) -> None:
    settings.SPOOL_DIR = str(tmp_path / "spool")
    for text in ("not storable: \x00", "Accepted"):
        attempt, message = on_the_wire()
        spool.keep(attempt, [message], answered(message, text=text), wait=SECOND)
    spool.replay()
    assert list(Message.objects.order_by("id").values_list("status", flat=True)) == ["sending", "accepted"]
    assert [path.suffix for path in Path(settings.SPOOL_DIR).iterdir()] == [".unreadable"]
    assert spool.replay() == 0


# --- Receipts that are quicker than our own commit --------------------------------------------------------------


def test_a_receipt_with_our_reference_that_comes_before_the_answer_is_stored_counts() -> None:
    attempt, message = on_the_wire()
    report = DeliveryReport(DeliveryStatus.DELIVERED, key="evt_1", ref=str(message.ref), external_id="tid_1")
    receipts.record(message.stream.account, report)
    record(attempt, message, answered(message, external_id="tid_1"))
    message.refresh_from_db()
    assert (message.status, message.external_id) == ("delivered", "tid_1")


def test_a_receipt_that_names_the_number_alone_counts_before_the_answer_is_stored_too(queued: Message) -> None:
    batch = _claim([queued.pk])
    assert batch is not None
    _put_on_wire(batch)
    report = DeliveryReport(DeliveryStatus.DELIVERED, key="evt_1", phone=AMIRA)
    receipts.record(queued.stream.account, report)
    record(batch.attempt, batch.messages[0], answered(queued))
    queued.refresh_from_db()
    assert queued.status == "delivered"


@pytest.mark.parametrize("how", ["answer_unknown", "worker_lost"])
def test_a_receipt_settles_what_becomes_unconfirmed_after_it(how: str) -> None:
    attempt, message = on_the_wire()
    report = DeliveryReport(DeliveryStatus.DELIVERED, key="evt_1", ref=str(message.ref))
    receipts.record(message.stream.account, report)
    if how == "worker_lost":
        dispatch.sweep(timezone.now() + timedelta(hours=1))
    else:
        record(attempt, message, answered(message, Outcome.UNCONFIRMED, code="no_answer"))
    message.refresh_from_db()
    assert message.status == "delivered"
    assert [event.to_status for event in message.events.all()] == ["unconfirmed", "delivered"]


def test_a_receipt_at_the_moment_of_the_answer_counts() -> None:
    attempt, message = on_the_wire()
    report = DeliveryReport(DeliveryStatus.DELIVERED, key="evt_1", ref=str(message.ref))
    with transaction.atomic():
        record(attempt, message, answered(message, external_id="tid_1"))
        thread = in_thread(lambda: receipts.record(message.stream.account, report))
        thread.join(0.5)  # it waits for our commit, or it has looked at the row as it was
    thread.join()
    message.refresh_from_db()
    assert message.status == "delivered"


def test_a_receipt_by_number_alone_is_not_of_a_message_of_last_week() -> None:
    conversation = factories.make_conversation(contact=factories.make_contact(AMIRA))
    account = conversation.stream.account
    old = factories.make_message(conversation, status="accepted", sent_at=timezone.now() - timedelta(days=7))
    new = factories.make_message(conversation, status="accepted", sent_at=timezone.now() - timedelta(days=2))
    receipts.record(account, DeliveryReport(DeliveryStatus.DELIVERED, key="evt_1", phone=AMIRA))
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.status, new.status) == ("accepted", "delivered")


def test_a_receipt_by_number_alone_is_not_of_a_message_whose_id_the_provider_gave() -> None:
    account, contact = factories.make_account(), factories.make_contact(AMIRA)
    whatsapp = factories.make_conversation(factories.make_stream(account, "whatsapp"), contact)
    sms = factories.make_conversation(factories.make_stream(account), contact)
    named = factories.make_message(whatsapp, external_id="wamid-1")
    nameless = factories.make_message(sms)
    receipts.record(account, DeliveryReport(DeliveryStatus.DELIVERED, key="evt_1", phone=AMIRA))
    named.refresh_from_db()
    nameless.refresh_from_db()
    assert (named.status, nameless.status) == ("accepted", "delivered")


# --- What customers write ---------------------------------------------------------------------------------------


def test_a_deadlock_does_not_set_a_call_aside() -> None:
    account = factories.make_account("webex_interact")
    stream = factories.make_stream(account, external_id="", sender="FERNHILL")
    conversation = factories.make_conversation(stream, factories.make_contact(AMIRA))
    first, second = (factories.make_message(conversation, external_id=f"tid_{number}") for number in (1, 2))
    body = (
        b'[{"type":"com.interact.messages.sms.status","id":"e1","transaction_id":"tid_1",'
        b'"data":{"status":"delivered","phone_number":"447700900142"}},'
        b'{"type":"com.interact.messages.sms.status","id":"e2","transaction_id":"tid_2",'
        b'"data":{"status":"delivered","phone_number":"447700900142"}}]'
    )
    event = WebhookEvent.objects.create(account=account, key="k", body=body, received_at=timezone.now())

    def read() -> None:
        with suppress(OperationalError):
            inbound.process_webhooks([event.pk])

    # The thread waits first, so PostgreSQL ends the thread's transaction; on a machine that is too slow, this one.
    with suppress(OperationalError), transaction.atomic():
        Message.objects.select_for_update().get(pk=second.pk)
        thread = in_thread(read)
        until_somebody_waits()
        Message.objects.select_for_update().get(pk=first.pk)
    thread.join()
    event.refresh_from_db()
    assert event.status in ("received", "processed"), event.error
    inbound.process_webhooks([event.pk])
    assert set(Message.objects.values_list("status", flat=True)) == {"delivered"}


def test_what_an_agent_did_while_a_message_came_in_is_kept() -> None:
    account = factories.make_account("webex_interact")
    stream = factories.make_stream(account, external_id="", sender="FERNHILL", inbound_number="+447700900177")
    priya = factories.make_user()
    conversation = factories.make_conversation(stream, factories.make_contact(AMIRA), status="waiting")
    said = InboundMessage("evt_1", AMIRA, "Hello", stream_keys=("+447700900177",))
    with transaction.atomic():
        Conversation.objects.filter(pk=conversation.pk).update(assignee=priya, external_id="obj_1")
        thread = in_thread(lambda: inbound.receive(said, account))
        until_somebody_waits()
    thread.join()
    conversation.refresh_from_db()
    assert (conversation.status, conversation.unread_count) == ("open", 1)
    assert (conversation.assignee, conversation.external_id) == (priya, "obj_1")


@pytest.mark.parametrize("change", [{"first_name": "A" * 101}, {"email": "a" * 260}])
def test_nothing_odd_in_a_call_swallows_the_customers_words(change: dict[str, str]) -> None:
    account = factories.make_account("webex_interact")
    factories.make_stream(account, external_id="", sender="FERNHILL", inbound_number="+447700900177")
    said = InboundMessage(**{"key": "evt_1", "phone": AMIRA, "body": "Hi", "stream_keys": ("+447700900177",), **change})
    assert inbound.receive(said, account) is not None
    assert Message.objects.get().body.startswith("Hi")


def test_what_waited_for_the_whatsapp_window_for_days_leaves_when_the_customer_writes() -> None:
    stream = factories.make_stream(channel="whatsapp", sender="+447700900177")
    conversation = factories.make_conversation(stream, factories.make_contact(AMIRA))
    long_ago = timezone.now() - timedelta(days=2)
    first, second = (
        factories.make_message(conversation, status="held", held_for="window", queued_at=long_ago) for _ in range(2)
    )
    inbound.receive(InboundMessage("evt_1", AMIRA, "Hello", stream_keys=(stream.sender,)), stream.account)
    dispatch.sweep()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("queued", "queued")
    assert first.queued_at < second.queued_at


def test_an_opt_out_of_this_moment_is_not_lifted_without_a_proof() -> None:
    contact = factories.make_contact(AMIRA)
    refused: list[str] = []

    def opt_in() -> None:
        try:
            consent.record(
                OptIn(contact=contact, channel="sms", event="opt_in", source="form", wording="You may write to me.")
            )
        except ValidationError as error:
            refused.append(error.code)

    with transaction.atomic():
        consent.record(OptIn(contact=contact, channel="sms", event="opt_out", source="keyword", wording="STOP"))
        thread = in_thread(opt_in)
        until_somebody_waits()
    thread.join()
    assert refused == ["proof_missing"]
    assert consent.is_opted_out(AMIRA, "sms")


# --- Not at once ------------------------------------------------------------------------------------------------


def test_a_fenced_message_comes_back_within_a_second(queued: Message, product_sandbox: Any, settings: Any) -> None:
    settings.DELIVERY_LEASE_SECONDS = 1  # too short for any request
    jobs.deliver([queued.pk])
    queued.refresh_from_db()
    assert (queued.status, queued.hinted_at) == ("queued", None)
    assert queued.next_attempt_at is not None
    assert queued.next_attempt_at <= timezone.now() + SECOND
    assert django_rq.get_queue(queue.INTERACTIVE).count == 0, "woken at once, it would be tried without end"
    assert requests_of(product_sandbox) == []


def test_a_provider_that_says_no_more_than_wait_is_asked_ever_more_seldom() -> None:
    message = factories.make_message(status="queued")
    for _ in range(12):
        Message.objects.update(next_attempt_at=None)
        StreamGate.objects.update(tokens=10)
        batch = _claim([message.pk])
        assert batch is not None
        record(batch.attempt, batch.messages[0], answered(message, Outcome.RETRY, code="throttled"))
    Message.objects.update(next_attempt_at=None)
    StreamGate.objects.update(tokens=10)
    batch = _claim([message.pk])
    assert batch is not None
    assert max(_wait(batch, None) for _ in range(50)) > timedelta(seconds=30)


def test_one_request_keeps_each_person_in_the_sub_stream_of_their_conversation() -> None:
    stream = factories.make_stream(channel="whatsapp")
    template = factories.make_template(stream)
    north = SubStream.objects.create(stream=stream, name="North", external_id="7")
    messages = [
        factories.make_message(
            factories.make_conversation(stream, sub_stream=part), kind="template", template=template, template_values={}
        )
        for part in (north, None)
    ]
    operation = provider_class("cirrus").plan(outbound_message(messages), stream.config)
    assert [part.object_data.sub_stream_id for part in operation.messages] == [7, 0]


# --- Logs ---------------------------------------------------------------------------------------------------------


def test_a_row_that_the_database_refuses_is_not_logged() -> None:
    words = " ".join(("My", "sister's", "secret"))
    try:
        factories.make_message(status="nonsense", body=words)
    except IntegrityError as error:
        told = (type(error), error, error.__traceback__)
        entry = logging.LogRecord("x", logging.ERROR, "", 0, "It broke", None, told)
    MaskPersonalData().filter(entry)
    line = logging.Formatter().format(entry)
    assert "IntegrityError" in line
    assert words not in line
