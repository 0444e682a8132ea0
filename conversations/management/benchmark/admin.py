"""`benchmark admin`: the lists of the administration, as a supervisor sees them, in a small centre and a large one."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from django.core.management.base import CommandParser
from django.db import connection

from conversations.management.benchmark.contract import WARM_UP, Benchmark, Say
from conversations.management.benchmark.inbox import Site, SqlMeter, add_sizes, fill_sites
from conversations.management.benchmark.report import THOUSAND, Count, Findings, Measure

MOST_STATEMENTS = 40
LISTS = {
    "conversations": "conversation/",
    "conversations, open": "conversation/?status__exact=open",
    "conversations, page 9": "conversation/?p=9",
    "conversations, by name": "conversation/?q=Smith",
    "conversations, by last digits": "conversation/?q=900142",
    "messages": "message/",
    "messages, failed": "message/?status__exact=failed",
    "messages, page 9": "message/?p=9",
    "contacts": "contact/",
    "contacts, by name": "contact/?q=Smith",
    "events of messages": "messageevent/",
    "activities": "activity/",
    "opt-ins and opt-outs": "optin/",
}


@dataclass(slots=True)
class _Taken:
    """What one list took in one centre: medians of the rounds in milliseconds, and the most statements."""

    whole: list[float] = field(default_factory=list)
    sql: list[float] = field(default_factory=list)
    statements: int = 0


class AdminBenchmark(Benchmark):
    """Lists of centres of several sizes, by turns."""

    name = "admin"
    help = (
        "The lists of the administration in centres of several sizes: what they cost, what of it is SQL, and how they "
        "grow. Filling a million conversations takes minutes and gigabytes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_sizes(parser, requests=5)

    def run(self, options: Mapping[str, Any], say: Say) -> Findings:
        sites = fill_sites(options, say)
        taken: dict[tuple[str, int], _Taken] = defaultdict(_Taken)
        for turn in range(1, options["rounds"] + 1):
            say(f"Round {turn} of {options['rounds']}")
            for name in LISTS:
                for site in sites:
                    with site.open():
                        _play(site, name, options["requests"], taken[name, site.size])
        return Findings(_measures(sites, taken), _counts(sites, taken))


def _play(site: Site, name: str, requests: int, taken: _Taken) -> None:
    address = f"/admin/conversations/{LISTS[name]}"
    for _ in range(WARM_UP):
        site.answer(address)
    whole, in_sql = [], []
    for _ in range(requests):
        sql, began = SqlMeter(), time.perf_counter()
        with connection.execute_wrapper(sql):
            site.answer(address)
        whole.append((time.perf_counter() - began) * THOUSAND)
        in_sql.append(sql.seconds * THOUSAND)
        taken.statements = max(taken.statements, sql.statements)
    taken.whole.append(median(whole))
    taken.sql.append(median(in_sql))


def _measures(sites: Sequence[Site], taken: Mapping[tuple[str, int], _Taken]) -> list[Measure]:
    """How the lists grow between the sizes, what of the largest is SQL, and in how many statements."""
    ends = (f"{sites[-1].size:,}", f"{sites[0].size:,}")
    growth, parts, statements = [], [], []
    for name in LISTS:
        found = {f"{site.size:,}": taken[name, site.size] for site in sites}
        growth.append(Measure(name, "ms", {size: one.whole for size, one in found.items()}, ends))
        largest = found[ends[0]]
        parts.append(
            Measure(f"{name}, at {ends[0]}", "ms", {"page": largest.whole, "SQL": largest.sql}, ("page", "SQL"))
        )
        numbers = {size: [float(one.statements)] for size, one in found.items()}
        statements.append(Measure(name, "statements", numbers, ends))
    return [*growth, *parts, *statements]


def _counts(sites: Sequence[Site], taken: Mapping[tuple[str, int], _Taken]) -> list[Count]:
    """No list asks more where there is more."""
    most = sum(one.statements > MOST_STATEMENTS for one in taken.values())
    smallest, largest = sites[0].size, sites[-1].size
    whole = [name for name, address in LISTS.items() if "q=" not in address]  # a search may find nothing in one of them
    grown = sum(taken[name, largest].statements > taken[name, smallest].statements for name in whole)
    return [
        Count(f"lists of more than {MOST_STATEMENTS} statements", 0, most),
        Count("lists that ask more often where there is more", 0, grown),
    ]
