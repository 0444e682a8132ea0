"""Processes of one run of a command, each with a log file, all of them ended with it, whatever happens to it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import psutil
from django.conf import settings
from django.core.management.base import CommandError

from config.supervisor.guard import Guard
from conversations.queue import worker_command

START_PATIENCE = 60.0  # seconds: processes that start together load Django at the same time
STOP_PATIENCE = 10.0
LINES_SHOWN = 15


def kill_family(pid: int) -> None:
    """kill -9 a process and all that it forked; harmless when it has ended."""
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        main = psutil.Process(pid)
        family = [main, *main.children(recursive=True)]
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


class Processes:
    """Some processes; a context manager. Their logs are files in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stack = contextlib.ExitStack()
        self._guard = Guard()  # ends them if this process is killed

    def __enter__(self) -> Self:
        self._stack.enter_context(self._guard)
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop(*self._running)
        self._stack.close()

    def start(self, name: str, *command: str, environment: Mapping[str, str] | None = None) -> int:
        """Start a process under a name, which PostgreSQL is told too; returns its pid, which is its group's too."""
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "PGAPPNAME": name, **(environment or {})},
                cwd=settings.BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone, and a worker's children end with it
            )
        self._running[name] = process
        self._guard.add(process.pid)
        return process.pid

    def start_command(self, name: str, *arguments: str) -> int:
        """Start one of our own commands under a name; returns its pid."""
        return self.start(name, sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments)

    def start_web(self, name: str, port: int, *, environment: Mapping[str, str] | None = None) -> int:
        """Start the web process on a port, as a site does; returns its pid."""
        server = ("-m", "uvicorn", "config.asgi:application", "--no-access-log", "--log-level", "warning")
        address = ("--host", "127.0.0.1", "--port", str(port), "--ws", "none", "--timeout-graceful-shutdown", "1")
        return self.start(
            name, sys.executable, *server, *address, environment={"DATABASE_POOL": "on", **(environment or {})}
        )

    def start_worker(self, name: str, queue: str) -> int:
        """Start a worker of a queue, as a site does; returns its pid."""
        return self.start_command(name, *worker_command(queue), "--verbosity", "0")

    def stop(self, *names: str) -> None:
        """End these processes, orderly where they let us."""
        stopping = {name: self._running[name] for name in names}
        for process in stopping.values():
            process.terminate()
        deadline = time.monotonic() + STOP_PATIENCE
        for name, process in stopping.items():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter on macOS, for zombies
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._guard.remove(process.pid)
            del self._running[name]

    def kill(self, name: str) -> None:
        """End a process with all that it forked at once, as a crash does."""
        process = self._running.pop(name)
        kill_family(process.pid)
        process.wait()
        self._guard.remove(process.pid)

    def check(self) -> None:
        """Raise CommandError with the end of its log when one of them has died."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise CommandError(
                    f"The process {name} ended with exit code {process.returncode}.\n{self._end_of_log(name)}"
                )

    def wait_until(self, waiting: Mapping[str, Callable[[], bool]], *, patience: float = START_PATIENCE) -> None:
        """Return once each of these answers True; CommandError names those that do not within `patience` seconds."""
        deadline = time.monotonic() + patience
        while waiting:
            self.check()
            waiting = {name: is_ready for name, is_ready in waiting.items() if not is_ready()}
            if waiting and time.monotonic() > deadline:
                raise CommandError(f"Not ready within {patience:.0f} s: {', '.join(waiting)}.\n{self.logs()}")
            time.sleep(0.05)

    def logs(self) -> str:
        """What they had to complain about, the last lines of each."""
        return "\n".join(text for name in self._running if (text := self._end_of_log(name)))

    def _end_of_log(self, name: str) -> str:
        lines = (self.directory / f"{name}.log").read_text(errors="replace").splitlines()[-LINES_SHOWN:]
        return "\n".join(f"{name} | {line}" for line in lines)
