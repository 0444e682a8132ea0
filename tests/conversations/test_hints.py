"""Hints wake a worker and carry nothing: what becomes due without one, or though a hint was lost, is still sent."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta

import django_rq
import pytest
from django.db import connection, transaction
from django.utils import timezone
from rq.executions import Execution
from rq.job import Job, JobStatus

from conversations import jobs, queue
from conversations.models import Message
from conversations.models.account import AccountHealth
from conversations.services import dispatch
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_hint_is_given_again_when_the_worker_that_took_it_was_lost() -> None:
    waiting = django_rq.get_queue(queue.INTERACTIVE)
    assert queue.hint("deliver", [5], queue=queue.INTERACTIVE)
    waiting.pop_job_id()  # a worker took it, and was killed: its job's record stays
    assert waiting.count == 0
    assert queue.hint("deliver", [5], queue=queue.INTERACTIVE)
    assert waiting.count == 1
    assert queue.hint("deliver", [5], queue=queue.INTERACTIVE)
    assert waiting.count <= 2


def test_a_worker_outlives_what_is_left_of_a_lost_ones_job() -> None:
    waiting = django_rq.get_queue(queue.BULK)
    job = waiting.enqueue_call("conversations.jobs.deliver", args=([5],), job_id="lost", result_ttl=0, failure_ttl=0)
    with waiting.connection.pipeline() as pipeline:
        run = Execution.create(job, ttl=60, pipeline=pipeline)
        job.set_status(JobStatus.STARTED, pipeline=pipeline)
        pipeline.delete(run.key)  # its minute and a half are over
        pipeline.zadd(job.started_job_registry.key, {run.composite_key: 1})
        pipeline.execute()
    queue.Worker([waiting], connection=waiting.connection).clean_registries()
    waiting.connection.delete(job.execution_registry.key)  # its time is over too
    waiting.release_maintenance_lock()
    queue.Worker([waiting], connection=waiting.connection).clean_registries()
    assert not Job.exists("lost", connection=waiting.connection)


def test_a_worker_that_wakes_at_once_finds_a_row_that_nobody_writes() -> None:
    message = factories.make_message(status="queued")
    waiting = django_rq.get_queue(queue.INTERACTIVE)
    found: list[Message] = []

    def wake() -> None:
        try:
            waiting.connection.blpop([waiting.key], timeout=10)
            with transaction.atomic():
                found.append(Message.objects.select_for_update(nowait=True).get(pk=message.pk))
        finally:
            connection.close()

    worker = threading.Thread(target=wake)
    worker.start()
    with transaction.atomic():
        dispatch.hint_on_commit([message])
    worker.join()
    assert found[0].hinted_at is not None


def test_what_was_tried_and_is_still_due_is_not_woken_again_at_once() -> None:
    conversation = factories.make_conversation()
    sending = factories.make_message(
        conversation, status="sending", claim=uuid.uuid4(), lease_until=timezone.now(), queued_at=timezone.now()
    )
    behind = factories.make_message(conversation, status="queued")
    jobs.deliver([behind.pk])
    assert django_rq.get_queue(queue.INTERACTIVE).count == 0
    Message.objects.filter(pk=sending.pk).update(status="failed")
    jobs.deliver([sending.pk])
    assert django_rq.get_queue(queue.INTERACTIVE).job_ids == [f"deliver-{behind.pk}"]


@pytest.fixture
def full_valkey() -> Iterator[None]:
    """A broker that answers and takes nothing."""
    broker = django_rq.get_connection("default")
    before = broker.config_get("maxmemory")["maxmemory"]
    broker.config_set("maxmemory-policy", "noeviction")
    broker.config_set("maxmemory", "1")
    yield
    broker.config_set("maxmemory", before)


@pytest.mark.usefixtures("full_valkey")
def test_a_broker_that_is_full_counts_as_away() -> None:
    message = factories.make_message(status="queued", queued_at=timezone.now() - timedelta(minutes=1))
    assert dispatch.sweep() == [message.pk]
    assert not dispatch.hint([message.pk])
    message.refresh_from_db()
    assert message.hinted_at is None


@pytest.mark.usefixtures("full_valkey")
def test_messages_of_an_account_that_waits_for_repair_keep_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "BATCH", 2)
    blocked = factories.make_stream(factories.make_account(health=AccountHealth.NEEDS_CREDENTIALS))
    long_ago = timezone.now() - timedelta(hours=1)
    for _ in range(2):
        factories.make_message(factories.make_conversation(blocked), status="queued", queued_at=long_ago)
    other = factories.make_message(status="queued", queued_at=long_ago + timedelta(seconds=1))
    assert dispatch.sweep() == [other.pk]
