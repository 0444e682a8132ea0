"""`benchmark reports`: the reports page and the rows behind a number, in a small centre and in a large one."""

# ruff: noqa: S608 - every word in these statements is ours

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time as clock
from functools import partial
from statistics import median
from typing import Any

from django.core.management.base import CommandParser
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from conversations.management.benchmark.bulk import execute
from conversations.management.benchmark.contract import WARM_UP, Benchmark, Say
from conversations.management.benchmark.inbox import Site, SqlMeter, add_sizes
from conversations.management.benchmark.inbox_rows import make_ground
from conversations.management.benchmark.report import THOUSAND, Count, Findings, Measure
from conversations.models import Stream, WorkingHours, WorkingPeriod
from conversations.models.report_triggers import counted_changes
from conversations.services.reports import keeping, rows
from conversations.services.reports.scope import Period, Scope
from conversations.services.reports.words import amount

MOST_STATEMENTS = 40
BY_HAND, COUNTED = "kept rows by hand", "counted from messages"


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is asked for."""

    name: str
    address: str
    period: Period


PAGES = (
    Page("report of 7 days", "/reports/", Period.WEEK),
    Page("report of 90 days", "/reports/?period=90d", Period.QUARTER),
    Page("rows behind a number, 7 days", "/reports/rows/?rows=taken", Period.WEEK),
)

_KEPT = """
    SELECT stream_id, hour, outcome, sum(number), sum(parts)
      FROM conversations_reportcount
     WHERE subject = 'stream' AND stream_id = ANY (%(streams)s) AND hour >= %(since)s AND hour < %(until)s
     GROUP BY 1, 2, 3
"""
_KEPT_TIMES = """
    SELECT count(*), percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY reply_working),
           percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY resolution_working)
      FROM conversations_conversationtimes
     WHERE stream_id = ANY (%(streams)s) AND started_at >= %(since)s AND started_at < %(until)s
"""
_FROM_MESSAGES = """
    SELECT stream_id, date_trunc('hour', created_at), direction, status, count(*)
      FROM conversations_message
     WHERE stream_id = ANY (%(streams)s) AND created_at >= %(since)s AND created_at < %(until)s
     GROUP BY 1, 2, 3, 4
