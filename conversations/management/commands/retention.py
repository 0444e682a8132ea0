"""`retention`: empties what streams keep no longer."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from conversations.management.console import ConsoleCommand
from conversations.services import retention


class Command(ConsoleCommand):
    """Does at once what the dispatcher does every few hours."""

    help = (
        "Empty texts, files and raw records that are older than their stream keeps them (Keeping, in days, on the "
        "page of a stream), and remove uploads that nothing uses. Exit code 0: done, or counted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only count.")
        parser.add_argument("--pause", type=float, default=0.0, metavar="SECONDS", help="Wait between sets of rows.")
        parser.add_argument("--json", action="store_true", help="As JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        now, dry_run = timezone.now(), options["dry_run"]
        found, total = [], 0
        for rule, count in retention.run(now, dry_run=dry_run, pause=options["pause"]):
            total += count
            found.append({"about": str(rule.about), "what": rule.words, "count": count})
            if count and not options["json"]:
                self.stdout.write(f"{rule.about}: {count} {rule.words}")
        orphans = 0 if dry_run else retention.remove_orphans(now)
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": dry_run, "emptied": found, "lost_uploads": orphans}))
            return
        words = "would be emptied" if dry_run else f"emptied, {orphans} lost uploads removed"
        self.stdout.write(f"{total} rows {words}.")
