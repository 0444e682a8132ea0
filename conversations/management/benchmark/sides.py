"""What a delivery is measured by: Parley, two ways of doing its least without it, and a system of others."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from uuid import uuid4

import django_rq
from django.db import transaction

from conversations.management.benchmark import floor
from conversations.management.benchmark.company import BODY, request_to
from conversations.management.benchmark.ground import Ground
from conversations.management.benchmark.peers.kannel import Kannel
from conversations.management.benchmark.report import FLOOR, OURS
from conversations.models import Conversation, User
from conversations.queue import INTERACTIVE
from conversations.services.compose import queue_message


@dataclass(frozen=True, slots=True)
class Sent:
    """A message under way: its reference at the provider, and when its commit was done (monotonic seconds)."""

    ref: str
    committed_at: float


class Side(ABC):
    """One way to deliver, on the same ground."""

    name: str

    @abstractmethod
    def send(self, conversation: Conversation) -> Sent:
        """Commit one message and wake a worker for it."""

    @abstractmethod
    def workers(self, number: int) -> AbstractContextManager[list[int]]:
        """So many workers, ready; yields their pids."""


class Parley(Side):
    """An agent's text, through the service that a page calls and the workers that a site runs."""

    name = OURS

    def __init__(self, ground: Ground, agent: User) -> None:
        self._ground = ground
        self._agent = agent

    def send(self, conversation: Conversation) -> Sent:
        committed_at = 0.0

        def note_commit() -> None:
            nonlocal committed_at
            committed_at = time.monotonic()

        with transaction.atomic():
            transaction.on_commit(note_commit)  # the first of those that run after the commit
            message = queue_message(conversation=conversation, body=BODY, author=self._agent)
        return Sent(str(message.ref), committed_at)

    def workers(self, number: int) -> AbstractContextManager[list[int]]:
        return self._ground.workers(number)


class Floor(Side):
    """The floor, woken by one command of Valkey."""

    name = FLOOR

    def __init__(self, ground: Ground, store: floor.Store) -> None:
        self._ground = ground
        self._store = store

    def send(self, conversation: Conversation) -> Sent:
        ref = str(uuid4())
        message_id = self._store.add(
            ref=ref,
            stream=conversation.stream_id,
            conversation=conversation.pk,
            request=request_to(conversation, ref),
        )
        sent = Sent(ref, time.monotonic())
        self._wake(message_id)
        return sent

    def workers(self, number: int) -> AbstractContextManager[list[int]]:
        return self._ground.floor_workers(number)

    def _wake(self, message_id: int) -> None:
        self._ground.broker.rpush(floor.WAITING, message_id)


class FloorThroughRQ(Floor):
    """The floor, woken by a job as Parley's are, inside the workers that a site runs."""

    name = "floor in RQ"

    def workers(self, number: int) -> AbstractContextManager[list[int]]:
        return self._ground.workers(number)

    def _wake(self, message_id: int) -> None:
        job_id = f"floor-{message_id}"
        django_rq.get_queue(INTERACTIVE).enqueue_call(
            floor.JOB, args=(message_id,), job_id=job_id, description=job_id, unique=True, result_ttl=0, failure_ttl=0
        )


class HandedOn(Side):
    """A peer, which is handed a message and has workers of its own."""

    def __init__(self, peer: Kannel) -> None:
        self.name = peer.name
        self._peer = peer

    def send(self, conversation: Conversation) -> Sent:
        return Sent(*self._peer.send_one())

    @contextmanager
    def workers(self, number: int) -> Iterator[list[int]]:
        with self._peer.connected():
            yield []
