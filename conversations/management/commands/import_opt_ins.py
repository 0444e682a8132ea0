"""`import_opt_ins`: decisions about being written to from a CSV file of any size."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from conversations.management.console import counted
from conversations.management.sheet_import import SheetImportCommand
from conversations.models.consent import ConsentEventKind
from conversations.models.message import Purpose
from conversations.models.stream import Channel
from conversations.services.csv_files import Table
from conversations.services.opt_in_import import Decisions, OptInReport, check_opt_ins, store_opt_ins, summed_up


class Command(SheetImportCommand):
    """Decisions, as the page of permissions reads them."""

    help = (
        "Import opt-ins and opt-outs from a CSV file with a column called phone. Nothing is stored while the file has "
        "a problem; a permission never lifts an opt-out. Exit code 0: stored, or, with --dry-run, nothing wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
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

    def choices(self, options: dict[str, Any], numbers: dict[str, Any]) -> Decisions:
        return Decisions(
            evidence=options["proof"],
            channel=options["channel"],
            event=options["decision"],
            purpose="" if options["purpose"] == "every" else options["purpose"],
            wording=options["wording"],
            business_name=options["business"],
            **numbers,
        )

    def check_file(self, table: Table, choices: Decisions) -> OptInReport:
        return check_opt_ins(table, choices, None)

    def store_file(self, table: Table, choices: Decisions) -> OptInReport:
        return store_opt_ins(table, choices, None)

    def counts(self, report: OptInReport) -> dict[str, int]:
        return {
            "permissions": report.permissions,
            "opt_outs": report.opt_outs,
            "on_record": report.on_record,
            "opted_out": report.opted_out_count,
            "repeated": report.repeated_count,
            "new_contacts": report.new_contacts,
        }

    def described(self, report: OptInReport, choices: Decisions, *, stored: bool) -> str:
        return f"{counted(report.rows, 'row')}; {'recorded' if stored else 'to record'}: {summed_up(report)}"
