"""`demo`: the main job end to end through every provider, against the sandbox, printed as a table."""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser

from config import local_services
from config.supervisor import free_port
from conversations.management import scratch
from conversations.management.console import ConsoleCommand
from conversations.management.demo import ccai_platform, cirrus, cirrus_objects, webex_interact
from conversations.management.demo.processes import Site
from conversations.management.demo.stage import Row, Stage
from conversations.services import demo_data

ROWS: list[Row] = [*cirrus.ROWS, *cirrus_objects.ROWS, *ccai_platform.ROWS, *webex_interact.ROWS]
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
        web_port = free_port(FIRST_PORT + os.getpid() % 10_000)
        scratch.start_over(
            "demo",
            base_url=f"http://127.0.0.1:{web_port}",
            from_command_line=getattr(self, "_called_from_command_line", False),
            environment={"SANDBOX_PORT": str(free_port(web_port + 1))},
        )
        local_services.end_on_signals()
        with scratch.only_one("demo"):
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
            Site(Path(logs), web_url=settings.BASE_URL, sandbox_url=settings.SANDBOX_URL) as processes,
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
