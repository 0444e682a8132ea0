"""`benchmark campaign`: from the confirmation of a campaign to the outcome of its last row, beside COPY and HTTP."""

from __future__ import annotations

import io
import tempfile
import time
from argparse import ArgumentTypeError
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from conversations.management.benchmark.bulk import execute
from conversations.management.benchmark.campaign_floor import Floor
from conversations.management.benchmark.campaign_rows import OurRows
from conversations.management.benchmark.campaign_shapes import SHAPES, Shape
from conversations.management.benchmark.contract import Benchmark, Say, whole_number
from conversations.management.benchmark.ground import Ground
from conversations.management.benchmark.machine import Used, peak_megabytes, used_so_far
from conversations.management.benchmark.peers.contract import CampaignPeer, add_peers_option, measures_of, start_peers
from conversations.management.benchmark.peers.kannel import Kannel
from conversations.management.benchmark.peers.rapid_sms import RapidSms
from conversations.management.benchmark.report import FLOOR, OURS, THOUSAND, Count, Findings
from conversations.management.benchmark.running_campaign import WORKERS, bulk_workers, make_ready, wait_for_the_end
from conversations.models import AttemptResult, Campaign, Contact, Message, OptIn, Stream
from conversations.models.campaign import RowVerdict
from conversations.models.message import MessageStatus
from conversations.services import consent
from conversations.services.campaigns import audience, control
from conversations.services.campaigns.taking import MOST_AT_ONCE
from messaging.types import Outcome

EVERY = 100  # rows: one of so many stands twice, one is no number, one has opted out


class CampaignBenchmark(Benchmark):
    """Parley with two bulk workers, and the floor, by turns, at each size."""

    name = "campaign"
    help = (
        "A campaign through the shape of each provider: seconds from the confirmation until every row has its outcome, "
        "how that grows with the list, and how long the list takes to be read and checked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--provider",
            choices=SHAPES,
            action="append",
            help="Only this shape; may be given several times. Default: all, one after the other.",
        )
        sizes = ", ".join(f"{shape.name} {shape.sizes}" for shape in SHAPES.values())
        parser.add_argument(
            "--recipients",
            type=_sizes,
            metavar="NUMBERS",
            help=f"The lengths of the lists, with commas. Default: {sizes}; less where each person is a request.",
        )
        parser.add_argument(
            "--latency",
            type=whole_number(0, 10_000),
            default=0,
            metavar="MS",
            help="The provider answers so many milliseconds late. The floor is then what the threads of the workers "
            "could do if they did nothing but wait, and shapes of one person a request are measured. Default: 0.",
        )
        add_peers_option(parser, "Kannel", "RapidSMS")

    def run(self, options: Mapping[str, Any], say: Say) -> Findings:
        of_one = [name for name, shape in SHAPES.items() if shape.people == 1]
        shapes = [SHAPES[name] for name in options["provider"] or (of_one if options["latency"] else SHAPES)]
        by_default = options["recipients"] is None
        sizes = {shape.name: options["recipients"] or _sizes(shape.sizes) for shape in shapes}
        with tempfile.TemporaryDirectory(prefix="parley-benchmark-") as logs, Ground(Path(logs)) as ground:
            candidates: list[CampaignPeer] = [Kannel(ground), RapidSms(ground)] if options["peers"] else []
            wanted = [peer for peer in candidates if any(peer.takes(shape) for shape in shapes)]
            running, remarks = start_peers(wanted, say)
            ground.answer_after(options["latency"] / THOUSAND)
            runs = _Runs(ground, running, options["latency"] / THOUSAND)
            for turn in range(1, options["rounds"] + 1):
                for shape in shapes:
                    for size in sizes[shape.name]:
                        why = ", fewer because each is a request" if shape.people == 1 and by_default else ""
                        say(f"Round {turn} of {options['rounds']}, {shape.label}, {size:,} recipients{why}")
                        runs.play(shape, size, turn, backwards=turn % 2 == 0)
                    runs.compare(shape, sizes[shape.name])
            return runs.findings(remarks)


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(one) for one in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or not all(EVERY <= size <= audience.MOST_ROWS for size in sizes):
        raise ArgumentTypeError(f"write numbers from {EVERY} to {audience.MOST_ROWS:,}, with commas, not {text}")
    return sizes


