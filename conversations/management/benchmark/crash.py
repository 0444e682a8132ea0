"""`benchmark crash`: bulk workers killed in the middle of a campaign, and how soon others go on with what they held."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from conversations.management.benchmark.bulk import execute
from conversations.management.benchmark.campaign_shapes import SHAPES, Shape
from conversations.management.benchmark.company import make_stream
from conversations.management.benchmark.contract import Benchmark, Say, whole_number
from conversations.management.benchmark.ground import Ground
from conversations.management.benchmark.report import OURS, Count, Findings, Measure, spread
from conversations.management.benchmark.running_campaign import PATIENCE, bulk_workers, prepare
from conversations.models import Campaign, CampaignChunk, Message
from conversations.models.campaign import ENDED, ChunkStatus
from conversations.models.message import MessageStatus
from conversations.queue import BULK
from conversations.services.campaigns import audience, control
from conversations.services.campaigns.taking import MOST_PEOPLE

FIRST_NUMBER, NUMBERS_OF_A_ROUND = 7_800_000_000, 1_000_000  # +44
LOOK_EVERY = 0.01
LAST_POINT = 0.9  # of the list: later, there might be nothing left to kill
KINDS = {False: "killed with nothing on the wire", True: "killed with requests on the wire"}

# Every process of a run is known to PostgreSQL by its name.
_HELD = """
    SELECT session.application_name, chunk.id, chunk.claim
      FROM conversations_campaignchunk AS chunk JOIN pg_stat_activity AS session ON session.pid = chunk.backend_pid
     WHERE chunk.campaign_id = %(campaign)s AND chunk.status = 'sending' AND session.application_name <> ''
     ORDER BY session.application_name
