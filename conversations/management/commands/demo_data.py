"""`demo_data`: the rows of the demo company, and its accounts connected to the sandbox."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from conversations.management.console import ConsoleCommand
from conversations.services import demo_data
from messaging.errors import ProviderError


class Command(ConsoleCommand):
    """Makes what is missing of the demo company, and tells the sandbox where to report to."""

    help = "Make what is missing of the demo company, and connect its accounts to the running sandbox."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SANDBOX_URL:
            raise CommandError("Demo data needs the sandbox, which is switched off here (SANDBOX).")
        demo_data.create(sandbox_url=settings.SANDBOX_URL)
        try:
            demo_data.connect_sandbox(sandbox_url=settings.SANDBOX_URL, web_url=settings.BASE_URL)
        except ProviderError as error:
            raise CommandError(f"The sandbox does not answer at {settings.SANDBOX_URL}. Start it first.") from error
