"""`sync_conversations`: bring in what the providers hold of conversations; nothing is ever sent."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from conversations.management.console import ConsoleCommand, moment, stream_named
from conversations.models import Stream
from conversations.services.clock import database_now
from conversations.services.mirror.syncing import sync_stream
from conversations.services.mirror.taking import Taken

WORDS = (
    ("read", "read"),
    ("unchanged", "unchanged"),
    ("conversations", "new conversations"),
    ("messages", "new messages"),
    ("confirmed", "messages confirmed"),
    ("activities", "new remarks and notes"),
    ("changes", "other changes taken"),
    ("drifts", "differences to settle"),
    ("busy", "left for the next time"),
    ("problems", "not understood"),
)


class Command(ConsoleCommand):
    """Reads every stream that keeps its conversations at a provider, or one of them."""

    help = (
        "Bring in the conversations that providers keep: messages, remarks, statuses and assignments. "
        "Nothing is sent, and nothing newer of ours is overwritten: differences are listed for a person. Exit code 0: "
        "every stream was read to its end."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stream", help="The name of the stream; without it, every mirrored one.")
        parser.add_argument("--since", metavar="TIME", help="What changed since then; without it, the last 24 hours.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be brought in.")
        parser.add_argument("--json", action="store_true", help="Print the sums as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        since = moment(options["since"], "--since") or database_now() - timedelta(days=1)
        streams = [stream_named(options["stream"])] if options["stream"] else _mirrored()
        failures = []
        for stream in streams:
            try:
                taken = sync_stream(
                    stream, since=since, dry_run=options["dry_run"], progress=lambda sums: self._progress(sums, options)
                )
            except ValidationError as error:
                failures.append(" ".join(error.messages))
                continue
            self._write(stream, taken, options)
        if failures:
            raise CommandError(" ".join(failures))

    def _progress(self, taken: Taken, options: dict[str, Any]) -> None:
        if not options["json"] and options["verbosity"] > 0:
            self.stderr.write(f"{taken.read:,} read, {taken.unchanged:,} unchanged", ending="\n")

    def _write(self, stream: Stream, taken: Taken, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps({"stream": stream.name, "stored": not options["dry_run"], **asdict(taken)}))
            return
        sums_in_words = ", ".join(f"{getattr(taken, name):,} {words}" for name, words in WORDS if getattr(taken, name))
        ending = " Nothing was stored." if options["dry_run"] else ""
        self.stdout.write(f"{stream.name}: {sums_in_words or 'nothing changed'}.{ending}")


def _mirrored() -> list[Stream]:
    found = [one for one in Stream.objects.working().select_related("account") if one.is_mirrored]
    if not found:
        raise CommandError("No stream keeps its conversations at a provider. Switch it on in the stream's settings.")
    return found
