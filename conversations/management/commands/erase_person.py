"""`erase_person`: everything about one customer goes, and nobody writes to them again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from conversations.management.console import ConsoleCommand, contact_with, counted, user_with
from conversations.services import erasure


class Command(ConsoleCommand):
    """Does what *Erase* on a contact's page does."""

    help = (
        "Erase one person: names, number, messages, files, raw records. That nobody writes to them is kept as a keyed "
        "hash. Without --yes it only says what would go. Exit code 0: done, or told."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", help="The customer's phone number, such as +447700900142.")
        parser.add_argument("--reason", default="", help="Why; kept in the audit, so without names and numbers.")
        parser.add_argument("--as", dest="actor", metavar="EMAIL", help="Who does it; without it the audit names none.")
        parser.add_argument("--yes", action="store_true", help="Do it.")

    def handle(self, *args: Any, **options: Any) -> None:
        contact, actor = contact_with(options["number"]), user_with(options["actor"])
        if not options["yes"]:
            talks = counted(contact.conversations.count(), "conversation")
            self.stdout.write(f"Contact {contact.pk} with {talks} would be erased. Add --yes to do it.")
            return
        told = erasure.erase(contact, reason=options["reason"], actor=actor)
        self.stdout.write(
            f"Contact {contact.pk} is erased: {counted(told.messages, 'message')} in "
            f"{counted(told.conversations, 'conversation')}, {counted(told.files, 'file')}, "
            f"{counted(told.raw_records, 'raw record')}; {counted(told.cancelled, 'message')} cancelled."
        )
