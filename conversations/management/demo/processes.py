"""The processes of one run, each with a log file, all of them ended with it, whatever happens to it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import CommandError

from config.supervisor.guard import Guard
from conversations.management.console import worker_is_registered
from conversations.queue import QUEUES
from messaging.errors import ProviderError
from messaging.transport import Transport
from messaging.types import Request

START_PATIENCE = 60.0  # seconds: the processes load Django at the same time
STOP_PATIENCE = 10.0
LINES_SHOWN = 15
WORKER_CLASSES = {"interactive": "conversations.queue.InteractiveWorker"}


class Processes:
    """What a site runs, on ports of its own; a context manager. Their logs are files in `directory`."""

    def __init__(self, directory: Path, *, web_url: str, sandbox_url: str) -> None:
        self.directory = directory
        self._web_url, self._sandbox_url = web_url, sandbox_url
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stack = contextlib.ExitStack()
        self._guard = Guard()  # ends them if this process is killed

    def __enter__(self) -> Processes:
        self._stack.enter_context(self._guard)
        try:
            self._start_all()
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + STOP_PATIENCE
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter on macOS, for zombies
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._guard.remove(process.pid)
        self._running.clear()
        self._stack.close()

    def check(self) -> None:
        """Raise CommandError with the end of its log when one of them has died."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise CommandError(
                    f"The process {name} ended with exit code {process.returncode}.\n{self._end_of_log(name)}"
                )

    def logs(self) -> str:
        """What they had to complain about, the last lines of each."""
        return "\n".join(text for name in self._running if (text := self._end_of_log(name)))

    def _end_of_log(self, name: str) -> str:
        lines = (self.directory / f"{name}.log").read_text(errors="replace").splitlines()[-LINES_SHOWN:]
        return "\n".join(f"{name} | {line}" for line in lines)

    def _start_all(self) -> None:
        manage = (sys.executable, str(settings.BASE_DIR / "manage.py"))
        self._start("sandbox", *manage, "sandbox", "--port", _port(self._sandbox_url))
        server = (
            sys.executable,
            "-m",
            "uvicorn",
            "config.asgi:application",
            "--no-access-log",
            "--log-level",
            "warning",
        )
        address = ("--host", "127.0.0.1", "--port", _port(self._web_url), "--timeout-graceful-shutdown", "1")
        self._start("web", *server, *address, environment={"DATABASE_POOL": "on"})
        for queue in QUEUES:
            worker = WORKER_CLASSES.get(queue, "conversations.queue.Worker")
            self._start(queue, *manage, "rqworker", queue, "--worker-class", worker, "--verbosity", "0")
        self._start("dispatcher", *manage, "dispatcher")

    def _start(self, name: str, *command: str, environment: Mapping[str, str] | None = None) -> None:
        with (self.directory / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
                cwd=settings.BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone, and a worker's children end with it
            )
        self._running[name] = process
        self._guard.add(process.pid)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_PATIENCE
        waiting: dict[str, Callable[[], bool]] = {
            "sandbox": partial(_answers, self._sandbox_url),
            "web": partial(_answers, self._web_url),
            **{queue: partial(worker_is_registered, queue) for queue in QUEUES},
        }
        while waiting:
            self.check()
            waiting = {name: is_ready for name, is_ready in waiting.items() if not is_ready()}
            if waiting and time.monotonic() > deadline:
                raise CommandError(f"Not ready within {START_PATIENCE:.0f} s: {', '.join(waiting)}.")
            time.sleep(0.05)


def _port(url: str) -> str:
    return str(urlsplit(url).port)


def _answers(url: str) -> bool:
    transport = Transport(extra_hosts={urlsplit(url).netloc}, connect_seconds=0.5)
    try:
        transport.send(Request("GET", f"{url}/healthz"), hosts=())
    except ProviderError:
        return False
    return True
