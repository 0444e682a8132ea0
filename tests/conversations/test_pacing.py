"""How fast a stream may send: the rate, the provider's wish to wait, and the breaker."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from conversations.models import Message, Stream, StreamGate
from conversations.services import pacing
from conversations.services.compose import queue_message
from conversations.services.outbound import deliver
from messaging.types import Outcome, RecipientResult
from tests import factories
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db(transaction=True)

ACCEPTED = RecipientResult("ref", Outcome.ACCEPTED)
TIMED_OUT = RecipientResult("ref", Outcome.UNCONFIRMED, code="no_answer")
A_TURN = timedelta(seconds=0.5 / 0.98)  # two of a hundred parts of a rate are kept back
UNREACHABLE = RecipientResult("ref", Outcome.RETRY, code="not_sent")


def admit(stream: Stream, at: datetime, *, has_waited: bool = False, is_bulk: bool = False) -> datetime | None:
    with transaction.atomic():
        return pacing.admit(pacing.lock(stream), at=at, has_waited=has_waited, is_bulk=is_bulk)


def note(stream: Stream, result: RecipientResult, at: datetime, *, retry_after: float | None = None) -> None:
    with transaction.atomic():
        pacing.note(stream, [result], at=at, retry_after=retry_after)


@pytest.fixture
def stream() -> Stream:
    stream = factories.make_stream()
    StreamGate.objects.create(stream=stream, rate=2, burst=3, tokens=3)
    return stream


def test_a_burst_may_leave_and_then_the_rate_decides(stream: Stream) -> None:
    now = timezone.now()
    assert [admit(stream, now) for _ in range(3)] == [None, None, None]
    wait = admit(stream, now)
    assert wait is not None
    assert timedelta(seconds=0.4) < wait - now <= A_TURN
    assert admit(stream, wait, has_waited=True) is None


def test_no_second_has_more_than_rate_and_burst_though_requests_arrive_unevenly(stream: Stream) -> None:
    StreamGate.objects.update(rate=100, burst=10, tokens=10)
    begin, left = timezone.now(), []
    for millisecond in range(0, 3000, 10):
        at = begin + timedelta(milliseconds=millisecond)
        while admit(stream, at, has_waited=True) is None:
            left.append(millisecond)
    late = 20  # of each request that leaves now the provider has the last byte so many milliseconds later, or at once
    most = max(sum(second - late <= one < second + 1000 for one in left) for second in range(0, 2000, 10))
    assert most <= 110
    assert len(left) >= 97 * 3


def test_whoever_waits_stands_in_a_line_with_a_moment_each(stream: Stream) -> None:
    now = timezone.now()
    for _ in range(3):
        admit(stream, now)
    slots = [admit(stream, now) for _ in range(4)]
    assert [(slot - now) / A_TURN for slot in slots if slot] == pytest.approx([1, 2, 3, 4])
    assert admit(stream, now + 1.5 * A_TURN) == slots[3] + A_TURN, "a newcomer does not pass them"
    assert [admit(stream, slot, has_waited=True) for slot in slots if slot] == [None] * 4


def test_bulk_leaves_a_turn_for_an_agent_and_stands_behind_the_line(stream: Stream) -> None:
    now = timezone.now()
    assert [admit(stream, now, is_bulk=True) for _ in range(2)] == [None, None]
    assert admit(stream, now, is_bulk=True) == now + A_TURN
    assert admit(stream, now) is None, "the agent's reply overtakes it"
    slot = admit(stream, now)
    assert slot == now + A_TURN
    assert admit(stream, now, is_bulk=True) is not None
    assert admit(stream, slot, has_waited=True) is None


def test_bulk_leaves_on_a_stream_with_a_burst_of_one(stream: Stream) -> None:
    StreamGate.objects.update(burst=1, tokens=1)
    assert admit(stream, timezone.now(), is_bulk=True) is None


def test_twenty_workers_at_once_take_no_more_than_there_is(stream: Stream) -> None:
    now, admitted = timezone.now(), []

    def ask() -> None:
        try:
            admitted.append(admit(stream, now) is None)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 3


def test_a_wish_to_wait_pauses_the_whole_stream(stream: Stream) -> None:
    now = timezone.now()
    note(stream, RecipientResult("ref", Outcome.RETRY, code="throttled"), now, retry_after=30)
    assert admit(stream, now + timedelta(seconds=29)) == now + timedelta(seconds=30)
    assert admit(stream, now + timedelta(seconds=31)) is None


def test_three_time_outs_open_the_breaker_and_one_probe_closes_it(stream: Stream) -> None:
    now = timezone.now()
    for _ in range(2):
        note(stream, TIMED_OUT, now)
    assert admit(stream, now) is None
    note(stream, TIMED_OUT, now)
    assert admit(stream, now + timedelta(seconds=4)) == now + timedelta(seconds=5)
    later = now + timedelta(seconds=6)
    assert admit(stream, later) is None, "the probe"
    assert admit(stream, later) is not None, "the others wait for what it finds"
    note(stream, ACCEPTED, later)
    assert admit(stream, later) is None


def test_a_probe_that_fails_opens_it_for_longer(stream: Stream) -> None:
    now = timezone.now()
    for _ in range(20):
        note(stream, UNREACHABLE, now)
    later = now + timedelta(seconds=6)
    assert admit(stream, later) is None
    note(stream, UNREACHABLE, later)
    wait = admit(stream, later + timedelta(seconds=1))
    assert wait == later + timedelta(seconds=10)


def test_an_answer_in_between_starts_the_count_anew(stream: Stream) -> None:
    now = timezone.now()
    for result in (TIMED_OUT, TIMED_OUT, ACCEPTED, TIMED_OUT, TIMED_OUT):
        note(stream, result, now)
    assert admit(stream, now) is None


def test_retry_after_holds_back_the_next_message_of_the_stream(product_sandbox: PlayedSandbox) -> None:
    stream = factories.make_sandbox_streams(product_sandbox.url)["cirrus"]
    first_phone, second_phone = "+447700900142", "+447700900267"
    product_sandbox.control("faults", phone=first_phone, fault="throttled", settings={"retry_after": 30}, times=1)
    messages = []
    for phone in (first_phone, second_phone):
        conversation = factories.make_conversation(stream, factories.make_contact(phone))
        messages.append(queue_message(conversation=conversation, body="Hello"))
        deliver([messages[-1].pk])
    waiting = Message.objects.get(pk=messages[1].pk)
    assert (waiting.status, waiting.attempt_count) == ("queued", 0)
    assert waiting.next_attempt_at is not None
    assert waiting.next_attempt_at > timezone.now() + timedelta(seconds=20)
    assert product_sandbox.ask("messages", phone=second_phone)["messages"] == []
