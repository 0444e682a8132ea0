"""`export_opt_ins`: the ledger of permissions as a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversations.management.console import ConsoleCommand
from conversations.models.stream import Channel
from conversations.services.csv_files import write_rows
from conversations.services.opt_in_ledger import exported


class Command(ConsoleCommand):
    """Writes what the page's export writes, for every team."""

    help = "Write the ledger of opt-ins and opt-outs as CSV. Exit code 0: all of it is written."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", help="The file to write; without one, standard output.")
        parser.add_argument("--number", default="", help="Only of this number (E.164, or its last digits).")
        parser.add_argument("--channel", choices=Channel.values, default="", help="Only of this channel.")
        parser.add_argument("--in-force", action="store_true", help="Only decisions that hold at present.")
        parser.add_argument("--proof-missing", action="store_true", help="Only permissions in force without a proof.")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = {
            "q": options["number"],
            "channel": options["channel"],
            "force": "now" if options["in_force"] else "",
            "proof": "missing" if options["proof_missing"] else "",
        }
        pieces = write_rows(exported(wanted, None))
        if not options["file"]:
            for piece in pieces:
                self.stdout.write(piece, ending="")
            return
        try:
            with Path(options["file"]).open("w", encoding="utf-8", newline="") as target:
                target.writelines(pieces)
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be written: {error.strerror}.") from error
