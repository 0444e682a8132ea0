"""`import_templates`: what the provider holds, from a file, because Cirrus documents no way to list templates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversations.management.console import ConsoleCommand, user_with, whatsapp_stream_named
from conversations.services.template_files import FileProblem, read_templates
from conversations.services.template_sync import Change, Report, sync_templates


class Command(ConsoleCommand):
    """Reads a file as the page does, with the same report."""

    help = (
        "Import WhatsApp templates from JSON (Meta's list) or CSV. Templates that the file does not name are marked as "
        "gone, never deleted. Exit code 0: every template of the file was taken, or, with --dry-run, could be."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="A JSON or CSV file.")
        parser.add_argument("--stream", required=True, help="The name of the WhatsApp stream.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would change.")
        parser.add_argument(
            "--keep-unseen", action="store_true", help="The file holds only some templates: leave the others."
        )
        parser.add_argument("--author", metavar="EMAIL", help="Who imports; without it, the system.")
        parser.add_argument("--json", action="store_true", help="Print the report as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        stream = whatsapp_stream_named(options["stream"])
        try:
            found = read_templates(Path(options["file"]).read_bytes())
        except FileProblem as problem:
            raise CommandError(problem.sentence) from problem
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        report = sync_templates(
            stream=stream,
            found=found,
            actor=user_with(options["author"]),
            complete=not options["keep_unseen"],
            dry_run=options["dry_run"],
        )
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(report)))
        else:
            self._write(report)
        wrong = report.counts[Change.WRONG]
        if wrong:
            raise CommandError(f"{wrong} of {len(found)} templates were left out: see the report.")

    def _write(self, report: Report) -> None:
        for line in report.worth_reading:
            place = f" (no. {line.place})" if line.place else ""
            self.stdout.write(f"{line.change.value:8} {line.name} ({line.language}){place}: {line.sentence}")
        words = ", ".join(f"{count} {word}" for word, count in report.counts.items())
        self.stdout.write(f"{words}.{'' if report.stored else ' Nothing was stored.'}")


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "stored": report.stored,
        **report.counts,
        "templates": [{**line._asdict(), "change": line.change.value} for line in report.lines],
    }
