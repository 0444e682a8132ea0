"""`import_opt_ins`: decisions about being written to from a CSV file of any size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversations.management.console import ConsoleCommand
from conversations.models import Stream
from conversations.models.consent import ConsentEventKind
from conversations.models.message import Purpose
from conversations.models.stream import Channel
from conversations.services.csv_files import CsvProblem, open_table
from conversations.services.opt_in_import import Decisions, OptInReport, check_opt_ins, store_opt_ins, summed_up

MOST_ROWS = 1_000_000


class Command(ConsoleCommand):
    """Reads a file as the page does, with the same report; it sees the contacts of every team."""

    help = (
        "Import opt-ins and opt-outs from a CSV file with a column called phone. Nothing is stored while the file has "
        "a problem; a permission never lifts an opt-out. Exit code 0: stored, or, with --dry-run, nothing wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The CSV file.")
        parser.add_argument("--proof", required=True, help="Where the list comes from: the proof of rows without one.")
        parser.add_argument("--channel", choices=Channel.values, default=Channel.SMS, help="Of rows without one (sms).")
        parser.add_argument(
            "--decision",
            choices=[one.value for one in ConsentEventKind if one != ConsentEventKind.ERASED],
            default=ConsentEventKind.OPT_IN.value,
            help="Of rows without one (opt_in).",
        )
        parser.add_argument(
            "--purpose", choices=["every", *Purpose.values], default="every", help="Of rows without one (every)."
        )
        parser.add_argument("--wording", default="", help="What they agreed to, of rows without words of their own.")
        parser.add_argument("--business", default="", help="The business named in the words; WhatsApp needs it.")
        parser.add_argument("--region", default="GB", help="The country of numbers without a country code (GB).")
        parser.add_argument(
            "--repair",
            action="store_true",
            help="Read numbers that lost their zero or their plus sign; without it their rows are left out.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Only check the file.")
        parser.add_argument("--json", action="store_true", help="Print the report as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        given = Decisions(
            evidence=options["proof"],
            channel=options["channel"],
            event=options["decision"],
            purpose="" if options["purpose"] == "every" else options["purpose"],
            wording=options["wording"],
            business_name=options["business"],
            region=options["region"].upper(),
            repair=options["repair"],
            allow_fictional=any(one.account.is_sandbox for one in Stream.objects.select_related("account")),
        )
        stores = not options["dry_run"]
        try:
            with Path(options["file"]).open("rb") as source:
                table = open_table(source, most_rows=MOST_ROWS)
                report = check_opt_ins(table, given, None)
                if report.can_be_stored and stores:
                    report = store_opt_ins(table, given, None)
        except CsvProblem as problem:
            raise CommandError(problem.sentence) from problem
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(report, stored=report.can_be_stored and stores)))
        if not report.can_be_stored:
            raise CommandError("\n".join([report.problem, *_bad_rows(report)]))
        if not options["json"]:
            verb = "recorded" if stores else "to record"
            self.stdout.write(f"{report.rows:,} rows; {verb}: {summed_up(report)}")


def _bad_rows(report: OptInReport) -> list[str]:
    return [
        f"  line {one.line}: {report.columns[one.column] if one.column >= 0 else 'row'}: {one.sentence}"
        for one in report.bad_cells
    ]


def _as_json(report: OptInReport, *, stored: bool) -> dict[str, Any]:
    return {
        "stored": stored,
        "rows": report.rows,
        "permissions": report.permissions,
        "opt_outs": report.opt_outs,
        "on_record": report.on_record,
        "opted_out": report.opted_out_count,
        "repeated": report.repeated_count,
        "new_contacts": report.new_contacts,
        "problem": report.problem,
        "code": report.code,
        "bad_rows": [{"line": one.line, "sentence": one.sentence} for one in report.bad_cells],
        "bad_count": report.bad_count,
    }
