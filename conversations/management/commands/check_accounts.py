"""`check_accounts`: do the providers accept our addresses and credentials?"""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversations.management.console import ConsoleCommand
from conversations.models import ProviderAccount
from conversations.services import accounts


class Command(ConsoleCommand):
    """Tests every active account, or one, and keeps what came of it as the page does."""

    help = "Test the address and the credentials of the accounts. Exit code 0: every tested account works."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", metavar="NAME", help="Test this account only; without it, every active one.")
        parser.add_argument("--json", action="store_true", help="Print the results as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        results = []
        for account in _chosen(options["account"]):
            account.refresh_from_db()  # those before took their time, and somebody may have entered another key
            health = accounts.check_account(account)
            results.append(
                {"account": account.name, "provider": account.provider, "ok": health.ok, "sentence": health.sentence}
            )
        if options["json"]:
            self.stdout.write(json.dumps(results))
        else:
            for one in results:
                self.stdout.write(f"{'works' if one['ok'] else 'FAILS'}  {one['account']}: {one['sentence']}")
        failed = [str(one["account"]) for one in results if not one["ok"]]
        if failed:
            raise CommandError(f"{len(failed)} of {len(results)} accounts need repair: {', '.join(failed)}.")


def _chosen(name: str | None) -> list[ProviderAccount]:
    found = list(ProviderAccount.objects.filter(**({"name": name} if name else {"is_active": True})))
    if found:
        return found
    known = ", ".join(ProviderAccount.objects.values_list("name", flat=True))
    if name and known:
        raise CommandError(f"There is no account called {name}. Choose one of: {known}.")
    raise CommandError("There is no active account to test. Add one in the administration.")
