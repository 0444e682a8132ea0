"""Processes of the site under test: started, frozen and killed by their own pid."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import psutil

from config.supervisor.guard import Guard
from conversations.management.processes import kill_family

PATIENCE = 120.0  # seconds: no test is about speed, and the machine may be busy
Found = TypeVar("Found")


def eventually(question: Callable[[], Found], what: str, *, within: float = PATIENCE) -> Found:
    """Ask until the answer is true, and return it; fails with `what` was waited for."""
    deadline = time.monotonic() + within
    while True:
        if answer := question():
            return answer
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.03)


class Process:
    """One command of the product. Started again it is another process with another name in PostgreSQL."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Callable[[str], Mapping[str, str]],
        log: Path,
        guard: Guard,
    ) -> None:
        self.name = name
        self.log = log
        self._command, self._environment, self._guard = command, environment, guard
        self._process: subprocess.Popen[bytes] | None = None
        self._generation = 0

    def __str__(self) -> str:
        return self.name

    @property
    def connection_name(self) -> str:
        """What its connections call themselves in pg_stat_activity."""
        return f"{self.name}.{self._generation}"

    @property
    def pid(self) -> int:
        """Its pid; only while it runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Does it run (or stand still, frozen)?"""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it unless it runs."""
        if self.is_alive:
            return
        self.kill()
        self._generation += 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, **self._environment(self.connection_name)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard.add(self._process.pid)

    def freeze(self) -> None:
        """SIGSTOP, and wait until it stands still."""
        os.kill(self.pid, signal.SIGSTOP)
        eventually(lambda: psutil.Process(self.pid).status() == psutil.STATUS_STOPPED, f"{self} stands still")

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def ask_to_stop(self) -> None:
        """SIGTERM, as a supervisor does."""
        os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """kill -9, with all that it forked; harmless when it has ended."""
        if self._process is None:
            return
        kill_family(self._process.pid)
        self._process.wait()
        self._guard.remove(self._process.pid)
        self._process = None

    def wait_for_end(self) -> None:
        """Wait until it has ended by itself."""
        eventually(lambda: not self.is_alive, f"{self} ends")