def _whole(shape: Shape, size: int) -> str:
    return f"{shape.label}, {size:,} people, from confirmation to the last outcome"


def _reached(size: int) -> int:
    """How many of a list of that length are written to."""
    return size - 3 * (size // EVERY)


class _Runs:
    """What the runs found: a value a round, by measure and side."""

    def __init__(self, ground: Ground, peers: Sequence[CampaignPeer], latency: float) -> None:
        self._ground = ground
        self._latency = latency
        self._peers = peers
        self._streams: dict[str, Stream] = {}
        self._floor = Floor(settings.DATABASE_URL, settings.SANDBOX_PORT)
        self._values: defaultdict[tuple[str, str], dict[str, list[float]]] = defaultdict(dict)
        self._counts: list[Count] = []
        self._next_number = 7_400_000_000  # +44 7400 000000 and on

    def play(self, shape: Shape, size: int, turn: int, *, backwards: bool) -> None:
        """One campaign of that shape and length, and the floor with as many people, and the peers that take it."""
        sides = [self._parley] if self._latency else [self._parley, self._play_floor, self._play_floor_with_our_rows]
        sides += [partial(self._play_peer, peer) for peer in self._peers if peer.takes(shape)]
        for side in reversed(sides) if backwards else sides:
            execute("VACUUM (ANALYZE)")  # what the one before left to be tidied up is not this one's work
            side(shape, size, turn)

    def compare(self, shape: Shape, sizes: list[int]) -> None:
        """How the last round's time has grown from the shortest list to the longest."""
        shortest, longest = min(sizes), max(sizes)
        if shortest == longest:
            return
        for side in (OURS,) if self._latency else (OURS, FLOOR):
            took = {size: self._values[_whole(shape, size), "s"][side][-1] for size in (shortest, longest)}
            growth = took[longest] / took[shortest]
            self._note(f"{shape.label}, from {shortest:,} people to {longest:,}", "times as long", side, growth)

    def findings(self, remarks: list[str]) -> Findings:
        """What all runs found."""
        return Findings(measures_of(self._values, [OurRows, *self._peers]), self._counts, remarks)

    def _stream_for(self, shape: Shape) -> Stream:
        if shape.name not in self._streams:
            self._streams[shape.name] = shape.open_stream()
        return self._streams[shape.name]

    def _note(self, measure: str, unit: str, side: str, value: float) -> None:
        self._values[measure, unit].setdefault(side, []).append(value)

    def _note_processor(self, shape: Shape, size: int, side: str, used: Used) -> None:
        about = f"{shape.label}, {size:,} people, processor time of"
        self._note(f"{about} the workers", "ms a message", side, used.workers * THOUSAND / size)
        self._note(f"{about} PostgreSQL", "ms a message", side, used.postgres * THOUSAND / size)

    def _note_rate(self, shape: Shape, size: int, rate: float) -> None:
        """Beside what the threads of all workers could do if they did nothing but wait for answers."""
        name = f"{shape.label}, {size:,} people, answers after {self._latency * THOUSAND:.0f} ms"
        self._note(name, "people a second", OURS, rate)
        self._note(name, "people a second", FLOOR, WORKERS * MOST_AT_ONCE / self._latency)

    def _play_floor(self, shape: Shape, size: int, turn: int) -> None:
        seconds = self._floor.play(shape, _reached(size), settings.CAMPAIGN_CHUNK)
        self._note(_whole(shape, size), "s", FLOOR, seconds)

    def _play_floor_with_our_rows(self, shape: Shape, size: int, turn: int) -> None:
        rows = OurRows(self._stream_for(shape))
        seconds = self._floor.play(shape, _reached(size), settings.CAMPAIGN_CHUNK, keep=rows.keep)
        self._note(_whole(shape, size), "s", rows.name, seconds)

    def _play_peer(self, peer: CampaignPeer, shape: Shape, size: int, turn: int) -> None:
        people = _reached(size)
        phones = [f"+44{self._next_number + place}" for place in range(people)]
        self._next_number += people
        before = used_so_far(peer.pids)
        self._note(_whole(shape, size), "s", peer.name, peer.send_list(phones))
        self._note_processor(shape, size, peer.name, used_so_far(peer.pids) - before)
        arrivals = self._ground.arrivals()
        once = sum(phone in arrivals and arrivals[phone].times == 1 for phone in phones)
        about = f"round {turn}, {shape.label}, {size:,}: people that it got exactly once from {peer.name}"
        self._counts.append(Count(about, people, once))

    def _parley(self, shape: Shape, size: int, turn: int) -> None:
        stream = self._stream_for(shape)
        listed = self._list(shape, size)
        campaign = Campaign.objects.create(
            name=f"{size} in round {turn}",
            stream=stream,
            keeps_quiet_hours=False,
            failure_limit=None,
            **shape.words(stream),
        )
        began = time.monotonic()
        audience.load_list(campaign, io.BytesIO(listed), file_name="list.csv")
        loaded = time.monotonic()
        make_ready(campaign)
        checked = time.monotonic()
        with bulk_workers(self._ground) as workers:
            pids = list(workers.values())
            before, provider_before = used_so_far(pids), self._ground.provider_seconds()
            confirmed = time.monotonic()
            control.confirm(campaign, actor=None, people=campaign.sendable_count)
            wait_for_the_end(self._ground, campaign)
            ended = time.monotonic()
            used = used_so_far(pids) - before
            provider = self._ground.provider_seconds() - provider_before
            memory = max(peak_megabytes(pid) for pid in pids)
        arrivals = self._ground.arrivals()
        keys = Message.objects.filter(recipient__campaign=campaign).values_list("ref", "recipient__phone")
        came = [arrivals[key] for ref, phone in keys for key in (str(ref), phone) if key in arrivals]
        about = f"{shape.label}, {size:,} people"
        self._note(_whole(shape, size), "s", OURS, ended - confirmed)
        first = min((one.first for one in came), default=ended)  # that none came is a count
        self._note(f"{about}, first request", "s", OURS, first - confirmed)
        self._note(f"{about}, list read and stored", "s", OURS, loaded - began)
        self._note(f"{about}, checked with their texts", "s", OURS, checked - loaded)
        if self._latency and shape.people == 1:
            self._note_rate(shape, size, campaign.accepted_count / (ended - confirmed))
        self._note_processor(shape, size, OURS, used)
        self._note(f"{about}, processor time of the provider", "ms a message", OURS, provider * THOUSAND / size)
        self._note(f"{about}, most memory of a worker", "MB", OURS, memory)
        self._count(campaign, shape, size, turn, once=sum(one.times == 1 for one in came))

    def _list(self, shape: Shape, size: int) -> bytes:
        """A file of that many rows, of which some are left out by each of three rules."""
        lines = ["phone,first name,order,day"]
        opted_out, permitted = [], []
        for place in range(size):
            kind = place % EVERY
            number = f"+44{self._next_number}"
            if kind == 1:
                number = f"+44{self._next_number - 1}"  # the row before
            elif kind == 2:
                number = "not a number"
            elif kind == 3:
                opted_out.append(number)
            if kind not in (1, 2, 3):
                permitted.append(number)
            self._next_number += 1
            lines.append(f"{number},Customer {place},{place:06},Thursday")
        contacts = Contact.objects.bulk_create(Contact(phone=number) for number in opted_out)
        for contact in contacts:
            channel = self._streams[shape.name].channel
            consent.record(OptIn(contact=contact, channel=channel, event="opt_out", source="keyword", wording="STOP"))
        shape.permit(permitted)
        return "\n".join(lines).encode()

    def _count(self, campaign: Campaign, shape: Shape, size: int, turn: int, *, once: int) -> None:
        people = _reached(size)
        about = f"round {turn}, {shape.label}, {size:,}"
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
