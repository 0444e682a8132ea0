"""Who may be busy with a stream, what a lost worker leaves behind, and sending while no worker can be woken."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Any

import django_rq
import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from conversations import queue
from conversations.models import DispatcherTick, Message, SendAttempt, Stream
from conversations.services import dispatch, operations, outcomes
from conversations.services.clock import database_now
from conversations.services.inline import InlineSender
from conversations.services.outbound import Batch, _claim, _put_on_wire, deliver
from messaging.types import Outcome, RecipientResult, SendResult
from tests import factories
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)


def queued_on(stream: Stream) -> Message:
    return factories.make_message(factories.make_conversation(stream), status="queued")


def claimed(message: Message) -> Batch:
    batch = _claim([message.pk])
    assert batch is not None
    return batch


def finish(batch: Batch) -> None:
    result = SendResult(tuple(RecipientResult(str(one.ref), Outcome.ACCEPTED) for one in batch.messages))
    outcomes.record(batch.attempt, batch.messages, result, wait=SECOND, retry_after=None)


def claimed_by_a_worker_that_dies(message: Message, *, on_wire: bool = False) -> SendAttempt:
    """Its process ends, and with it its session in PostgreSQL."""
    taken: list[Batch] = []

    def work() -> None:
        try:
            taken.append(claimed(message))
            if on_wire:
                _put_on_wire(taken[0])
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return taken[0].attempt


def waiting_jobs(name: str = queue.INTERACTIVE) -> list[str]:
    return list(django_rq.get_queue(name).job_ids)


# --- One worker is always left to the other streams -------------------------------------------------------------


def test_of_two_workers_one_is_left_to_the_other_streams() -> None:
    slow, other = factories.make_stream(), factories.make_stream()
    first, second, elsewhere = queued_on(slow), queued_on(slow), queued_on(other)
    batch = claimed(first)
    assert _claim([second.pk]) is None
    second.refresh_from_db()
    assert (second.status, second.next_attempt_at, second.attempt_count) == ("queued", None, 0)
    claimed(elsewhere)
    assert waiting_jobs() == []
    finish(batch)
    assert waiting_jobs() == [f"deliver-{second.pk}"], "whoever ends wakes the next"
    claimed(second)


def test_three_workers_may_keep_two_busy_with_one_stream(settings: Any) -> None:
    settings.INTERACTIVE_WORKERS = 3
    stream = factories.make_stream()
    first, second, third = (queued_on(stream) for _ in range(3))
    claimed(first)
    claimed(second)
    assert _claim([third.pk]) is None


def test_nobody_is_woken_when_nobody_was_turned_away() -> None:
    stream = factories.make_stream()
    first, second = queued_on(stream), queued_on(stream)
    finish(claimed(first))
    assert waiting_jobs() == []
    claimed(second)


def test_a_unit_of_several_is_bulk_and_takes_no_agents_place() -> None:
    stream = factories.make_stream()
    unit = [queued_on(stream), queued_on(stream)]
    assert dispatch.hint([message.pk for message in unit])
    assert (waiting_jobs(), len(waiting_jobs(queue.BULK))) == ([], 1)
    batch = _claim([message.pk for message in unit])
    assert batch is not None
    assert batch.attempt.is_bulk
    claimed(queued_on(stream))


# --- A worker is lost -------------------------------------------------------------------------------------------


def test_what_a_lost_worker_had_not_put_on_the_wire_goes_back_at_once() -> None:
    stream = factories.make_stream()
    lost, waiting = queued_on(stream), queued_on(stream)
    attempt = claimed_by_a_worker_that_dies(lost)
    Message.objects.filter(pk=waiting.pk).update(hinted_at=timezone.now())
    dispatch.sweep()
    lost.refresh_from_db()
    attempt.refresh_from_db()
    assert (lost.status, lost.claim) == ("queued", None)
    assert lost.events.last().reason == "The worker was lost before anything was sent"
    assert attempt.finished_at is not None
    claimed(lost)


def test_a_lost_worker_keeps_no_place_on_its_stream() -> None:
    stream = factories.make_stream()
    claimed_by_a_worker_that_dies(queued_on(stream), on_wire=True)
    claimed(queued_on(stream))


def test_what_is_on_the_wire_waits_for_the_lease_and_a_living_worker_keeps_its_claim() -> None:
    on_wire, alive = queued_on(factories.make_stream()), queued_on(factories.make_stream())
    claimed_by_a_worker_that_dies(on_wire, on_wire=True)
    claimed(alive)
    dispatch.sweep()
    assert set(Message.objects.values_list("status", flat=True)) == {"sending"}
    dispatch.sweep(database_now() + timedelta(minutes=2))
    on_wire.refresh_from_db()
    alive.refresh_from_db()
    assert (on_wire.status, alive.status) == ("unconfirmed", "queued")


# --- Clocks, disks, broken steps --------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wrong_clock_of_a_host_decides_nothing(hours: int) -> None:
    message = queued_on(factories.make_stream())
    with time_machine.travel(timezone.now() + timedelta(hours=hours)):
        batch = claimed(message)
        _put_on_wire(batch)
        dispatch.sweep()
    message.refresh_from_db()
    assert message.status == "sending"
    assert message.lease_until is not None
    assert timedelta(seconds=80) < message.lease_until - database_now() < timedelta(seconds=91)


def test_a_host_whose_disk_is_full_sends_nothing(
    product_sandbox: PlayedSandbox, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    message = queued_on(factories.make_sandbox_streams(product_sandbox.url)["webex_interact"])
    settings.SPOOL_FREE_MEGABYTES = 10**9
    with caplog.at_level(logging.ERROR):
        deliver([message.pk])
    operations.note_tick(leads=True)
    message.refresh_from_db()
    assert (message.status, message.attempt_count) == ("queued", 0)
    assert product_sandbox.ledger(kind="request") == []
    assert "SPOOL_DIR is full" in caplog.text
    assert not DispatcherTick.objects.get().spool_has_room


def test_a_step_of_the_sweep_that_breaks_stops_no_other() -> None:
    now = timezone.now()
    over = factories.make_message(status="queued", valid_until=now - SECOND)
    due = factories.make_message(status="scheduled", scheduled_for=now - SECOND)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE conversations_message ADD CONSTRAINT broken CHECK (status <> 'expired') NOT VALID")
    try:
        dispatch.sweep()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE conversations_message DROP CONSTRAINT broken")
    over.refresh_from_db()
    due.refresh_from_db()
    assert (over.status, due.status) == ("queued", "queued")


# --- Without the broker -----------------------------------------------------------------------------------------


def test_a_slow_provider_holds_up_its_own_stream_alone(product_sandbox: PlayedSandbox) -> None:
    streams = factories.make_sandbox_streams(product_sandbox.url)
    slow = [queued_on(streams["cirrus"]) for _ in range(2)]
    quick = [queued_on(streams["webex_interact"]) for _ in range(3)]
    product_sandbox.control("faults", account="Fernhill Cirrus", fault="slow", settings={"seconds": 6}, times=1)
    sender = InlineSender()
    sender.send([message.pk for message in (*slow, *quick)])
    sender.send([message.pk for message in slow])
    sender.close()
    assert set(Message.objects.values_list("status", flat=True)) == {"accepted"}
    ends = dict(SendAttempt.objects.values_list("messages", "finished_at"))
    assert max(ends[message.pk] for message in quick) < ends[slow[0].pk]
    assert len(product_sandbox.messages()) == 5


def test_the_next_sweep_comes_when_the_next_message_may_leave() -> None:
    assert dispatch.seconds_until_due(1.0) == 1.0
    factories.make_message(status="queued", next_attempt_at=database_now() + timedelta(seconds=0.4))
    assert dispatch.SHORTEST_NAP <= dispatch.seconds_until_due(1.0) <= 0.4
