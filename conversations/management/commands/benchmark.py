"""`benchmark`: how fast Parley is on this machine, beside what this machine can do at best."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from config import local_services
from config.supervisor import free_port
from conversations.management import scratch
from conversations.management.benchmark import servers
from conversations.management.benchmark.contract import Benchmark, whole_number
from conversations.management.benchmark.delivery import Delivery
from conversations.management.benchmark.machine import load, this_machine
from conversations.management.benchmark.report import Report
from conversations.management.console import ConsoleCommand

BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in (Delivery(),)}
FIRST_PORT = 19000


class Command(ConsoleCommand):
    """Runs one benchmark with servers, a database and processes of its own, and removes them."""

    help = (
        "Measure Parley on this machine, beside a floor that is measured in the same run: with a scratch database, "
        "real workers and a provider that only counts, all gone afterwards. Exit code 0: nothing lost, doubled or left."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        names = parser.add_subparsers(
            dest="benchmark", metavar="NAME", required=True, help="What to measure: " + ", ".join(BENCHMARKS)
        )
        for benchmark in BENCHMARKS.values():
            one = names.add_parser(benchmark.name, help=benchmark.help, description=benchmark.help)
            benchmark.add_arguments(one)
            one.add_argument(
                "--rounds",
                type=whole_number(1, 100),
                default=3,
                help="How often it is all done, the sides by turns. Default: %(default)s.",
            )
            form = one.add_mutually_exclusive_group()
            form.add_argument("--json", action="store_true", help="Print what was found as JSON.")
            form.add_argument("--markdown", action="store_true", help="Print it as it stands in docs/performance.md.")

    def handle(self, *args: Any, **options: Any) -> None:
        port = free_port(FIRST_PORT + os.getpid() % 10_000)
        scratch.start_over(
            "benchmark",
            base_url="http://127.0.0.1",  # no web process runs
            from_command_line=getattr(self, "_called_from_command_line", False),
            environment={"SANDBOX_PORT": str(port), "INTERACTIVE_WORKERS": "2"},
        )
        scratch.leave_on_signals()
        with scratch.only_one("benchmark"):
            try:
                servers.start()
                report = self._run(BENCHMARKS[options["benchmark"]], options)
            except local_services.LocalServicesError as error:
                raise CommandError(str(error)) from error
            finally:
                local_services.release()
        self.tell(report, json_wanted=options["json"], markdown_wanted=options["markdown"])

    def tell(self, report: Report, *, json_wanted: bool, markdown_wanted: bool) -> None:
        """Print what was found. Raises CommandError when a count is wrong."""
        if json_wanted:
            self.stdout.write(json.dumps(report.as_json()))
        else:
            self.stdout.write(report.as_markdown() if markdown_wanted else report.as_text())
        if report.wrong:
            raise CommandError(f"Wrong: {'; '.join(map(str, report.wrong))}.")

    def _run(self, benchmark: Benchmark, options: dict[str, Any]) -> Report:
        started, load_before = time.monotonic(), load()
        self._say("Starting PostgreSQL, Valkey, the dispatcher and a provider that counts")
        call_command("migrate", verbosity=0, interactive=False)
        findings = benchmark.run(options, self._say)
        return Report(
            command=shlex.join(["manage.py", *(word for word in sys.argv[1:] if word not in ("--json", "--markdown"))]),
            day=f"{timezone.localdate():%-d %B %Y}",
            seconds=time.monotonic() - started,
            machine=this_machine(),
            load_before=load_before,
            load_after=load(),
            findings=findings,
        )

    def _say(self, text: str) -> None:
        """Tell whoever waits; what was found goes to standard output alone."""
        self.stderr.write(f"{text} ...", self.style.NOTICE)
        self.stderr.flush()