"""


@dataclass(slots=True)
class Loss:
    """A chunk that a killed worker held by a claim; when others could have it and when one did (monotonic seconds)."""

    chunk: int
    claim: Any
    killed_at: float
    is_on_wire: bool
    free_at: float | None = None
    went_on_at: float | None = None


class CrashBenchmark(Benchmark):
    """A campaign through two bulk workers, of which one is killed again and again and started anew."""

    name = "crash"
    help = (
        "A campaign whose workers are killed with kill -9 at random points: what became of everybody, and the time "
        "from each kill until another worker went on with what the killed one held."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--provider", choices=SHAPES, default="cirrus", help="The shape of the campaign. Default: %(default)s."
        )
        parser.add_argument(
            "--recipients",
            type=whole_number(100, audience.MOST_ROWS),
            default=20_000,
            metavar="PEOPLE",
            help="How many people it has. Default: %(default)s.",
        )
        parser.add_argument(
            "--kills",
            type=whole_number(1, 100),
            default=20,
            help="How many times a worker is killed that holds something. Default: %(default)s.",
        )
        parser.add_argument(
            "--latency",
            type=whole_number(0, 10_000),
            default=50,
            metavar="MS",
            help="How many milliseconds the provider takes to answer. Default: %(default)s.",
        )
        parser.add_argument(
            "--seed", type=whole_number(0, 10**9), help="What the points follow from. Default: another each time."
        )

    def run(self, options: Mapping[str, Any], say: Say) -> Findings:
        seed = random.randrange(10**9) if options["seed"] is None else options["seed"]  # noqa: S311 - no secret
        shape, findings = SHAPES[options["provider"]], Findings(remarks=[f"The points follow from --seed {seed}."])
        losses: list[Loss] = []
        with tempfile.TemporaryDirectory(prefix="parley-benchmark-") as logs, Ground(Path(logs)) as ground:
            ground.answer_after(options["latency"] / 1000)
            for turn in range(1, options["rounds"] + 1):
                say(f"Round {turn} of {options['rounds']}, seed {seed + turn - 1}")
                stream = make_stream(f"crash{turn}", **shape.stream)
                first = FIRST_NUMBER + turn * NUMBERS_OF_A_ROUND
                campaign = prepare(stream, first, options["recipients"], **shape.words(stream))
                play = _Play(ground, campaign, random.Random(seed + turn - 1))  # noqa: S311
                losses += play.kill_and_wait(options["kills"])
                findings.counts += _counts(f"round {turn}", ground, campaign, shape, options["kills"], play.losses)
        findings.measures += _measures(losses)
        return findings


class _Play:
    """One campaign, from its confirmation to its end."""

    def __init__(self, ground: Ground, campaign: Campaign, dice: random.Random) -> None:
        self._ground, self._campaign, self._dice = ground, campaign, dice
        self.losses: list[Loss] = []

    def kill_and_wait(self, kills: int) -> list[Loss]:
        """Kill a worker at so many points of the list, and return what that cost once the campaign is over."""
        people = self._campaign.sendable_count
        points = sorted(self._dice.uniform(0, LAST_POINT) * people for _ in range(kills))
        with bulk_workers(self._ground):
            control.confirm(self._campaign, actor=None, people=people)
            for _ in self._until_the_end():
                if points and self._campaign.answered_count >= points[0] and self._kill_one():
                    points.pop(0)
        return self.losses

    def _until_the_end(self) -> Iterator[None]:
        """Look again and again; CommandError when the campaign does not move."""
        moved_at = time.monotonic()
        while self._campaign.status not in ENDED:
            yield
            self._ground.check()
            self._see_who_goes_on()
            before = self._campaign.answered_count
            self._campaign.refresh_from_db()
            if self._campaign.answered_count > before:
                moved_at = time.monotonic()
            if time.monotonic() - moved_at > PATIENCE:
                raise CommandError(f"The campaign is {self._campaign.status}.\n{self._ground.logs()}")
            time.sleep(LOOK_EVERY)

    def _kill_one(self) -> bool:
        """Kill a worker that holds a chunk and start another in its place, as a supervisor does.

        False when none holds one just now, or when it had let go of it before it died.
        """
        held = execute(_HELD, {"campaign": self._campaign.pk})
        if not held:
            return False
        name, chunk, claim = self._dice.choice(held)
        self._ground.kill(name)
        killed_at = time.monotonic()
        self._ground.start_worker(name, BULK)
        lost = CampaignChunk.objects.filter(pk=chunk, claim=claim, status=ChunkStatus.SENDING)
        for on_wire in lost.values_list("on_wire", flat=True):
            self.losses.append(Loss(chunk, claim, killed_at, is_on_wire=bool(on_wire)))
            return True
        return False

    def _see_who_goes_on(self) -> None:
        waiting = [loss for loss in self.losses if loss.went_on_at is None]
        if not waiting:
            return
        chunks = CampaignChunk.objects.filter(pk__in=[loss.chunk for loss in waiting])
        now = {pk: (claim, status) for pk, claim, status in chunks.values_list("pk", "claim", "status")}
        for loss in waiting:
            claim, status = now[loss.chunk]
            if claim != loss.claim and loss.free_at is None:
                loss.free_at = time.monotonic()
            if claim not in (None, loss.claim) or status == ChunkStatus.DONE:
                loss.went_on_at = time.monotonic()


def _measures(losses: list[Loss]) -> list[Measure]:
    measures = []
    for is_on_wire, kind in KINDS.items():
        alike = [loss for loss in losses if loss.is_on_wire is is_on_wire]
        measures.append(Measure(kind, "times", {OURS: [len(alike)]}))
        for what, moments in (
            ("until others could go on", [(loss.killed_at, loss.free_at) for loss in alike]),
            ("until another went on", [(loss.killed_at, loss.went_on_at) for loss in alike]),
        ):
            seconds = [at - killed_at for killed_at, at in moments if at is not None]
            if seconds:
                for name, value in spread(seconds):
                    measures.append(Measure(f"{kind}, {what}, {name}", "s", {OURS: [value]}))
    return measures


def _counts(
    about: str, ground: Ground, campaign: Campaign, shape: Shape, kills: int, losses: list[Loss]
) -> list[Count]:
    people, arrivals = campaign.sendable_count, ground.arrivals()
    messages = Message.objects.filter(recipient__campaign=campaign)
    rows = list(messages.values_list("status", "ref", "recipient__phone"))
    came = [(status, arrivals.get(str(ref)) or arrivals.get(phone)) for status, ref, phone in rows]
    accepted = [arrival for status, arrival in came if status == MessageStatus.ACCEPTED]
    doubled = sum(arrival.times > 1 for _, arrival in came if arrival is not None)
    unconfirmed = sum(status == MessageStatus.UNCONFIRMED for status, _ in came)
    most = sum(loss.is_on_wire for loss in losses) * (MOST_PEOPLE if shape.people else settings.CAMPAIGN_CHUNK)
    return [
        Count(f"{about}: workers killed that held something", kills, len(losses)),
        Count(f"{about}: people accepted or unconfirmed", people, len(accepted) + unconfirmed),
        Count(f"{about}: people who got it more than once", 0, doubled),
        Count(f"{about}: people accepted who got nothing", 0, sum(arrival is None for arrival in accepted)),
        Count(f"{about}: people unconfirmed, beyond {most:,} that may be", 0, max(unconfirmed - most, 0)),
        Count(f"{about}: chunks that nobody went on with", 0, sum(loss.went_on_at is None for loss in losses)),
    ]
