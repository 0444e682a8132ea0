"""The ground a benchmark stands on: the counting provider, a dispatcher, workers, and what they take of the machine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import django_rq
from django.conf import settings
from django.core.management.base import CommandError
from redis import Redis
from rq import Worker
from rq.worker import WorkerStatus

from conversations.management.benchmark import counting_provider, floor, machine
from conversations.management.benchmark.kept import KeptConnection
from conversations.management.processes import Processes
from conversations.models import DispatcherTick
from conversations.queue import INTERACTIVE

PATIENCE = 60.0  # seconds for what takes milliseconds
LOOK_EVERY = 0.002


@dataclass(frozen=True, slots=True)
class Arrival:
    """How often a reference came to the provider, and when first and last (monotonic seconds)."""

    times: int
    first: float
    last: float


class Ground(Processes):
    """Real processes; a context manager. Workers are started and stopped as the measurements want them."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._queue = django_rq.get_queue(INTERACTIVE)
        self.broker: Redis = self._queue.connection
        self._workers: dict[str, int] = {}  # name: pid
        self._started = 0
        self._provider: KeptConnection | None = None
        self._provider_pid = 0

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            program = str(Path(counting_provider.__file__))
            self._provider_pid = self.start("provider", sys.executable, "-I", "-S", program, str(settings.SANDBOX_PORT))
            self.start_command("dispatcher", "dispatcher")
            self.wait_until({"provider": self._is_connected, "dispatcher": DispatcherTick.objects.exists})
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        if self._provider is not None:
            self._provider.close()
        super().__exit__(*exception)

    # Workers

    @contextlib.contextmanager
    def workers(self, number: int) -> Iterator[list[int]]:
        """So many interactive workers, ready; yields their pids. They stay until another number is wanted."""
        for name in list(self._workers)[number:]:
            del self._workers[name]
            self.stop(name)
        while len(self._workers) < number:
            self._started += 1
            name = f"interactive-{self._started}"
            self._workers[name] = self.start_worker(name, INTERACTIVE)
        self.wait_until({"workers": lambda: self._idle_workers() == number})
        yield list(self._workers.values())

    @contextlib.contextmanager
    def floor_workers(self, number: int) -> Iterator[list[int]]:
        """So many workers of the floor, ready; yields their pids."""
        self.broker.delete(floor.READY, floor.WAITING, floor.TAKEN)
        names = [f"floor-{index}" for index in range(number)]
        module = ("-m", "conversations.management.benchmark.floor")
        addresses = (settings.DATABASE_URL, settings.REDIS_URL, str(settings.SANDBOX_PORT))
        pids = [self.start(name, sys.executable, *module, *addresses) for name in names]
        self.wait_until({"the floor": lambda: int(self.broker.get(floor.READY) or 0) == number})
        try:
            yield pids
        finally:
            self.stop(*names)

    def registered(self, queue: str) -> int:
        """How many workers of a queue say that they are there."""
        return len(Worker.all(queue=django_rq.get_queue(queue)))

    def peak_megabytes(self) -> float:
        """The most memory that one of the present interactive workers ever held."""
        return max(machine.peak_megabytes(pid) for pid in self._workers.values())

    def provider_seconds(self) -> float:
        """What the provider took of the processor so far."""
        return machine.processor_seconds(self._provider_pid)

    def wait_until_quiet(self) -> None:
        """Return once no job waits and no worker works; CommandError when that does not come."""
        deadline = time.monotonic() + PATIENCE
        while not self._is_quiet():
            if time.monotonic() > deadline:
                raise CommandError(f"The workers have not come to rest within {PATIENCE:.0f} s.\n{self.logs()}")
            time.sleep(LOOK_EVERY)

    def _is_quiet(self) -> bool:
        if self.broker.llen(floor.WAITING) or self.broker.llen(floor.TAKEN):
            return False
        return self.waiting_jobs() == 0 and self._idle_workers() == len(self._workers)

    def waiting_jobs(self) -> int:
        """The jobs of the interactive queue that no worker has taken."""
        return int(self._queue.count)

    def _idle_workers(self) -> int:
        return sum(worker.get_state() == WorkerStatus.IDLE for worker in Worker.all(queue=self._queue))

    # The provider

    def wait_for_arrivals(self, refs: Sequence[str]) -> dict[str, Arrival]:
        """Those that have come to the provider, once all have, or when no other has come for a long while."""
        came, changed_at = self._ask("POST", "/wait", refs), time.monotonic()
        while len(came) < len(refs) and time.monotonic() - changed_at < PATIENCE:
            self.check()
            before, came = len(came), self._ask("POST", "/wait", refs)
            if len(came) > before:
                changed_at = time.monotonic()
        return came

    def arrivals(self) -> dict[str, Arrival]:
        """All that has ever come to the provider, by reference."""
        return self._ask("GET", "/seen", [])

    def answer_after(self, seconds: float) -> None:
        """From now on the provider answers each request that long after it was complete."""
        assert self._provider is not None
        self._provider.ask("POST", "/latency", json.dumps(seconds).encode())

    def _ask(self, method: str, path: str, refs: Sequence[str]) -> dict[str, Arrival]:
        assert self._provider is not None
        found = json.loads(self._provider.ask(method, path, json.dumps(refs).encode()))
        return {ref: Arrival(int(times), first, last) for ref, (times, first, last) in found.items()}

    def _is_connected(self) -> bool:
        try:
            self._provider = self._provider or KeptConnection(settings.SANDBOX_PORT)
        except OSError:
            return False
        return True


@contextlib.contextmanager
def frozen(pids: Sequence[int]) -> Iterator[None]:
    """These processes stand still: what is queued inside begins at the end, at one moment."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
