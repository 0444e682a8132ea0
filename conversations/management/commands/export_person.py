"""`export_person`: everything that is kept about one customer, as a ZIP file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversations.management.console import ConsoleCommand, contact_with, user_with
from conversations.services import person_export


class Command(ConsoleCommand):
    """Writes what *Download everything* on a contact's page gives."""

    help = "Write everything that is kept about one person as a ZIP file of JSON and files. Exit code 0: written."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", help="The customer's phone number, such as +447700900142.")
        parser.add_argument("file", help="The file to write.")
        parser.add_argument("--as", dest="actor", metavar="EMAIL", help="Who does it; without it the audit names none.")

    def handle(self, *args: Any, **options: Any) -> None:
        contact, actor = contact_with(options["number"]), user_with(options["actor"])
        path = Path(options["file"])
        try:
            with path.open("xb") as target:
                try:
                    with person_export.written(contact, actor=actor) as whole:
                        shutil.copyfileobj(whole, target)
                except BaseException:
                    path.unlink()  # half a file would be taken for the whole, and be in the way of the next
                    raise
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"Everything about contact {contact.pk} is in {options['file']}.")
