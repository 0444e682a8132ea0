"""`benchmark delivery`: an agent's message from the commit to the provider, and messages a second through workers."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from conversations.management.benchmark import floor
from conversations.management.benchmark.beside import BESIDE, IDLE, BesideCampaign
from conversations.management.benchmark.company import MOST_CONVERSATIONS, Company, make_company
from conversations.management.benchmark.contract import Benchmark, Say, whole_number
from conversations.management.benchmark.ground import Arrival, Ground, frozen
from conversations.management.benchmark.machine import Used, used_so_far
from conversations.management.benchmark.peers.contract import add_peers_option, measures_of, start_peers
from conversations.management.benchmark.peers.kannel import Kannel
from conversations.management.benchmark.report import OURS, THOUSAND, Count, Findings, spread
from conversations.management.benchmark.sides import Floor, FloorThroughRQ, HandedOn, Parley, Sent, Side
from conversations.models import AttemptResult, Conversation, Message
from conversations.models.message import MessageStatus
from conversations.services.campaigns import audience
from messaging.types import Outcome

WARM_UP = 4  # messages a worker: it imports and connects with its first
A_SECOND = "messages a second"


class Delivery(Benchmark):
    """Parley, the floor inside RQ's worker, and the floor, by turns."""

    name = "delivery"
    help = (
        "An agent's messages: from the commit to the provider holding the request, and messages a second through one "
        "and two workers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "-n",
            type=whole_number(2, MOST_CONVERSATIONS),
            default=100,
            metavar="MESSAGES",
            help="How many messages each measurement sends in each round. Default: %(default)s.",
        )
        parser.add_argument(
            "--campaign",
            type=whole_number(0, audience.MOST_ROWS),
            default=100_000,
            metavar="PEOPLE",
            help="Send the single messages once more while a campaign to so many people runs; 0 for none. "
            "Default: %(default)s.",
        )
        add_peers_option(parser, "Kannel")

    def run(self, options: Mapping[str, Any], say: Say) -> Findings:
        company = make_company(options["n"])
        with tempfile.TemporaryDirectory(prefix="parley-benchmark-") as logs, Ground(Path(logs)) as ground:
            store = floor.Store(settings.DATABASE_URL)
            running, remarks = start_peers([Kannel(ground)] if options["peers"] else [], say)
            rounds = _Rounds(
                ground,
                company,
                [Parley(ground, company.agent), FloorThroughRQ(ground, store), Floor(ground, store)],
                running,
                BesideCampaign(ground, options["campaign"]) if options["campaign"] else None,
            )
            for turn in range(1, options["rounds"] + 1):
                say(f"Round {turn} of {options['rounds']}")
                rounds.play(backwards=turn % 2 == 0)
            return rounds.findings(remarks)


