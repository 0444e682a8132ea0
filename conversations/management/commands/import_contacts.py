"""`import_contacts`: contacts from a CSV file of any size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversations.management.console import ConsoleCommand
from conversations.models import Stream
from conversations.services.contact_import import Choices, Report, check_file, store_file
from conversations.services.csv_files import CsvProblem, open_table

MOST_ROWS = 1_000_000


class Command(ConsoleCommand):
    """Reads a file as the page does, with the same report; it sees the contacts of every team."""

    help = (
        "Import contacts from a CSV file with a column called phone. Nothing is stored while the file has a problem. "
        "Exit code 0: stored, or, with --dry-run, nothing wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The CSV file.")
        parser.add_argument("--dry-run", action="store_true", help="Only check the file.")
        parser.add_argument("--region", default="GB", help="The country of numbers without a country code (GB).")
        parser.add_argument(
            "--existing",
            choices=("update", "skip"),
            default="update",
            help="What to do with numbers that are known already (update).",
        )
        parser.add_argument(
            "--repair",
            action="store_true",
            help="Read numbers that lost their zero or their plus sign; without it their rows are left out.",
        )
        parser.add_argument("--json", action="store_true", help="Print the report as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        choices = Choices(
            region=options["region"].upper(),
            update_known=options["existing"] == "update",
            repair=options["repair"],
            allow_fictional=any(one.account.is_sandbox for one in Stream.objects.select_related("account")),
        )
        try:
            with Path(options["file"]).open("rb") as source:
                table = open_table(source, most_rows=MOST_ROWS)
                report = check_file(table, choices, None)
                if report.can_be_stored and not options["dry_run"]:
                    report = store_file(table, choices, None)
        except CsvProblem as problem:
            raise CommandError(problem.sentence) from problem
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(report, stored=report.can_be_stored and not options["dry_run"])))
        if not report.can_be_stored:
            raise CommandError("\n".join([report.problem, *_bad_rows(report)]))
        if not options["json"]:
            self.stdout.write(_described(report, choices, dry_run=options["dry_run"]))


def _bad_rows(report: Report) -> list[str]:
    return [
        f"  line {one.line}: {report.columns[one.column] if one.column >= 0 else 'row'}: {one.sentence}"
        for one in report.bad_cells
    ]


def _as_json(report: Report, *, stored: bool) -> dict[str, Any]:
    return {
        "stored": stored,
        "rows": report.rows,
        "new": report.new,
        "known": report.known,
        "changed": report.would_change,
        "repeated": report.repeated_count,
        "lost_zeros": report.lost_zeros.count,
        "without_plus": report.without_plus.count,
        "problem": report.problem,
        "code": report.code,
        "bad_rows": [{"line": one.line, "sentence": one.sentence} for one in report.bad_cells],
        "bad_count": report.bad_count,
    }


def _described(report: Report, choices: Choices, *, dry_run: bool) -> str:
    verbs = ("to add", "to change") if dry_run else ("added", "changed")
    words = [f"{report.rows:,} rows: {report.new:,} {verbs[0]}"]
    if choices.update_known:
        words.append(f"{report.would_change:,} of {report.known:,} known {verbs[1]}")
    else:
        words.append(f"{report.known:,} known left as they are")
    if report.repeated_count:
        words.append(f"{report.repeated_count:,} repeated")
    if report.repairs:
        words.append(f"{report.repairs:,} without zero or plus {'read' if choices.repair else 'left out (--repair)'}")
    return ", ".join(words) + "."
