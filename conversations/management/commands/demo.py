"""`demo`: the main job end to end through every provider, against the sandbox, printed as a table."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser

from config import local_services
from config.supervisor import free_port
from conversations.management.console import ConsoleCommand
from conversations.management.demo import ccai_platform, cirrus, cirrus_objects, webex_interact
from conversations.management.demo.processes import Processes
from conversations.management.demo.stage import Row, Stage
from conversations.services import demo_data

ROWS: list[Row] = [*cirrus.ROWS, *cirrus_objects.ROWS, *ccai_platform.ROWS, *webex_interact.ROWS]
PROFILE = "demo-"  # and the profile from which it is called: runs of two of them do not disturb each other
FIRST_PORT = 18000


@dataclass(frozen=True, slots=True)
class Played:
    """One line of the table as it came out."""

    row: Row
    call: str
    got: str
    seconds: float

    @property
    def is_ok(self) -> bool:
        """Did what had to come of it?"""
        return self.got == self.row.expected

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "provider": self.row.provider,
            "what": self.row.what,
            "call": self.call,
            "expected": self.row.expected,
            "got": self.got,
            "seconds": round(self.seconds, 3),
            "ok": self.is_ok,
        }

    def as_line(self) -> str:
        """For people."""
        what = f"{self.row.provider:<14}  {self.row.what:<62}  {self.call:<42}  {self.got}"
        if self.is_ok:
            return f"ok    {self.seconds:5.2f} s  {what}"
        return f"FAIL  {self.seconds:5.2f} s  {what}  (expected: {self.row.expected})"


class Command(ConsoleCommand):
    """Plays every row with servers, a database and processes of its own, and removes them."""

    help = (
        "Do the main job through every provider against the sandbox: with a scratch database, real workers and real "
        "HTTP, all on this machine and all gone afterwards. Exit code 0: every row came out as expected."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the rows as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not _has_servers_of_its_own():
            if not getattr(self, "_called_from_command_line", False):
                raise CommandError("This command starts anew with other settings. Run it from a shell: manage.py demo")
            _start_again_with_servers_of_its_own()
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _leave)
        with _only_one():
            try:
                local_services.ensure_running()
                played = self._play(silent=options["json"])
            except local_services.LocalServicesError as error:
                raise CommandError(str(error)) from error
            finally:
                local_services.release()
        if options["json"]:
            self.stdout.write(json.dumps([one.as_json() for one in played]))
        failed = [one for one in played if not one.is_ok]
        if failed:
            raise CommandError(f"{len(failed)} of {len(played)} rows did not come out as expected.")

    def _play(self, *, silent: bool) -> list[Played]:
        def say(text: str) -> None:
            if not silent:
                self.stdout.write(text)
                self.stdout.flush()

        started = time.monotonic()
        say("Starting a scratch database, the sandbox, a web process, workers and the dispatcher.")
        call_command("migrate", verbosity=0, interactive=False)
        demo_data.create(sandbox_url=settings.SANDBOX_URL)
        with (
            tempfile.TemporaryDirectory(prefix="parley-demo-") as logs,
            Processes(Path(logs), web_url=settings.BASE_URL, sandbox_url=settings.SANDBOX_URL) as processes,
        ):
            demo_data.connect_sandbox(sandbox_url=settings.SANDBOX_URL, web_url=settings.BASE_URL)
            stage = Stage(settings.SANDBOX_URL)
            say(f"Ready after {time.monotonic() - started:.1f} s.")
            played = []
            for row in ROWS:
                played.append(_play_row(row, stage))
                say(played[-1].as_line())
                processes.check()
            ok = sum(one.is_ok for one in played)
            if ok < len(played):
                self.stderr.write(processes.logs())
        say(f"{ok} of {len(played)} rows as expected, in {time.monotonic() - started:.1f} s.")
        say("Cirrus and CCAI Platform document no delivery reports: theirs are the sandbox's own addition.")
        return played


def _play_row(row: Row, stage: Stage) -> Played:
    began = time.monotonic()
    try:
        seen = row.play(stage)
        call, got = seen.call, seen.got
    except Exception as error:  # whatever broke, the other rows are still worth knowing
        call, got = "-", f"{type(error).__name__}: {error}"
    return Played(row, call, got, time.monotonic() - began)


def _has_servers_of_its_own() -> bool:
    """Is this the second start? Nothing of a site, whatever its environment, may be taken for scratch."""
    return (
        local_services.profile().startswith(PROFILE)
        and local_services.database_url() == settings.DATABASE_URL
        and local_services.redis_url() == settings.REDIS_URL
    )


def _start_again_with_servers_of_its_own() -> NoReturn:
    """Become the same command in another environment: settings are read once, and these are not the site's."""
    local_services.release()
    web_port = free_port(FIRST_PORT + os.getpid() % 10_000)
    environment = {
        **os.environ,
        local_services.PROFILE_VARIABLE: f"{PROFILE}{local_services.profile()}",
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "BASE_URL": f"http://127.0.0.1:{web_port}",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SANDBOX": "on",
        "SANDBOX_PORT": str(free_port(web_port + 1)),
        "DEBUG": "off",
        "LOG_LEVEL": "WARNING",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *sys.argv[1:]]
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)  # noqa: S606 there is no shell between


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Hold the lock of this profile's demo; CommandError for a second one."""
    with local_services.run_file().with_name("demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError("Another demo is running here. Wait until it has ended.") from None
        yield


def _leave(signum: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + signum)