class _Rounds:
    """The rounds of one run, and what they found: a value a round, by measure and side."""

    def __init__(
        self,
        ground: Ground,
        company: Company,
        sides: Sequence[Side],
        peers: Sequence[Kannel],
        beside: BesideCampaign | None,
    ) -> None:
        self._ground = ground
        self._conversations = company.conversations
        self._sides = sides
        self._peers = peers
        self._beside = beside
        self._values: defaultdict[tuple[str, str], dict[str, list[float]]] = defaultdict(dict)
        self._refs: dict[str, list[str]] = {
            name: [] for name in [*(side.name for side in sides), *(peer.name for peer in peers)]
        }

    def play(self, *, backwards: bool) -> None:
        """One round: single messages on an idle site, then all at once through two workers and through one."""
        sides = self._sides[::-1] if backwards else self._sides
        for side in sides:
            self._rush(side, self._conversations[: 2 * WARM_UP], workers=2)
        handed_on = [HandedOn(peer) for peer in self._peers]
        self._measure_latency([*handed_on, *sides] if backwards else [*sides, *handed_on])
        if self._beside is not None:
            self._measure_beside_a_campaign(self._beside, next(side for side in sides if side.name == OURS))
        for side in sides:
            self._note("through two workers", A_SECOND, side, self._rush(side, self._conversations, workers=2).rate)
        for side in sides:
            rush = self._rush(side, self._conversations, workers=1)
            self._note("through one worker", A_SECOND, side, rush.rate)
            for name, seconds in (
                ("processor time of the worker", rush.used.workers),
                ("processor time of PostgreSQL", rush.used.postgres),
                ("processor time of Valkey", rush.used.valkey),
            ):
                self._note(name, "ms a message", side, seconds * THOUSAND / len(self._conversations))
            if isinstance(side, Parley):
                self._note("queued by one process", A_SECOND, side, rush.queued_rate)
                self._note("most memory of a worker", "MB", side, self._ground.peak_megabytes())

    def findings(self, remarks: list[str]) -> Findings:
        """What all rounds found."""
        measures = measures_of(self._values, self._peers)
        return Findings(measures + (self._beside.measures() if self._beside else []), self._counts(), remarks)

    def _measure_latency(self, sides: Sequence[Side]) -> None:
        """Single messages, one side after the other, each on a site that has come to rest."""
        sent: dict[str, list[Sent]] = {side.name: [] for side in sides}
        with ExitStack() as stack:
            for side in sides:
                stack.enter_context(side.workers(2))
            for conversation in self._conversations:
                for side in sides:
                    sent[side.name].append(self._send(side, conversation))
                    self._wait_for(sent[side.name][-1:])
        for side in sides:
            described = self._described(sent[side.name])
            for name, value in described:
                self._note(name, "ms", side, value)
            if self._beside is not None and side.name == OURS:
                self._beside.note(IDLE, described)

    def _measure_beside_a_campaign(self, beside: BesideCampaign, side: Side) -> None:
        sent: list[Sent] = []

        def send(conversation: Conversation) -> None:
            sent.append(self._send(side, conversation))
            self._wait_for(sent[-1:])

        with side.workers(2):
            number = beside.play(self._conversations, send)
        beside.note(BESIDE, self._described(sent[:number]))

    def _described(self, sent: Sequence[Sent]) -> list[tuple[str, float]]:
        arrivals = self._wait_for(sent)
        waits = [(arrivals[one.ref].first - one.committed_at) * THOUSAND for one in sent]
        return [(f"commit to provider, {name}", value) for name, value in spread(waits)]

    def _rush(self, side: Side, conversations: Sequence[Conversation], *, workers: int) -> _Rush:
        """Queue a message for each conversation while the workers stand still, then let them go."""
        with side.workers(workers) as pids:
            with frozen(pids):
                began = time.monotonic()
                sent = [self._send(side, conversation) for conversation in conversations]
                before = used_so_far(pids)
                started = time.monotonic()
            arrivals = self._wait_for(sent)
            used = used_so_far(pids) - before
        seconds = max(arrival.first for arrival in arrivals.values()) - started
        return _Rush(len(sent) / seconds, len(sent) / (started - began), used)

    def _send(self, side: Side, conversation: Conversation) -> Sent:
        sent = side.send(conversation)
        self._refs[side.name].append(sent.ref)
        return sent

    def _wait_for(self, sent: Sequence[Sent]) -> dict[str, Arrival]:
        """When they came to the provider. Raises CommandError when some did not, for there is nothing to measure."""
        arrivals = self._ground.wait_for_arrivals([one.ref for one in sent])
        if len(arrivals) < len(sent):
            came = f"{len(arrivals)} of {len(sent)} messages came to the provider."
            raise CommandError(f"{came}\n{self._ground.logs()}")
        self._ground.wait_until_quiet()
        return arrivals

    def _note(self, measure: str, unit: str, side: Side, value: float) -> None:
        self._values[measure, unit].setdefault(side.name, []).append(value)

    def _counts(self) -> list[Count]:
        """What must be true at the end, of the provider's ledger and of our rows."""
        arrivals = self._ground.arrivals()
        ours = self._refs[OURS]
        of_peers = {peer.name: self._refs[peer.name] for peer in self._peers}
        of_floor = [ref for side in self._sides if side.name != OURS for ref in self._refs[side.name]]
        of_campaigns = self._beside.refs() if self._beside else []
        others = [*of_floor, *of_campaigns, *itertools.chain(*of_peers.values())]
        messages = Message.objects.filter(ref__in=ours)
        once = {ref for ref, arrival in arrivals.items() if arrival.times == 1}
        results = AttemptResult.objects.filter(message__in=messages)
        return [
            Count("messages that the provider got exactly once", len(ours), len(once.intersection(ours))),
            Count("messages of the floor that it got exactly once", len(of_floor), len(once.intersection(of_floor))),
            *(
                Count(f"messages of {name} that it got exactly once", len(refs), len(once.intersection(refs)))
                for name, refs in of_peers.items()
            ),
            *([self._beside.count(once)] if self._beside else []),
            Count("messages that it got and nobody sent", 0, len(set(arrivals).difference(ours, others))),
            Count("rows accepted", len(ours), messages.filter(status=MessageStatus.ACCEPTED).count()),
            Count("attempts accepted", len(ours), results.filter(outcome=Outcome.ACCEPTED.value).count()),
            Count("attempts with another outcome", 0, results.exclude(outcome=Outcome.ACCEPTED.value).count()),
            Count("jobs left in the queue", 0, self._ground.waiting_jobs()),
        ]


@dataclass(frozen=True, slots=True)
class _Rush:
    """What came of queueing many at once: messages a second to the provider and into the queue, processor time."""

    rate: float
    queued_rate: float
    used: Used
