"""`benchmark inbox`: whole pages of the workspace and of search, in a small centre and in a large one."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from conversations.management.benchmark.contract import WARM_UP, Benchmark, Say, whole_number
from conversations.management.benchmark.inbox_pages import Asked, Page, Questions, pages, rows_by_hand
from conversations.management.benchmark.inbox_rows import fill_centre, make_ground
from conversations.management.benchmark.inbox_truth import first_page_is_wrong, search_is_wrong, what_is_kept
from conversations.management.benchmark.peers.contract import add_peers_option, start_peers
from conversations.management.benchmark.peers.helpdesk import Helpdesk
from conversations.management.benchmark.report import THOUSAND, Count, Findings, Measure, late

SMALLEST, LARGEST = 1_000, 5_000_000  # conversations
SEARCHES_CHECKED = 3
MOST_STATEMENTS = 40
LIST_TIME, BY_HAND = "by the ORM alone", "its rows by hand"


class Inbox(Benchmark):
    """Pages of centres of several sizes, by turns."""

    name = "inbox"
    help = (
        "Whole pages of inbox, conversation, contacts and search in centres of several sizes: what they cost, what of "
        "it is SQL, and how they grow. Filling a million conversations takes minutes and gigabytes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_sizes(parser, requests=20)
        add_peers_option(parser, "django-helpdesk")

    def run(self, options: Mapping[str, Any], say: Say) -> Findings:
        with tempfile.TemporaryDirectory(prefix="parley-benchmark-") as scratch:
            running, remarks = start_peers([Helpdesk(Path(scratch))] if options["peers"] else [], say)
            findings = self._measure(options, running, say)
            findings.remarks += [*remarks, *(remark for peer in running for remark in peer.remarks())]
            return findings

    def _measure(self, options: Mapping[str, Any], peers: Sequence[Helpdesk], say: Say) -> Findings:
        sites = fill_sites(options, say)
        for peer, site in product(peers, sites):
            say(f"Filling {site.size:,} tickets of {peer.name}")
            peer.fill(site.size)
        counts: list[Count] = []
        for site in sites:
            say(f"Checking what was filled: {site.size:,}")
            with site.open():
                counts += what_is_kept(site.size)
        rounds = _Rounds(sites, options["requests"])
        for turn in range(1, options["rounds"] + 1):
            say(f"Round {turn} of {options['rounds']}")
            rounds.play()
            for peer, site in product(peers, sites):
                say(f"The same of {peer.name} with {site.size:,} tickets")
                peer.ask(site.size, options["requests"])
        say("Comparing pages with scans of everything")
        measures = [*rounds.measures(), *(row for peer in peers for row in peer.measures(rounds.medians()))]
        return Findings(measures, [*counts, *rounds.counts(say)])


class Site:
    """A centre in a database of its own, and the browsers of its agent and its supervisor."""

    def __init__(self, size: int, messages: int) -> None:
        self.size = size
        self._connection = _copy_of_database(f"centre_{size}")
        with self.open():
            self.centre = fill_centre(size, messages)
            self._questions = {
                supervises: Questions(self.centre, user)
                for supervises, user in ((False, self.centre.agent), (True, self.centre.supervisor))
            }
            self._browsers = {supervises: _browser(one) for supervises, one in self._questions.items()}

    @contextmanager
    def open(self) -> Iterator[None]:
        """Everything that asks the database asks this one."""
        before = connections["default"]
        connections["default"] = self._connection
        try:
            yield
        finally:
            connections["default"] = before

    def questions(self, page: Page) -> Questions:
        """Those of whoever asks for that page."""
        return self._questions[page.by_supervisor]

    def get(self, page: Page, address: str) -> bytes:
        """The answer to one request of whoever asks for that page. Raises CommandError when it is not a page."""
        return self.answer(address, by_supervisor=page.by_supervisor)

    def answer(self, address: str, *, by_supervisor: bool = True) -> bytes:
        """The answer to one request. Raises CommandError when it is not a page."""
        answer = self._browsers[by_supervisor].get(address)
        if answer.status_code != 200:
            raise CommandError(f"{address} was answered with {answer.status_code}.")
        return bytes(answer.content)


def add_sizes(parser: CommandParser, *, requests: int) -> None:
    """The options of a benchmark that asks centres of several sizes for pages."""
    parser.add_argument(
        "--conversations",
        type=centre_sizes,
        default="10000,1000000",
        metavar="SIZES",
        help="How many conversations the centres have, with commas between. Default: %(default)s.",
    )
    parser.add_argument(
        "--messages",
        type=whole_number(2, 50),
        default=10,
        help="How many messages a conversation has. Default: %(default)s.",
    )
    parser.add_argument(
        "--requests",
        type=whole_number(2, 1000),
        default=requests,
        help="How often each page is asked for in each round. Default: %(default)s.",
    )


def fill_sites(options: Mapping[str, Any], say: Say) -> list[Site]:
    """The centres that the options of `add_sizes` ask for, the smallest first."""
    say("Making people, streams and words")
    make_ground()
    sites = []
    for size in options["conversations"]:
        say(f"Filling {size:,} conversations of {options['messages']} messages")
        sites.append(Site(size, options["messages"]))
    return sites


def centre_sizes(text: str) -> list[int]:
    """The type of an option that takes numbers of conversations, with commas between."""
    read = whole_number(SMALLEST, LARGEST)
    return sorted({read(one) for one in text.split(",")})


def _copy_of_database(name: str) -> BaseDatabaseWrapper:
    """A connection to a new database with all that the present one holds, which nobody may use meanwhile."""
    ground = connection.settings_dict["NAME"]
    keeper = connection.copy()
    keeper.settings_dict["NAME"] = "postgres"
    connection.close()
    with keeper.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{ground}"')
    keeper.close()
    copy = connection.copy()
    copy.settings_dict |= {"NAME": name, "CONN_MAX_AGE": None}
    return copy


def _browser(questions: Questions) -> Client:
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(questions.user)
    return client


@dataclass(slots=True)
class SqlMeter:
    """Adds up statements: how many, and how long until each had answered (seconds)."""

    statements: int = 0
    seconds: float = 0.0

    def __call__(self, run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return run(sql, params, many, context)
        finally:
            self.seconds += time.perf_counter() - began
            self.statements += 1


@dataclass(slots=True)
class _Taken:
    """What the requests of one page took in one centre: milliseconds of each, in lists by round."""

    whole: list[list[float]]
    processor: list[list[float]]  # of this process, PostgreSQL's not counted
    sql: list[list[float]]
    orm: list[list[float]]
    floor: list[list[float]]
    statements: int = 0  # the most of any request

    @classmethod
    def nothing(cls) -> _Taken:
        return cls([], [], [], [], [])


class _Rounds:
    """The rounds of one run, and what they found."""

    def __init__(self, sites: Sequence[Site], requests: int) -> None:
        self._sites = sites
        self._requests = requests
        self._pages = pages()
        self._taken: defaultdict[tuple[str, int], _Taken] = defaultdict(_Taken.nothing)
        for page in self._pages:
            for site in sites:
                with site.open():
                    for _ in range(WARM_UP):
                        site.get(page, page.ask(site.questions(page)).address)

    def play(self) -> None:
        """One round: each page so many times, the centres by turns, beside its floor."""
        for page in self._pages:
            for site in self._sites:
                taken = self._taken[page.name, site.size]
                for values in (taken.whole, taken.processor, taken.sql, taken.orm, taken.floor):
                    values.append([])
            for _ in range(self._requests):
                for site in self._sites:
                    with site.open():
                        self._ask(page, site)

    def _ask(self, page: Page, site: Site) -> None:
        asked, taken, sql = page.ask(site.questions(page)), self._taken[page.name, site.size], SqlMeter()
        before = time.process_time()
        with connection.execute_wrapper(sql):
            taken.whole[-1].append(_milliseconds(lambda: site.get(page, asked.address)))
        taken.processor[-1].append((time.process_time() - before) * THOUSAND)
        taken.sql[-1].append(sql.seconds * THOUSAND)
        taken.statements = max(taken.statements, sql.statements)
        if asked.by_orm is not None:
            taken.orm[-1].append(_milliseconds(asked.by_orm))
        if asked.floor is not None:
            floor = asked.floor
            taken.floor[-1].append(_milliseconds(lambda: rows_by_hand(floor)))

    def measures(self) -> list[Measure]:
        """Growth between the sizes; of the largest what a page is made of; the number of statements."""
        smallest, largest = self._sites[0].size, self._sites[-1].size
        growth, parts, statements = [], [], []
        for page in self._pages:
            sides: dict[str, list[float]] = {}
            for site in self._sites:
                taken = self._taken[page.name, site.size]
                sides[f"{site.size:,} median"] = [median(one) for one in taken.whole]
                sides[f"{site.size:,} 95 of 100"] = [late(one) for one in taken.whole]
            growth.append(Measure(page.name, "ms", sides, (f"{largest:,} median", f"{smallest:,} median")))
            taken = self._taken[page.name, largest]
            beside = {"processor": taken.processor, "SQL": taken.sql, LIST_TIME: taken.orm, BY_HAND: taken.floor}
            sides = {"page": [median(one) for one in taken.whole]}
            sides |= {name: [median(one) for one in values] for name, values in beside.items() if any(values)}
            sides["longest page"] = [max(max(one) for one in taken.whole)]
            parts.append(Measure(f"{page.name}, at {largest:,}", "ms", sides, ("page", LIST_TIME)))
            numbers = {f"{site.size:,}": [float(self._taken[page.name, site.size].statements)] for site in self._sites}
            statements.append(Measure(page.name, "statements", numbers, (f"{largest:,}", f"{smallest:,}")))
        return [*growth, *parts, *statements]

    def medians(self) -> dict[tuple[str, int], list[float]]:
        """What a request of each page took at each size: a median a round, ms."""
        return {key: [median(one) for one in taken.whole] for key, taken in self._taken.items()}

    def counts(self, say: Say) -> list[Count]:
        """What must be true of every page."""
        most = [taken for taken in self._taken.values() if taken.statements > MOST_STATEMENTS]
        counts = [Count(f"pages of more than {MOST_STATEMENTS} statements", 0, len(most))]
        for site in self._sites:
            with site.open():
                for kind, are_right in (("first pages", self._lists), ("searches", self._searches)):
                    found = [(asked, right) for page in self._pages for asked, right in are_right(site, page)]
                    for asked, right in found:
                        if not right:
                            say(f"Not what a scan finds among {site.size:,}: {asked.address}")
                    name = f"{site.size:,}: {kind} that show what a scan of everything finds"
                    counts.append(Count(name, len(found), sum(right for _, right in found)))
        return counts

    def _lists(self, site: Site, page: Page) -> Iterator[tuple[Asked, bool]]:
        asked = page.ask(site.questions(page))
        wrong = first_page_is_wrong(page.name, site.questions(page), lambda: site.get(page, asked.address))
        if wrong is not None:
            yield asked, not wrong

    def _searches(self, site: Site, page: Page) -> Iterator[tuple[Asked, bool]]:
        for _ in range(SEARCHES_CHECKED):
            asked = page.ask(site.questions(page))
            wrong = search_is_wrong(page.name, site.questions(page), asked)
            if wrong is not None:
                yield asked, not wrong


def _milliseconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * THOUSAND
