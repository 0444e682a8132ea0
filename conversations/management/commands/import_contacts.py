"""`import_contacts`: contacts from a CSV file of any size."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from conversations.management.console import counted
from conversations.management.sheet_import import SheetImportCommand
from conversations.services.contact_import import Choices, Report, check_file, store_file
from conversations.services.csv_files import Table


class Command(SheetImportCommand):
    """Contacts, as the page of contacts reads them."""

    help = (
        "Import contacts from a CSV file with a column called phone. Nothing is stored while the file has a problem. "
        "Exit code 0: stored, or, with --dry-run, nothing wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--existing",
            choices=("update", "skip"),
            default="update",
            help="What to do with numbers that are known already (update).",
        )

    def choices(self, options: dict[str, Any], numbers: dict[str, Any]) -> Choices:
        return Choices(update_known=options["existing"] == "update", **numbers)

    def check_file(self, table: Table, choices: Choices) -> Report:
        return check_file(table, choices, None)

    def store_file(self, table: Table, choices: Choices) -> Report:
        return store_file(table, choices, None)

    def counts(self, report: Report) -> dict[str, int]:
        return {
            "new": report.new,
            "known": report.known,
            "changed": report.would_change,
            "repeated": report.repeated_count,
            "lost_zeros": report.lost_zeros.count,
            "without_plus": report.without_plus.count,
        }

    def described(self, report: Report, choices: Choices, *, stored: bool) -> str:
        verbs = ("added", "changed") if stored else ("to add", "to change")
        words = [f"{counted(report.rows, 'row')}: {report.new:,} {verbs[0]}"]
        if report.known and choices.update_known:
            words.append(f"{report.would_change:,} of {report.known:,} known {verbs[1]}")
        elif report.known:
            words.append(f"{report.known:,} known left as they are")
        if report.repeated_count:
            words.append(f"{report.repeated_count:,} repeated")
        if report.repairs:
            done = "read" if choices.repair else "left out (--repair)"
            words.append(f"{report.repairs:,} without zero or plus {done}")
        return ", ".join(words) + "."
