"""Wake-up calls through RQ. A job carries ids and is only a hint: the row decides, and losing a job loses nothing."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import django_rq
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue
from rq import SimpleWorker as RQSimpleWorker
from rq import Worker as RQWorker
from rq.exceptions import DuplicateJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker

from conversations.broker import broker
from messaging.registry import provider_classes

logger = logging.getLogger(__name__)

INTERACTIVE, BULK, DEFAULT = "interactive", "bulk", "default"
QUEUES = (INTERACTIVE, BULK, DEFAULT)
EPOCH_KEY = "parley:epoch"
LOOKED_THROUGH = 20  # jobs at the head of a queue


class _Reliable(BaseWorker):
    """What RQ's own workers lack: JSON for jobs, and a place in the list of workers that a flush does not take."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["serializer"] = JSONSerializer  # rqworker passes its own default, which is pickle
        super().__init__(*args, **kwargs)

    def work(self, *args: Any, **kwargs: Any) -> bool:
        """Work, with the jobs and the providers loaded beforehand: else every fork loads them anew."""
        import_module("conversations.jobs")
        provider_classes()
        return super().work(*args, **kwargs)

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Say that this worker lives; stand in the list again when Valkey has lost its data meanwhile."""
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)
            return
        with self.connection.pipeline(transaction=False) as together:  # three times a job: one way instead of four
            together.sismember(self.redis_workers_keys, self.key)
            super().heartbeat(timeout, together)
            is_listed, *_ = together.execute()
        if not is_listed:
            self.connection.delete(self.key)  # this sign of life has left half a record
            self.register_birth()

    def clean_registries(self) -> None:
        """Tidy up after lost workers; what half of RQ's record is left of is tidied up the next time.

        The record of a run expires a minute before its place in the list of runs. RQ's own worker quits over that.
        """
        try:
            super().clean_registries()
        except ValueError:
            logger.warning("RQ could not tidy up after a lost worker. It tries again in some minutes.")


class Worker(_Reliable, RQWorker):
    """Forks for each job: a job that dies takes nothing with it. For bulk and default work."""


class InteractiveWorker(_Reliable, RQSimpleWorker):
    """Runs jobs in its own process: no fork, and connections to providers stay open. For agents' messages."""


def worker_command(queue: str) -> tuple[str, ...]:
    """What manage.py is called with to be a worker of a queue, here and on every site."""
    named = f"{InteractiveWorker.__module__}.{InteractiveWorker.__name__}"  # the others are what RQ's setting says
    return ("rqworker", queue, *(("--worker-class", named) if queue == INTERACTIVE else ()))


def hint(job: str, ids: Sequence[int], *, queue: str) -> bool:
    """Wake a worker for these rows; True when a job is waiting for them now.

    `job` is a name in conversations.jobs. One job per set of rows waits at a time: a second hint is swallowed. A
    broker that does not answer is logged and swallowed too: the dispatcher finds what no job woke.
    """
    job_id = _job_id(job, ids)
    waiting = django_rq.get_queue(queue, connection=broker())
    try:
        try:
            _enqueue(waiting, job, ids, job_id)
        except DuplicateJobError:
            # RQ keeps the record of a job whose worker was killed for ten minutes and more: only one waits there.
            if waiting.connection.lpos(waiting.key, job_id) is None:
                _enqueue(waiting, job, ids, f"{job_id}-{secrets.token_hex(4)}")
    except RedisError:
        logger.warning("The broker does not answer: %s waits for the dispatcher.", job)
        return False
    return True


def hint_once(job: str, *, queue: str) -> bool:
    """Wake a worker for all rows that wait for such a job, unless one does that no worker has taken yet.

    Whoever takes it looks at the rows afterwards, so it finds those that were committed before this was called.
    """
    waiting = django_rq.get_queue(queue, connection=broker())
    try:
        first = waiting.get_job_ids(0, LOOKED_THROUGH)
    except RedisError:
        first = []
    return any(job_id.startswith(f"{job}-") for job_id in first) or hint(job, [], queue=queue)


def take_back(job: str, ids: Sequence[int], *, queue: str) -> None:
    """Forget a hint that no worker has taken yet, because its rows are being worked on. Never raises for the broker."""
    job_id = _job_id(job, ids)
    waiting = django_rq.get_queue(queue, connection=broker())
    with suppress(RedisError):
        if waiting.connection.lrem(waiting.key, 1, job_id):
            waiting.connection.delete(Job.key_for(job_id))


def _job_id(job: str, ids: Sequence[int]) -> str:
    return f"{job}-{'-'.join(str(row) for row in ids)}"


def _enqueue(waiting: Queue, job: str, ids: Sequence[int], job_id: str) -> None:
    waiting.enqueue_call(
        f"conversations.jobs.{job}",
        args=(list(ids),),
        job_id=job_id,
        description=job_id,
        unique=True,
        result_ttl=0,
        failure_ttl=0,
    )


def epoch() -> str:
    """A mark that lives as long as the broker's data; empty while it does not answer.

    Another mark than before means that the jobs of that time are gone.
    """
    try:
        connection = broker()
        connection.set(EPOCH_KEY, secrets.token_hex(8), nx=True)
        mark = connection.get(EPOCH_KEY)
    except RedisError:
        return ""
    return mark.decode() if isinstance(mark, bytes) else ""


def broker_answers() -> bool:
    """Is Valkey there?"""
    try:
        return bool(broker().ping())
    except RedisError:
        return False
