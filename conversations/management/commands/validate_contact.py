"""`validate_contact`: is a number on WhatsApp?"""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversations.management.console import ConsoleCommand, stream_named
from conversations.models.stream import Channel
from conversations.services import accounts
from messaging.phone import PhoneError, parse_number


class Command(ConsoleCommand):
    """Asks the provider of a WhatsApp stream about one number and stores nothing."""

    help = (
        "Ask whether a number is on WhatsApp. For numbers that opted in: WhatsApp bans businesses that check many "
        "numbers and write to few. Exit code 0: the provider answered, whatever the answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stream", required=True, help="The name of the WhatsApp stream to ask from.")
        parser.add_argument("--number", required=True, help="The phone number.")
        parser.add_argument("--json", action="store_true", help="Print the answer as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        stream = stream_named(options["stream"])
        if stream.channel != Channel.WHATSAPP:
            raise CommandError(f"{stream.name} sends {stream.get_channel_display()}. Choose a WhatsApp stream.")
        try:
            number = parse_number(options["number"], region=stream.region, allow_fictional=stream.account.is_sandbox)
        except PhoneError as error:
            raise CommandError(error.sentence) from error
        on_whatsapp = accounts.validate_contact(stream=stream, phone=number.e164)
        if options["json"]:
            self.stdout.write(json.dumps({"number": number.e164, "on_whatsapp": on_whatsapp}))
        else:
            self.stdout.write(f"{number.international} is {'' if on_whatsapp else 'not '}on WhatsApp.")
