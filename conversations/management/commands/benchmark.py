"""`benchmark`: how fast Parley is on this machine, beside what this machine can do at best."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Mapping
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from config import local_services
from config.supervisor import free_port
from conversations.management import scratch
from conversations.management.benchmark import servers
from conversations.management.benchmark.admin import AdminBenchmark
from conversations.management.benchmark.campaign import CampaignBenchmark
from conversations.management.benchmark.contract import Benchmark, whole_number
from conversations.management.benchmark.crash import CrashBenchmark
from conversations.management.benchmark.delivery import Delivery
from conversations.management.benchmark.hooks import HooksBenchmark
from conversations.management.benchmark.inbox import Inbox
from conversations.management.benchmark.machine import load, this_machine
from conversations.management.benchmark.mirror import MirrorBenchmark
from conversations.management.benchmark.rate import RateBenchmark
from conversations.management.benchmark.report import Report
from conversations.management.benchmark.reports import Reports
from conversations.management.benchmark.start import StartBenchmark
from conversations.management.console import ConsoleCommand

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        Delivery(),
        Inbox(),
        CampaignBenchmark(),
        RateBenchmark(),
        CrashBenchmark(),
        HooksBenchmark(),
        MirrorBenchmark(),
        Reports(),
        AdminBenchmark(),
        StartBenchmark(),
    )
}
FIRST_PORT = 19000


class Command(ConsoleCommand):
    """Runs benchmarks with servers, a database and processes of their own, and removes them."""

    help = (
        "Measure Parley on this machine, beside a floor that is measured in the same run: with scratch servers and "
        "processes, all gone afterwards. Exit code 0: everything that was counted is right."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        self._defaults: dict[str, dict[str, Any]] = {}
        names = parser.add_subparsers(
            dest="benchmark", metavar="NAME", help=f"What to measure: {', '.join(BENCHMARKS)}. Without a name: all."
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
            self._defaults[benchmark.name] = vars(one.parse_args([]))

    def handle(self, *args: Any, **options: Any) -> None:
        port = free_port(FIRST_PORT + os.getpid() % 10_000)
        scratch.start_over(
            "benchmark",
            base_url="http://127.0.0.1",  # no web process runs
            from_command_line=getattr(self, "_called_from_command_line", False),
            environment={"SANDBOX_PORT": str(port), "INTERACTIVE_WORKERS": "2"},
        )
        local_services.end_on_signals()
        wanted = {options["benchmark"]: options} if options["benchmark"] else self._defaults
        with scratch.only_one("benchmark"):
            for name, own_options in wanted.items():
                report = self._run(BENCHMARKS[name], own_options)
                self.tell(report, json_wanted=own_options["json"], markdown_wanted=own_options["markdown"])

    def tell(self, report: Report, *, json_wanted: bool, markdown_wanted: bool) -> None:
        """Print what was found. Raises CommandError when a count is wrong."""
        if json_wanted:
            self.stdout.write(json.dumps(report.as_json()))
        else:
            self.stdout.write(report.as_markdown() if markdown_wanted else report.as_text())
        if report.wrong:
            raise CommandError(f"Wrong: {'; '.join(map(str, report.wrong))}.")

    def _run(self, benchmark: Benchmark, options: Mapping[str, Any]) -> Report:
        """The report of one benchmark, on fresh servers."""
        try:
            self._say("Starting PostgreSQL and Valkey")
            started, load_before = time.monotonic(), load()
            servers.start()
            call_command("migrate", verbosity=0, interactive=False)
            findings = benchmark.run(options, self._say)
            return Report(
                command=_command(),
                day=f"{timezone.localdate():%-d %B %Y}",
                seconds=time.monotonic() - started,
                machine=this_machine(),
                load_before=load_before,
                load_after=load(),
                findings=findings,
            )
        except local_services.LocalServicesError as error:
            raise CommandError(str(error)) from error
        finally:
            connection.close()
            local_services.release()

    def _say(self, text: str) -> None:
        """Tell whoever waits; what was found goes to standard output alone."""
        self.stderr.write(f"{text} ...", self.style.NOTICE)
        self.stderr.flush()


def _command() -> str:
    """What was typed, without the form in which it is printed."""
    return shlex.join(["manage.py", *(word for word in sys.argv[1:] if word not in ("--json", "--markdown"))])
