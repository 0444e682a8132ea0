"""`create_api_key`: makes a key of the JSON API and prints it, once."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversations.management.console import ConsoleCommand, moment, stream_named, user_with
from conversations.models.api_key import ApiScope
from conversations.services.api_keys import create_api_key


class Command(ConsoleCommand):
    """Prints the key alone, or as JSON, so that a script can take it."""

    help = (
        "Make a key of the JSON API. It acts for one person: it sees and may do what they do, within its scopes and "
        "streams. The key is printed and kept nowhere. Exit code 0: it was made."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="Which program the key is for.")
        parser.add_argument("--user", required=True, metavar="EMAIL", help="Whom it acts for.")
        parser.add_argument(
            "--scope", required=True, action="append", choices=ApiScope.values, help="What for; may be repeated."
        )
        parser.add_argument(
            "--stream", action="append", default=[], metavar="NAME", help="The only streams; may be repeated."
        )
        parser.add_argument("--expires", metavar="TIME", help="When it ends, such as 2027-01-31T00:00Z.")
        parser.add_argument("--per-minute", type=int, help="How many requests a minute it may make.")
        parser.add_argument("--json", action="store_true", help="Print the key and what it is for as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = user_with(options["user"])
        if user is None:
            raise CommandError("Name whom the key acts for: --user EMAIL.")
        if options["per_minute"] is not None and options["per_minute"] < 1:
            raise CommandError("--per-minute is 1 or more.")
        key, text = create_api_key(
            name=options["name"],
            user=user,
            scopes=options["scope"],
            streams=[stream_named(name) for name in options["stream"]],
            expires_at=moment(options["expires"], "--expires"),
            rate_per_minute=options["per_minute"],
        )
        if not options["json"]:
            self.stdout.write(text)
            return
        told = {
            "id": key.pk,
            "key": text,
            "name": key.name,
            "user": user.email,
            "scopes": key.scopes,
            "streams": options["stream"],
            "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        }
        self.stdout.write(json.dumps(told))
