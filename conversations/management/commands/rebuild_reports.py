"""`rebuild_reports`: count what reports are read from anew, from messages and conversations."""

from __future__ import annotations

from typing import Any

from conversations.management.console import ConsoleCommand
from conversations.services.reports import keeping


class Command(ConsoleCommand):
    """For a site that had conversations before it had reports, and after TIME_ZONE or working hours were changed."""

    help = (
        "Count the numbers of the reports anew, from messages and conversations, while work goes on. Needed once where "
        "there were conversations before there were reports, and after TIME_ZONE was changed. Working hours that were "
        "changed count for what happens from then on; this command lets them count for all that was before, too."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        keeping.rebuild(lambda text: self.stdout.write(f"{text} ..."))
        self.stdout.write("The reports are counted anew.")
