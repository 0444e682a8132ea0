"""`export_transcript`: a conversation as text or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversations.management.console import ConsoleCommand, stream_named
from conversations.models import Contact, Conversation
from conversations.services.transcript import as_json, as_text, transcript_of
from messaging.phone import PhoneError, parse_number


class Command(ConsoleCommand):
    """Writes what was said in one conversation to standard output, or to a file."""

    help = (
        "Write a conversation as text, or with --json as JSON. Name it by its number, or by the customer's phone "
        "number and the stream; then it is the newest one. Exit code 0: written."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--conversation", type=int, metavar="NUMBER", help="The number in its address, /c/NUMBER/.")
        parser.add_argument("--to", metavar="PHONE", help="The customer's phone number; needs --stream.")
        parser.add_argument("--stream", help="The name of the stream.")
        parser.add_argument("--remarks", action="store_true", help="With remarks, and with what the team did.")
        parser.add_argument("--json", action="store_true", help="As JSON, with times in UTC.")
        parser.add_argument("--output", type=Path, metavar="FILE", help="Write to this file.")

    def handle(self, *args: Any, **options: Any) -> None:
        conversation = self._conversation(options)
        transcript = transcript_of(conversation, with_remarks=options["remarks"])
        written = as_json(transcript) if options["json"] else as_text(transcript)
        if options["output"] is None:
            self.stdout.write(written, ending="")
            return
        try:
            options["output"].write_text(written, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from error

    def _conversation(self, options: dict[str, Any]) -> Conversation:
        found = Conversation.objects.for_list()
        if options["conversation"] is not None:
            conversation = found.filter(pk=options["conversation"]).first()
            if conversation is None:
                raise CommandError(f"There is no conversation {options['conversation']}.")
            return conversation
        if not options["to"] or not options["stream"]:
            raise CommandError("Say which conversation: --conversation NUMBER, or --to PHONE with --stream NAME.")
        stream = stream_named(options["stream"])
        try:
            phone = parse_number(options["to"], region=stream.region, allow_fictional=True).e164
        except PhoneError as error:
            raise CommandError(error.sentence) from error
        contact = Contact.objects.filter(phone=phone).first()
        conversation = found.filter(stream=stream, contact=contact).newest_first().first() if contact else None
        if conversation is None:
            raise CommandError(f"There is no conversation with that number on {stream}.")
        return conversation
