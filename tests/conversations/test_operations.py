"""The figures of the engine: what is counted, as what, and in how many queries."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import django_rq
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from conversations.models import DispatcherTick, Message, Receipt, Stream, StreamGate, WebhookEvent
from conversations.models.message import PENDING, UNSETTLED, MessageStatus
from conversations.services import operations
from conversations.services.operations import Breaker, StreamFigures, gather
from tests import factories

pytestmark = pytest.mark.django_db
MOST_QUERIES = 9


def figures_of(stream: Stream) -> StreamFigures:
    (found,) = (one for one in gather().streams if one.stream == stream)
    return found


def ago(**spans: float) -> Any:
    return timezone.now() - timedelta(**spans)


def make(stream: Stream, status: str, **fields: Any) -> Message:
    conversation = factories.make_conversation(stream)
    return factories.make_message(conversation, status=status, **fields)


def lease(**fields: Any) -> dict[str, Any]:
    return {"claim": "7e57c1a1-0000-4000-8000-000000000001", **fields}


def test_an_empty_site_has_figures() -> None:
    found = gather()
    assert found.streams == ()
    assert found.rounds == ()
    assert (found.led_at, found.is_led) == (None, False)
    assert (found.calls.waiting, found.calls.failed, found.calls.never_matched) == (0, 0, 0)
    assert found.earliest("due_since") is None
    assert found.total("due") == 0


def test_what_waits_is_counted_by_stream_and_status() -> None:
    texts, care = factories.make_stream(), factories.make_stream(channel="whatsapp")
    later = timezone.now() + timedelta(hours=1)
    make(texts, "queued", queued_at=ago(minutes=5))
    make(texts, "queued", queued_at=ago(minutes=2), next_attempt_at=later)
    make(texts, "scheduled", scheduled_for=later)
    make(texts, "sending", **lease(lease_until=later))
    make(texts, "sending", **lease(lease_until=ago(seconds=1)))
    make(care, "held", held_for="undo")
    make(care, "unconfirmed", on_wire_at=ago(minutes=40), next_lookup_at=later)
    make(care, "unconfirmed", on_wire_at=ago(minutes=30))
    for settled in set(MessageStatus.values) - {str(one) for one in UNSETTLED} - {"received"}:
        make(care, settled)
    one = figures_of(texts)
    assert one.messages == {"queued": 2, "scheduled": 1, "sending": 2}
    assert (one.due, one.leases_over, one.unconfirmed) == (1, 1, 0)
    assert one.due_since == one.queued_since == Message.objects.order_by("pk")[0].queued_at
    other = figures_of(care)
    assert other.messages == {"held": 1, "unconfirmed": 2}
    assert (other.looked_up, other.needs_a_person) == (1, 1)
    assert other.unconfirmed_since == Message.objects.earliest("on_wire_at").on_wire_at
    together = gather()
    assert together.total("unconfirmed") == 2
    assert together.total("scheduled") == 1
    assert together.earliest("queued_since") == one.queued_since
    assert {MessageStatus(name) for name in UNSETTLED} == {*PENDING, MessageStatus.UNCONFIRMED}


def test_a_try_that_comes_later_counts_from_its_own_moment() -> None:
    stream = factories.make_stream()
    again = make(stream, "queued", queued_at=ago(hours=2), next_attempt_at=ago(seconds=20))
    one = figures_of(stream)
    assert (one.due_since, one.queued_since) == (again.next_attempt_at, again.queued_at)


@pytest.mark.parametrize("cause", ["pause", "credentials"])
def test_what_waits_for_a_person_is_not_due(cause: str) -> None:
    account = factories.make_account(health="needs_credentials" if cause == "credentials" else "working")
    until = timezone.now() + timedelta(hours=1)
    stream = factories.make_stream(account, paused_until=until if cause == "pause" else None, pause_reason="Storm")
    make(stream, "queued", queued_at=ago(minutes=5))
    one = figures_of(stream)
    assert (one.due, one.due_since, one.messages["queued"]) == (0, None, 1)
    assert one.needs_credentials == (cause == "credentials")
    assert one.paused_until == (until if cause == "pause" else None)


def test_pauses_that_are_over_are_none() -> None:
    stream = factories.make_stream(paused_until=ago(seconds=1))
    StreamGate.objects.create(stream=stream, paused_until=ago(seconds=1))
    one = figures_of(stream)
    assert (one.paused_until, one.asked_to_wait_until) == (None, None)


def test_the_gate_is_shown_as_the_next_message_will_find_it() -> None:
    stream = factories.make_stream()
    fresh = figures_of(stream)
    assert (fresh.gate.rate, fresh.tokens, fresh.breaker) == (10, 10, Breaker.CLOSED)
    assert not StreamGate.objects.exists()
    gate = StreamGate.objects.create(stream=stream, rate=0.5, burst=4, tokens=0, refilled_at=ago(seconds=2.1))
    assert 1 <= figures_of(stream).tokens < 2
    gate.refilled_at = ago(hours=1)
    gate.paused_until = timezone.now() + timedelta(seconds=30)
    gate.save()
    one = figures_of(stream)
    assert (one.tokens, one.asked_to_wait_until) == (4, gate.paused_until)


def test_the_breaker_is_open_then_half_open() -> None:
    stream = factories.make_stream()
    gate = StreamGate.objects.create(stream=stream, faults=20, open_until=timezone.now() + timedelta(seconds=5))
    assert figures_of(stream).breaker == Breaker.OPEN
    gate.open_until = ago(seconds=1)
    gate.save()
    assert figures_of(stream).breaker == Breaker.HALF_OPEN


def test_a_stream_or_an_account_that_is_off_says_so() -> None:
    off, of_off = factories.make_stream(is_active=False), factories.make_stream(factories.make_account(is_active=False))
    assert figures_of(off).is_switched_off
    assert figures_of(of_off).is_switched_off
    assert not figures_of(factories.make_stream()).is_switched_off


def test_only_the_streams_asked_for_are_told() -> None:
    own, other = factories.make_stream(), factories.make_stream()
    make(other, "unconfirmed")
    tom = factories.make_user("supervisor")
    factories.make_team(members=[tom], streams=[own])
    found = gather(Stream.objects.visible_to(tom))
    assert [one.stream for one in found.streams] == [own]
    assert found.total("unconfirmed") == 0


def test_calls_and_reports_that_came_to_nothing() -> None:
    account = factories.make_account()
    for key, status, seconds in (
        ("a", "received", 90),
        ("b", "received", 5),
        ("c", "failed", 5),
        ("d", "processed", 5),
    ):
        WebhookEvent.objects.create(
            account=account, key=key, body=b"{}", status=status, received_at=ago(seconds=seconds)
        )
    message = factories.make_message()
    for key, of, seconds in (("a", None, 61), ("b", None, 1), ("c", message, 3600)):
        receipt = Receipt.objects.create(account=account, key=key, status="delivered", message=of)
        Receipt.objects.filter(pk=receipt.pk).update(received_at=ago(seconds=seconds))
    calls = gather().calls
    assert (calls.waiting, calls.failed, calls.never_matched) == (2, 1, 1)
    assert calls.waiting_since == WebhookEvent.objects.get(key="a").received_at


def test_counts_that_may_grow_without_end_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "COUNTED", 2)
    account = factories.make_account()
    for key in "abc":
        WebhookEvent.objects.create(account=account, key=key, body=b"", status="failed", received_at=timezone.now())
        Receipt.objects.create(account=account, key=key, status="read")
    Receipt.objects.update(received_at=ago(hours=1))
    calls = gather().calls
    assert (calls.failed, calls.never_matched) == (2, 2)


def test_a_round_is_noted_with_the_spool(settings: Any, tmp_path: Any) -> None:
    settings.SPOOL_DIR = str(tmp_path)
    for name in ("one.json", "two.json", "three.unreadable"):
        (tmp_path / name).write_text("{")
    operations.note_tick(leads=True)
    operations.note_tick(leads=True)
    (tick,) = gather().rounds
    assert (tick.leads, tick.spool_files, tick.spool_set_aside, tick.spool_has_room) == (True, 2, 1, True)
    assert gather().is_led
    settings.SPOOL_FREE_MEGABYTES = 10**9
    operations.note_tick(leads=False)
    (tick,) = gather().rounds
    assert (tick.leads, tick.spool_has_room) == (False, False)
    assert not gather().is_led


def test_a_second_dispatcher_of_a_host_does_not_hide_the_one_that_leads() -> None:
    operations.note_tick(leads=True)
    DispatcherTick.objects.update(process_id=1)
    operations.note_tick(leads=False)
    assert gather().is_led
    DispatcherTick.objects.update(ticked_at=ago(seconds=45))
    operations.note_tick(leads=False)
    (tick,) = gather().rounds
    assert (tick.leads, tick.process_id) == (False, os.getpid())


def test_of_several_dispatchers_the_one_that_leads_counts(settings: Any) -> None:
    for host, leads, seconds in (("web1", False, 1), ("web2", True, 45), ("web3", True, 3600)):
        DispatcherTick.objects.create(host=host, process_id=1, leads=leads, ticked_at=ago(seconds=seconds))
    found = gather()
    assert found.led_at == operations.led_at() == DispatcherTick.objects.get(host="web2").ticked_at
    assert not found.is_led
    settings.DISPATCHER_TICK_SECONDS = 20
    assert found.is_led


def test_queues_tell_their_jobs_and_workers() -> None:
    assert [(one.name, one.jobs, one.workers) for one in gather().queues or ()] == [
        ("interactive", 0, 0),
        ("bulk", 0, 0),
        ("default", 0, 0),
    ]
    default = Queue("default", connection=django_rq.get_connection("default"), serializer=JSONSerializer)
    default.enqueue_call("conversations.jobs.process_webhooks", args=([1],))
    here, gone = (
        SimpleWorker([default], name=name, connection=default.connection, serializer=JSONSerializer)
        for name in ("here", "gone")
    )
    here.register_birth()
    gone.register_birth()
    default.connection.delete(gone.key)  # what becomes of the record of a worker that was killed
    found = {one.name: one for one in gather().queues or ()}
    assert (found["default"].jobs, found["default"].workers) == (1, 1)
    assert (found["interactive"].jobs, found["interactive"].workers) == (0, 0)


def test_without_valkey_the_rest_is_told(settings: Any) -> None:
    nobody_listens = {"URL": "redis://127.0.0.1:1/0"}
    settings.RQ_QUEUES = {name: config | nobody_listens for name, config in settings.RQ_QUEUES.items()}
    stream = factories.make_stream()
    found = gather()
    assert found.queues is None
    assert [one.stream for one in found.streams] == [stream]


def test_numbers_given_only_grow() -> None:
    before = operations.numbered()
    assert set(before) == {"messages", "attempts", "webhook_events", "receipts"}
    message = factories.make_message()
    assert operations.numbered() == before | {"messages": message.pk}


def test_figures_take_as_many_queries_for_few_rows_as_for_many() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            found = gather()
            for one in found.streams:
                assert (one.stream.account.name, one.gate.rate) != ("", 0)
        return len(captured)

    make(factories.make_stream(), "queued")
    few = queries()
    for _ in range(6):
        stream = factories.make_stream()
        StreamGate.objects.create(stream=stream)
        for status in ("queued", "unconfirmed", "held"):
            make(stream, status)
    assert queries() == few <= MOST_QUERIES
