"""Which moves are legal, and that a move is made once."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta

import django_rq
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.utils import timezone
from django_rq.settings import QUEUES

from conversations import queue
from conversations.models import AttemptResult, Message, MessageEvent, SendAttempt
from conversations.models.message import LEGAL_MOVES, MessageStatus
from conversations.services import dispatch, lifecycle
from tests import factories

pytestmark = pytest.mark.django_db

FINAL = {"read", "received"}


def test_every_status_has_a_row_in_the_table() -> None:
    assert set(LEGAL_MOVES) == set(MessageStatus.values)
    for targets in LEGAL_MOVES.values():
        assert targets <= set(MessageStatus.values)


@pytest.mark.parametrize(("start", "to"), list(itertools.product(MessageStatus.values, repeat=2)))
def test_a_move_outside_the_table_is_refused_and_changes_nothing(start: str, to: str) -> None:
    if lifecycle.is_legal(start, to):
        assert start not in FINAL
        return
    message = Message(pk=1, status=start)
    with pytest.raises(ValidationError) as found:
        lifecycle.move([message], to, come_from=[start])
    assert found.value.code == "illegal_move"
    assert not MessageEvent.objects.exists()


def test_a_move_writes_one_event_with_who_and_why() -> None:
    tom = factories.make_user("supervisor")
    message = factories.make_message(status="queued")
    assert lifecycle.move([message], "cancelled", come_from=["queued"], actor=tom, reason="Typed too soon") == [
        message.pk
    ]
    event = message.events.get()
    assert (event.from_status, event.to_status, event.actor, event.reason) == (
        "queued",
        "cancelled",
        tom,
        "Typed too soon",
    )


def test_who_comes_second_moves_nothing() -> None:
    message = factories.make_message(status="queued")
    assert lifecycle.move([message], "cancelled", come_from=["queued"])
    assert lifecycle.move([message], "failed", come_from=["queued"]) == []
    assert Message.objects.get().status == "cancelled"
    assert MessageEvent.objects.count() == 1


def test_twenty_movers_at_once_move_once(transactional_db: None) -> None:
    message = factories.make_message(status="queued")
    moved: list[int] = []

    def move() -> None:
        try:
            moved.extend(lifecycle.move([message], "cancelled", come_from=["queued"]))
        finally:
            connection.close()

    threads = [threading.Thread(target=move) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert moved == [message.pk]
    assert MessageEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("before", "report", "raised"),
    [
        ("accepted", "delivered", True),
        ("delivered", "sent", False),
        ("delivered", "delivered", False),
        ("delivered", "failed", False),
        ("failed", "delivered", True),
        ("unconfirmed", "delivered", True),
        ("queued", "delivered", False),
        ("queued", "failed", False),
    ],
)
def test_a_receipt_raises_by_rank(before: str, report: str, raised: bool) -> None:
    assert lifecycle.raises(before, report) is raised


def test_a_message_can_be_on_the_wire_in_one_attempt_only() -> None:
    message = factories.make_message(status="unconfirmed")

    def attempt(number: int) -> SendAttempt:
        return SendAttempt.objects.create(
            stream=message.stream, claim=f"00000000-0000-0000-0000-00000000000{number}", started_at=timezone.now()
        )

    AttemptResult.objects.create(attempt=attempt(1), message=message, on_wire=True, outcome="unconfirmed")
    with pytest.raises(IntegrityError):
        AttemptResult.objects.create(attempt=attempt(2), message=message, on_wire=True)


class TestSweep:
    """What the dispatcher does when nobody else did."""

    def test_what_is_scheduled_leaves_when_its_time_has_come(self) -> None:
        now = timezone.now()
        due = factories.make_message(status="scheduled", scheduled_for=now - timedelta(minutes=1))
        later = factories.make_message(status="scheduled", scheduled_for=now + timedelta(minutes=1))
        dispatch.sweep()
        due.refresh_from_db()
        later.refresh_from_db()
        assert (due.status, later.status) == ("queued", "scheduled")
        assert due.queued_at is not None

    def test_what_is_held_to_be_undone_leaves_after_its_time(self) -> None:
        now = timezone.now()
        over = factories.make_message(status="held", held_for="undo", next_attempt_at=now - timedelta(seconds=1))
        waits = factories.make_message(status="held", held_for="window")
        dispatch.sweep()
        over.refresh_from_db()
        waits.refresh_from_db()
        assert (over.status, waits.status) == ("queued", "held")

    def test_what_is_no_longer_valid_expires(self) -> None:
        message = factories.make_message(status="queued", valid_until=timezone.now() - timedelta(seconds=1))
        dispatch.sweep()
        message.refresh_from_db()
        assert (message.status, message.failure_code) == ("expired", "expired")

    def test_what_waited_a_day_is_given_up(self) -> None:
        message = factories.make_message(status="queued", queued_at=timezone.now() - timedelta(hours=25))
        dispatch.sweep()
        message.refresh_from_db()
        assert (message.status, message.failure_code) == ("failed", "gave_up")

    def test_a_due_message_is_hinted_once(self) -> None:
        message = factories.make_message(status="queued", queued_at=timezone.now() - timedelta(seconds=5))
        assert dispatch.sweep() == []
        message.refresh_from_db()
        first = message.hinted_at
        assert first is not None
        dispatch.sweep()
        message.refresh_from_db()
        assert message.hinted_at == first

    def test_what_a_broker_lost_is_hinted_again(self, transactional_db: None) -> None:
        message = factories.make_message(status="queued", queued_at=timezone.now() - timedelta(seconds=5))
        dispatch.sweep()
        before = queue.epoch()
        django_rq.get_connection("default").flushdb()
        assert queue.epoch() != before
        dispatch.forget_hints()
        dispatch.sweep()
        assert django_rq.get_queue("interactive").job_ids == [f"deliver-{message.pk}"]

    def test_without_a_broker_due_messages_are_handed_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        message = factories.make_message(status="queued", queued_at=timezone.now() - timedelta(seconds=5))
        monkeypatch.setitem(QUEUES["default"], "URL", "unix:///nowhere/valkey.sock")
        assert dispatch.sweep() == [message.pk]