"""


class Reports(Benchmark):
    """Reports of centres of several sizes, by turns."""

    name = "reports"
    help = (
        "The reports page of a week and of a quarter, and the rows behind a number, in centres of several sizes, "
        "beside reading the kept rows by hand and counting the messages. A million conversations take minutes to fill."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_sizes(parser, requests=10)

    def run(self, options: Mapping[str, Any], say: Say) -> Findings:
        say("Making people, streams and words")
        make_ground()
        _give_working_hours()
        sites, rebuilt = [], {}
        for size in options["conversations"]:
            say(f"Filling {size:,} conversations of {options['messages']} messages")
            sites.append(Site(size, options["messages"]))
            with sites[-1].open():
                say(f"Counting the reports of {size:,} anew")
                rebuilt[f"{size:,}"] = [_seconds(keeping.rebuild)]
                execute("VACUUM (ANALYZE)")
        taken: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
        statements: dict[tuple[str, int], int] = {}
        for turn in range(1, options["rounds"] + 1):
            say(f"Round {turn} of {options['rounds']}")
            for page in PAGES:
                for site in sites:
                    with site.open():
                        _play(page, site, options["requests"], taken, statements)
        counts = [one for site in sites for one in _counts(site)]
        most = max(statements.values())
        counts.append(Count(f"pages of more than {MOST_STATEMENTS} statements", 0, int(most > MOST_STATEMENTS)))
        return Findings([*_measures(sites, taken), Measure("counting anew", "s", rebuilt, _ends(sites))], counts)


def _give_working_hours() -> None:
    hours = WorkingHours.objects.create(name="Weekdays", time_zone="Europe/London")
    WorkingPeriod.objects.bulk_create(
        WorkingPeriod(hours=hours, weekday=day, opens_at=clock(8), closes_at=clock(18)) for day in range(5)
    )
    Stream.objects.filter(pk__in=Stream.objects.order_by("pk")[:2]).update(working_hours=hours)


def _scope(site: Site, period: Period) -> Scope:
    user = site.centre.supervisor
    return Scope(user, tuple(Stream.objects.visible_to(user)), *period.days(timezone.localdate()), period)


def _play(
    page: Page,
    site: Site,
    requests: int,
    taken: dict[tuple[str, str], list[list[float]]],
    statements: dict[tuple[str, int], int],
) -> None:
    """One round of one page in one centre: the page, its floor, and counting the messages."""
    scope = _scope(site, page.period)
    spans = [_span(scope)] if "rows" in page.address else [_span(scope), _span(scope.before)]
    for _ in range(WARM_UP):
        site.answer(page.address)
    whole, floor, counted = [], [], []
    for number in range(requests):
        asked = SqlMeter()
        with connection.execute_wrapper(asked):
            whole.append(_seconds(lambda: site.answer(page.address)) * THOUSAND)
        statements[page.name, site.size] = asked.statements
        by_hand = [(one, span) for span in spans for one in (_KEPT, _KEPT_TIMES)]
        floor.append(_seconds(partial(_read, by_hand)) * THOUSAND)
        if number < 2:
            counted.append(_seconds(lambda: [execute(_FROM_MESSAGES, span) for span in spans]) * THOUSAND)
    for side, values in (("page", whole), (BY_HAND, floor), (COUNTED, counted)):
        taken[f"{page.name}, at {site.size:,}", side].append(values)


def _read(statements: Sequence[tuple[str, dict[str, Any]]]) -> None:
    for statement, values in statements:
        execute(statement, values)


def _span(scope: Scope) -> dict[str, Any]:
    return {"streams": scope.stream_ids, "since": scope.since, "until": scope.until}


def _measures(sites: Sequence[Site], taken: Mapping[tuple[str, str], list[list[float]]]) -> list[Measure]:
    """How the pages grow, and in each centre what they cost beside their floor."""
    growth, parts = [], []
    for page in PAGES:
        medians = {f"{one.size:,}": _medians(taken[f"{page.name}, at {one.size:,}", "page"]) for one in sites}
        growth.append(Measure(page.name, "ms", medians, _ends(sites)))
        for site in sites:
            name = f"{page.name}, at {site.size:,}"
            sides = {side: _medians(taken[name, side]) for side in ("page", BY_HAND, COUNTED)}
            parts.append(Measure(name, "ms", sides, ("page", BY_HAND)))
    return [*growth, *parts]


def _ends(sites: Sequence[Site]) -> tuple[str, str]:
    """The largest and the smallest centre, as their sides are called."""
    return f"{sites[-1].size:,}", f"{sites[0].size:,}"


def _medians(rounds: Sequence[Sequence[float]]) -> list[float]:
    return [median(values) for values in rounds]


def _counts(site: Site) -> list[Count]:
    """What is kept is what a scan of everything finds, and the page shows it."""
    with site.open():
        changes = f"SELECT outcome, sum(number) FROM ({counted_changes('conversations_message')}) AS one GROUP BY 1"
        kept = "SELECT outcome, sum(number) FROM conversations_reportcount WHERE subject = 'stream' GROUP BY 1"
        differing = set(execute(changes)) ^ set(execute(kept))
        ((begun,),) = execute(
            "SELECT count(DISTINCT conversation_id) FROM conversations_message WHERE recipient_id IS NULL"
        )
        ((kept_begun,),) = execute("SELECT count(*) FROM conversations_conversationtimes")
        found = [
            Count(f"{site.size:,}: outcomes whose kept number is not the counted one", 0, len(differing)),
            Count(f"{site.size:,}: conversations with times", begun, kept_begun),
        ]
        span = _span(_scope(site, Period.WEEK))
        received = f"SELECT count(*) FROM conversations_message WHERE direction = 'in' AND {_within('created_at')}"
        ((number,),) = execute(received, span)
        page = site.answer("/reports/rows/?rows=received").decode()
        shown = re.search(r'id="row-count">([\d,]+)<', page)
        if shown or "Too many to count" not in page:
            found.append(Count(f"{site.size:,}: received in 7 days, rows", number, _number(shown[1] if shown else "0")))
        listed = len(re.findall(r'<th scope="row"><a href="/m/', page))
        found.append(Count(f"{site.size:,}: received in 7 days, newest rows", min(number, rows.PAGE), listed))
        (table,) = re.findall(r'data-report="days">(.*?)</table>', site.answer(reverse("reports")).decode(), re.DOTALL)
        days = re.findall(r"rows=received[^>]*>([\d,]+)</a>", table)
        total = sum(map(_number, days))
        found.append(Count(f"{site.size:,}: received in 7 days, on the page as {amount(total)}", number, total))
        return found


def _within(column: str) -> str:
    return f"stream_id = ANY (%(streams)s) AND {column} >= %(since)s AND {column} < %(until)s"


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
