"""django-helpdesk: tickets in PostgreSQL, listed and searched through the address that its own list asks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from conversations.management.benchmark.peers.contract import Peer, beside
from conversations.management.benchmark.peers.environment import DRIVER, database, make_environment, program, run
from conversations.management.benchmark.report import Measure

REQUIREMENT = "django-helpdesk==2.6.1"
FILL_PATIENCE = 1200.0  # seconds
ASK_PATIENCE = 900.0  # its program stops by itself before that
# By the name of our page what django-helpdesk is asked for.
PAGES = {
    "list, all open, of all streams": "list",
    "list, further page": "further page",
    "search, common word": "common word",
    "search, reference": "reference",
}


class Helpdesk(Peer):
    """As many tickets as a centre has conversations, in databases beside those of the centres."""

    name = "django-helpdesk 2.6.1"
    leaves_out = (
        "answers with the JSON of 25 rows for its list, ours with a whole page. It has three comments a ticket, which "
        "it does not search, and no phone numbers, windows, promised times or unread counts; everybody sees all "
        "tickets. Both are asked inside a process, without a network."
    )

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._python = ""
        self._took: dict[tuple[str, int], list[float]] = {}

    def start(self) -> None:
        self._python = make_environment(self._directory / "helpdesk", REQUIREMENT, DRIVER)

    def fill(self, tickets: int) -> None:
        """Make a site with so many tickets."""
        run(self._site(tickets, "fill"), patience=FILL_PATIENCE)

    def ask(self, tickets: int, times: int) -> None:
        """Ask that site for each page so often; less often where that takes long."""
        found: Mapping[str, Sequence[float]] = run(self._site(tickets, "ask", str(times)), patience=ASK_PATIENCE)
        for page, theirs in PAGES.items():
            self._took.setdefault((page, tickets), []).extend([median(found[theirs])] if found[theirs] else [])

    def measures(self, ours: Mapping[tuple[str, int], Sequence[float]]) -> list[Measure]:
        """Our pages beside its, by page and size: a median a round."""
        return [
            beside(self, f"{page}, at {size:,}", "ms", ours[page, size], theirs)
            for (page, size), theirs in self._took.items()
            if theirs
        ]

    def remarks(self) -> list[str]:
        """What it did not answer."""
        return [
            f"{self.name} did not answer {page} at {size:,}: it had taken two minutes."
            for (page, size), theirs in self._took.items()
            if not theirs
        ]

    def _site(self, tickets: int, task: str, *more: str) -> list[str]:
        place = json.dumps(database(f"helpdesk_{tickets}"))
        return program(self._python, "helpdesk_site", place, task, str(tickets), *more)
