"""`benchmark start`: from `make run` in an empty directory to the first page, and the same again with what is there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.local_services import LocalServices
from config.local_services.places import PROJECT, Places
from config.supervisor import free_port
from config.supervisor.guard import Guard
from conversations.management.benchmark.contract import Benchmark, Say
from conversations.management.benchmark.kept import KeptConnection
from conversations.management.benchmark.report import FLOOR, OURS, Count, Findings, Measure

PROGRAM = ("config", "conversations", "messaging", "static", "templates", "manage.py")
PAGE = "/sign-in/"
PATIENCE = 120.0  # seconds
LOOK_EVERY = 0.02
FIRST_PORT = 18_000
FOUND_IN_ANY_SHELL = ("PATH", "HOME", "LANG", "TMPDIR", "USER")
FIRST, AGAIN = "in an empty directory", "started again"


class StartBenchmark(Benchmark):
    """`manage.py dev` in a copy of the program, with servers and data of its own, beside its servers alone."""

    name = "start"
    help = (
        "Seconds from the command that runs everything to the first page: in an empty directory, where a database is "
        "made and migrated, and again with what is there. The wheels are installed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-demo-data", action="store_true", help="Begin with an empty inbox.")

    def run(self, options: Mapping[str, Any], say: Say) -> Findings:
        values: defaultdict[str, dict[str, list[float]]] = defaultdict(dict)
        served = 0
        for turn in range(1, options["rounds"] + 1):
            say(f"Round {turn} of {options['rounds']}")
            with _empty_directory() as directory:
                for what in (FIRST, AGAIN):
                    began = time.monotonic()
                    LocalServices(directory).ensure_running()
                    values[f"{what}, first page"].setdefault(FLOOR, []).append(time.monotonic() - began)
                    LocalServices(directory).stop()
            with _empty_directory() as directory:
                for what in (FIRST, AGAIN):
                    with _Site(directory, demo_data=not options["no_demo_data"]) as site:
                        values[f"{what}, first page"].setdefault(OURS, []).append(site.seconds_until_a_page())
                        values[f"{what}, all of it"].setdefault(OURS, []).append(site.seconds_until_announced())
                    served += 1
        measures = [Measure(name, "s", sides) for name, sides in values.items()]
        return Findings(measures, [Count("starts that ended with a page", 2 * options["rounds"], served)])


@contextmanager
def _empty_directory() -> Iterator[Path]:
    """The program's files and nothing else; its servers are stopped and its data deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="parley-start-") as name:
        directory = Path(name)
        for part in PROGRAM:
            if (PROJECT / part).is_dir():
                shutil.copytree(PROJECT / part, directory / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(PROJECT / part, directory / part)
        try:
            yield directory
        finally:
            LocalServices(directory).stop()
            shutil.rmtree(Places(directory).runtime, ignore_errors=True)


class _Site:
    """One run of everything in that directory; a context manager."""

    def __init__(self, directory: Path, *, demo_data: bool) -> None:
        self._directory = directory
        self._port = free_port(FIRST_PORT + os.getpid() % 1000)
        options = ("--port", str(self._port), *(() if demo_data else ("--no-demo-data",)))
        self._command = (sys.executable, "manage.py", "dev", *options)
        self._guard = Guard()

    def __enter__(self) -> _Site:
        self._guard.__enter__()
        environment = {name: os.environ[name] for name in FOUND_IN_ANY_SHELL if name in os.environ}
        self._began = time.monotonic()
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._directory,
                env={**environment, "SANDBOX_PORT": str(free_port(self._port + 1))},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard.add(self._process.pid)
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE)
            self._guard.remove(self._process.pid)
        finally:
            self._guard.__exit__()  # ends what has not ended

    def seconds_until_a_page(self) -> float:
        """Since its start, until the page where people sign in is there."""
        return self._seconds_until(self._serves)

    def seconds_until_announced(self) -> float:
        """Until it has said that all is there."""
        return self._seconds_until(Places(self._directory).run_file.exists)

    def _seconds_until(self, is_there: Any) -> float:
        while not is_there():
            if self._process.poll() is not None or time.monotonic() - self._began > PATIENCE:
                raise CommandError(f"Nothing is served.\n{(self._directory / 'log').read_text(errors='replace')}")
            time.sleep(LOOK_EVERY)
        return time.monotonic() - self._began

    def _serves(self) -> bool:
        try:
            connection = KeptConnection(self._port)
        except OSError:
            return False
        try:
            return connection.status_of("GET", PAGE) == 200
        finally:
            connection.close()
