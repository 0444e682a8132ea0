"""What the commands have in common that read people from a CSV file, as the pages do."""

from __future__ import annotations

import json
from abc import abstractmethod
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversations.management.console import ConsoleCommand
from conversations.models import Stream
from conversations.services.csv_files import CsvProblem, Table, open_table

MOST_ROWS = 1_000_000


class SheetImportCommand(ConsoleCommand):
    """Reads a file with the same report as the page; it sees the contacts of every team."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The CSV file.")
        parser.add_argument("--dry-run", action="store_true", help="Only check the file.")
        parser.add_argument("--region", default="GB", help="The country of numbers without a country code (GB).")
        parser.add_argument(
            "--repair",
            action="store_true",
            help="Read numbers that lost their zero or their plus sign; without it their rows are left out.",
        )
        parser.add_argument("--json", action="store_true", help="Print the report as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        numbers = {
            "region": options["region"].upper(),
            "repair": options["repair"],
            "allow_fictional": any(one.account.is_sandbox for one in Stream.objects.select_related("account")),
        }
        choices, stores = self.choices(options, numbers), not options["dry_run"]
        try:
            with Path(options["file"]).open("rb") as source:
                table = open_table(source, most_rows=MOST_ROWS)
                report = self.check_file(table, choices)
                if report.can_be_stored and stores:
                    report = self.store_file(table, choices)
        except CsvProblem as problem:
            raise CommandError(problem.sentence) from problem
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        if options["json"]:
            told = {"stored": report.can_be_stored and stores, "rows": report.rows, **self.counts(report)}
            self.stdout.write(json.dumps(told | _problems(report)))
        if not report.can_be_stored:
            raise CommandError("\n".join([report.problem, *_bad_rows(report)]))
        if not options["json"]:
            self.stdout.write(self.described(report, choices, stored=stores))

    @abstractmethod
    def choices(self, options: dict[str, Any], numbers: dict[str, Any]) -> Any:
        """What the service is told; `numbers` says how numbers are read (csv_report.NumberChoices)."""

    @abstractmethod
    def check_file(self, table: Table, choices: Any) -> Any:
        """The report, with nothing stored."""

    @abstractmethod
    def store_file(self, table: Table, choices: Any) -> Any:
        """The report of what was stored."""

    @abstractmethod
    def counts(self, report: Any) -> dict[str, int]:
        """The numbers of the JSON report."""

    @abstractmethod
    def described(self, report: Any, choices: Any, *, stored: bool) -> str:
        """What came of it, or would, in a line."""


def _bad_rows(report: Any) -> list[str]:
    return [
        f"  line {one.line}: {f'{report.columns[one.column]}: ' if one.column >= 0 else ''}{one.sentence}"
        for one in report.bad_cells
    ]


def _problems(report: Any) -> dict[str, Any]:
    return {
        "problem": report.problem,
        "code": report.code,
        "bad_rows": [{"line": one.line, "sentence": one.sentence} for one in report.bad_cells],
        "bad_count": report.bad_count,
    }
