"""`validate_contact`: is a number on WhatsApp?"""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversations.management.console import ConsoleCommand, user_with, whatsapp_stream_named
from conversations.services.number_checks import BAN_WARNING, check_number
from messaging.phone import PhoneError, parse_number


class Command(ConsoleCommand):
    """Asks the provider of a WhatsApp stream about one number and keeps the answer."""

    help = (
        f"Ask whether a number is on WhatsApp. {BAN_WARNING} So it takes an opt-in on record, and the stream says how "
        "many numbers a day. Exit code 0: the provider answered, whatever the answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stream", required=True, help="The name of the WhatsApp stream to ask from.")
        parser.add_argument("--number", required=True, help="The phone number.")
        parser.add_argument("--author", metavar="EMAIL", help="Who asks; without it, the system.")
        parser.add_argument("--json", action="store_true", help="Print the answer as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        stream = whatsapp_stream_named(options["stream"])
        try:
            number = parse_number(options["number"], region=stream.region, allow_fictional=stream.account.is_sandbox)
        except PhoneError as error:
            raise CommandError(error.sentence) from error
        check = check_number(stream=stream, phone=number.e164, actor=user_with(options["author"]))
        if options["json"]:
            self.stdout.write(json.dumps({"number": number.e164, "on_whatsapp": check.on_whatsapp}))
        else:
            self.stdout.write(f"{number.international} is {'' if check.on_whatsapp else 'not '}on WhatsApp.")
