"""`send_template`: a WhatsApp template to customers, as many to a request as the provider takes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from conversations.management.console import (
    ConsoleCommand,
    as_json,
    described,
    stream_named,
    template_named,
    user_with,
    wait_until_settled,
)
from conversations.models import Contact, Message, WhatsAppTemplate
from conversations.models.message import TAKEN
from conversations.services import compose, conversations

COMPONENTS = ("header", "body", "buttons")


class Command(ConsoleCommand):
    """Queues a template to all of the numbers or to none."""

    help = (
        "Send an approved WhatsApp template to customers who opted in. All numbers get the same values; either all "
        "messages are queued or none is. Exit code 0: queued, or with --wait all taken by the provider."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stream", required=True, help="The name of the WhatsApp stream.")
        parser.add_argument("--template", required=True, metavar="NAME", help="The template's name.")
        parser.add_argument("--language", help="Its language code; needed where the template has several.")
        parser.add_argument(
            "--to", required=True, action="append", metavar="NUMBER", help="A phone number; repeat for more."
        )
        parser.add_argument(
            "--value",
            action="append",
            default=[],
            metavar="PLACE=TEXT",
            help="A value, like body.1=Amira, header.1=Thursday or buttons.0=FB-20417; repeat for more.",
        )
        parser.add_argument(
            "--values", metavar="JSON", help='All values at once, like {"body": ["Amira"], "buttons": {"0": "x"}}.'
        )
        parser.add_argument("--media-link", metavar="URL", help="The https address of the header's file.")
        parser.add_argument("--media-id", metavar="ID", help="The id of the header's file, from upload_media.")
        parser.add_argument("--filename", default="", help="What the customer sees as the name of a document.")
        parser.add_argument("--author", metavar="EMAIL", help="The user who writes; without it, the system.")
        parser.add_argument("--wait", action="store_true", help="Wait until the provider has taken or refused them.")
        parser.add_argument(
            "--timeout", type=float, default=60.0, metavar="SECONDS", help="How long --wait waits (default 60)."
        )
        parser.add_argument("--json", action="store_true", help="Print the messages as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        messages = self._queue(options)
        if options["wait"]:
            messages = wait_until_settled(messages, seconds=options["timeout"], notice=self.stderr.write)
        if options["json"]:
            self.stdout.write(json.dumps([as_json(message) for message in messages]))
        not_taken = [message for message in messages if options["wait"] and message.status not in TAKEN]
        for message in messages:
            if not options["json"] and message not in not_taken:
                self.stdout.write(described(message))
        if not_taken:
            raise CommandError("\n".join(described(message) for message in not_taken))

    def _queue(self, options: dict[str, Any]) -> list[Message]:
        stream = stream_named(options["stream"])
        template = template_named(stream, options["template"], options["language"])
        values = _values(options["value"], options["values"])
        media = _media(template, options)
        author = user_with(options["author"])
        with transaction.atomic():  # a refused message leaves no contact and no conversation behind
            contacts: dict[int, Contact] = {}
            for number in options["to"]:
                contact = conversations.contact_for_number(number, stream=stream)
                contacts[contact.pk] = contact
            repeated = len(options["to"]) - len(contacts)
            if repeated:
                self.stderr.write(f"Left out {repeated} of the numbers: given more than once.")
            return compose.queue_template_batch(
                conversations_of_one_stream=[
                    conversations.open_conversation(stream=stream, contact=contact, actor=author)
                    for contact in contacts.values()
                ],
                template=template,
                values=values,
                author=author,
                media=media,
            )


def _values(pairs: list[str], text: str | None) -> dict[str, Any]:
    """The values in the shape of messaging.whatsapp.render_components."""
    if text:
        if pairs:
            raise CommandError("Give the values with --value or with --values, not with both.")
        try:
            values = json.loads(text)
        except ValueError as error:
            raise CommandError(f"--values is not JSON: {error}.") from error
        if not isinstance(values, dict) or not set(values) <= set(COMPONENTS):
            raise CommandError('--values must be an object of header, body and buttons, like {"body": ["Amira"]}.')
        return _in_order(values)
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for pair in pairs:
        place, equals, value = pair.partition("=")
        component, _, name = place.partition(".")
        if not equals or component not in COMPONENTS or not name:
            raise CommandError(f"--value {pair} does not say where it goes. Write it like body.1=Amira.")
        found[component][name] = value
    return _in_order(found)


def _in_order(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of {{1}} to {{n}} as a list, in whatever order they were given; named ones as they are."""
    return {component: _numbered(given) if component != "buttons" else given for component, given in values.items()}


def _numbered(given: Any) -> Any:
    places = [str(number) for number in range(1, len(given) + 1)] if isinstance(given, dict) else []
    return [given[place] for place in places] if places and set(given) == set(places) else given


def _media(template: WhatsAppTemplate, options: dict[str, Any]) -> dict[str, str] | None:
    link, uploaded = options["media_link"], options["media_id"]
    if link and uploaded:
        raise CommandError("Give the header's file by --media-link or by --media-id, not by both.")
    if not link and not uploaded:
        return None
    formats = [str(part.get("format", "")).lower() for part in template.components if part.get("type") == "HEADER"]
    media = {"kind": formats[0] if formats else "", "filename": options["filename"]}
    return media | ({"link": link} if link else {"external_id": uploaded})
