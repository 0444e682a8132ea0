"""`send_message`: a text to one customer, by the same way as from a page."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from conversations.management.console import (
    ConsoleCommand,
    as_json,
    described,
    moment,
    stream_named,
    user_with,
    wait_until_settled,
)
from conversations.models import Message
from conversations.models.message import TAKEN, Kind
from conversations.services import compose, conversations


class Command(ConsoleCommand):
    """Queues a message; with --wait, follows it until the provider has taken or refused it."""

    help = (
        "Send a text to a customer. The message passes the same checks as one from a page and is sent by a worker; "
        "a refused one is not stored. Exit code 0: queued, or with --wait taken by the provider."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stream", required=True, help="The name of the stream to send from.")
        parser.add_argument("--to", required=True, help="The customer's phone number.")
        parser.add_argument("--body", default="", help="The text.")
        parser.add_argument("--wait", action="store_true", help="Wait until the provider has taken or refused it.")
        parser.add_argument(
            "--timeout", type=float, default=60.0, metavar="SECONDS", help="How long --wait waits (default 60)."
        )
        parser.add_argument("--at", metavar="TIME", help="Send at this time, ISO 8601 with a time zone.")
        parser.add_argument("--valid-until", metavar="TIME", help="Do not deliver after this time.")
        parser.add_argument("--author", metavar="EMAIL", help="The user who writes; without it, the system.")
        parser.add_argument(
            "--opening", action="store_true", help="Send the opening text kept at the provider, in place of a body."
        )
        parser.add_argument("--key", help="The same key a second time sends nothing and shows the first message.")
        parser.add_argument("--json", action="store_true", help="Print the message as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["wait"] and options["at"]:
            raise CommandError("Leave out --wait: a message with --at is sent at its time.")
        if options["opening"] and options["body"]:
            raise CommandError("Leave out --body: the opening text is kept at the provider.")
        message = self._queue(options)
        if options["wait"]:
            (message,) = wait_until_settled([message], seconds=options["timeout"], notice=self.stderr.write)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(message)))
        if options["wait"] and message.status not in TAKEN:
            raise CommandError(described(message))
        if not options["json"]:
            self.stdout.write(described(message))

    def _queue(self, options: dict[str, Any]) -> Message:
        stream = stream_named(options["stream"])
        author = user_with(options["author"])
        with transaction.atomic():  # a refused message leaves no contact and no conversation behind
            contact = conversations.contact_for_number(options["to"], stream=stream)
            conversation = conversations.open_conversation(stream=stream, contact=contact, actor=author)
            return compose.queue_message(
                conversation=conversation,
                body=options["body"],
                author=author,
                client_key=options["key"],
                scheduled_for=moment(options["at"], "--at"),
                valid_until=moment(options["valid_until"], "--valid-until"),
                kind=Kind.OPENING if options["opening"] else Kind.TEXT,
            )
