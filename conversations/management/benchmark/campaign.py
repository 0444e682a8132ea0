"""`benchmark campaign`: from the confirmation of a campaign to the outcome of its last row, beside COPY and HTTP."""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import connection

from conversations.management.benchmark.campaign_floor import Floor
from conversations.management.benchmark.company import make_stream
from conversations.management.benchmark.contract import Benchmark, Say
from conversations.management.benchmark.ground import Ground
from conversations.management.benchmark.machine import peak_megabytes, used_so_far
from conversations.management.benchmark.report import FLOOR, OURS, Count, Findings, Measure
from conversations.models import AttemptResult, Campaign, Contact, Message
from conversations.models.campaign import ENDED, CampaignStatus, RowVerdict
from conversations.models.message import MessageStatus
from conversations.queue import BULK
from conversations.services import consent
from conversations.services.campaigns import audience, control, preflight
from messaging.types import Outcome

WORKERS = 2
PATIENCE = 600.0  # seconds
LOOK_EVERY = 0.02
EVERY = 100  # rows: one of so many stands twice, one is no number, one has opted out
BODY = "Hello ${firstname}, order ${order} arrives on ${day}. Reply STOP to opt out."
THOUSAND = 1000.0


class CampaignBenchmark(Benchmark):
    """Parley with two bulk workers, and the floor, by turns, at each size."""

    name = "campaign"
    help = (
        "A campaign through the shape of Webex Interact: seconds from the confirmation until every row has its "
        "outcome, and how long its list takes to be read and checked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--recipients",
            default="10000,100000",
            metavar="NUMBERS",
            help="The lengths of the lists, with commas. Default: %(default)s.",
        )

    def run(self, options: Mapping[str, Any], say: Say) -> Findings:
        sizes = _sizes(options["recipients"])
        with tempfile.TemporaryDirectory(prefix="parley-benchmark-") as logs, Ground(Path(logs)) as ground:
            runs = _Runs(ground)
            for turn in range(1, options["rounds"] + 1):
                for size in sizes:
                    say(f"Round {turn} of {options['rounds']}, {size:,} recipients")
                    runs.play(size, turn, backwards=turn % 2 == 0)
            return runs.findings()


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(one) for one in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or not all(EVERY <= size <= audience.MOST_ROWS for size in sizes):
        raise CommandError(f"--recipients {text}: write numbers from {EVERY} to {audience.MOST_ROWS:,}, with commas.")
    return sizes


class _Runs:
    """What the runs found: a value a round, by measure and side."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._stream = make_stream("campaign")
        self._floor = Floor(settings.DATABASE_URL, settings.SANDBOX_PORT)
        self._values: defaultdict[tuple[str, str], dict[str, list[float]]] = defaultdict(dict)
        self._counts: list[Count] = []
        self._next_number = 7_400_000_000  # +44 7400 000000 and on

    def play(self, size: int, turn: int, *, backwards: bool) -> None:
        """One campaign of that length, and the floor with as many people."""
        sides = [self._parley, self._play_floor]
        for side in reversed(sides) if backwards else sides:
            side(size, turn)

    def findings(self) -> Findings:
        """What all runs found."""
        return Findings([Measure(name, unit, values) for (name, unit), values in self._values.items()], self._counts)

    def _note(self, measure: str, unit: str, side: str, value: float) -> None:
        self._values[measure, unit].setdefault(side, []).append(value)

    def _play_floor(self, size: int, turn: int) -> None:
        seconds = self._floor.play(size - 3 * (size // EVERY), settings.CAMPAIGN_CHUNK)
        self._note(f"{size:,} people, from confirmation to the last outcome", "s", FLOOR, seconds)

    def _parley(self, size: int, turn: int) -> None:
        listed = self._list(size)
        campaign = Campaign.objects.create(
            name=f"{size} in round {turn}", stream=self._stream, body=BODY, keeps_quiet_hours=False, failure_limit=None
        )
        began = time.monotonic()
        audience.load_list(campaign, io.BytesIO(listed), file_name="list.csv")
        loaded = time.monotonic()
        if problems := preflight.check(campaign):
            raise CommandError(f"The campaign is not fit to be sent: {problems}")
        checked = time.monotonic()
        with self._workers() as pids:
            before = used_so_far(pids)
            confirmed = time.monotonic()
            control.confirm(campaign, actor=None, people=campaign.sendable_count)
            self._wait_for_the_end(campaign)
            ended = time.monotonic()
            used = used_so_far(pids) - before
            memory = max(peak_megabytes(pid) for pid in pids)
        arrivals = self._ground.arrivals()
        refs = [str(ref) for ref in Message.objects.filter(recipient__campaign=campaign).values_list("ref", flat=True)]
        came = [arrivals[ref] for ref in refs if ref in arrivals]
        about = f"{size:,} people"
        self._note(f"{about}, from confirmation to the last outcome", "s", OURS, ended - confirmed)
        self._note(f"{about}, first request", "s", OURS, min(one.first for one in came) - confirmed)
        self._note(f"{about}, list read and stored", "s", OURS, loaded - began)
        self._note(f"{about}, checked with their texts", "s", OURS, checked - loaded)
        self._note(f"{about}, processor time of the workers", "ms a message", OURS, used.workers * THOUSAND / size)
        self._note(f"{about}, processor time of PostgreSQL", "ms a message", OURS, used.postgres * THOUSAND / size)
        self._note(f"{about}, most memory of a worker", "MB", OURS, memory)
        self._count(campaign, size, turn, once=sum(one.times == 1 for one in came))

    def _list(self, size: int) -> bytes:
        """A file of that many rows, of which some are left out by each of three rules."""
        lines = ["phone,first name,order,day"]
        opted_out = []
        for place in range(size):
            kind = place % EVERY
            number = f"+44{self._next_number}"
            if kind == 1:
                number = f"+44{self._next_number - 1}"  # the row before
            elif kind == 2:
                number = "not a number"
            elif kind == 3:
                opted_out.append(number)
            self._next_number += 1
            lines.append(f"{number},Customer {place},{place:06},Thursday")
        contacts = Contact.objects.bulk_create(Contact(phone=number) for number in opted_out)
        for contact in contacts:
            consent.record(contact=contact, channel="sms", event="opt_out", source="keyword", wording="STOP")
        return "\n".join(lines).encode()

    def _count(self, campaign: Campaign, size: int, turn: int, *, once: int) -> None:
        people = size - 3 * (size // EVERY)
        about = f"round {turn}, {size:,}"
        messages = Message.objects.filter(recipient__campaign=campaign)
        results = AttemptResult.objects.filter(message__in=messages)
        self._counts += [
            Count(f"{about}: people that the provider got exactly once", people, once),
            Count(f"{about}: messages accepted", people, messages.filter(status=MessageStatus.ACCEPTED).count()),
            Count(f"{about}: results accepted", people, results.filter(outcome=Outcome.ACCEPTED.value).count()),
            Count(f"{about}: rows that opted out", size // EVERY, campaign.verdict_counts[RowVerdict.OPTED_OUT]),
            Count(f"{about}: rows with a verdict", size, sum(campaign.verdict_counts.values())),
            Count(f"{about}: people counted by the campaign", people, campaign.accepted_count),
        ]

    def _wait_for_the_end(self, campaign: Campaign) -> None:
        deadline = time.monotonic() + PATIENCE
        while campaign.status not in ENDED:
            self._ground.check()
            if time.monotonic() > deadline or campaign.status == CampaignStatus.PAUSED:
                raise CommandError(
                    f"The campaign is {campaign.status}: {campaign.status_reason}\n{self._ground.logs()}"
                )
            time.sleep(LOOK_EVERY)
            campaign.refresh_from_db()

    @contextlib.contextmanager
    def _workers(self) -> Iterator[list[int]]:
        names = [f"bulk-{number}" for number in range(WORKERS)]
        pids = [self._ground.start_worker(name, BULK, worker_class="conversations.queue.Worker") for name in names]
        self._ground.wait_until({"workers": lambda: self._ground.registered(BULK) == WORKERS})
        try:
            yield pids
        finally:
            self._ground.stop(*names)
            connection.close()
