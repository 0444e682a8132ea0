"""`benchmark rate`: does a stream keep its limit, and does it use it? Judged by the provider's clock."""

from __future__ import annotations

import tempfile
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from conversations.management.benchmark.campaign_shapes import SHAPES
from conversations.management.benchmark.company import make_stream
from conversations.management.benchmark.contract import Benchmark, Say, whole_number
from conversations.management.benchmark.ground import Arrival, Ground
from conversations.management.benchmark.report import OURS, Count, Findings, Measure
from conversations.management.benchmark.running_campaign import bulk_workers, prepare, wait_for_the_end
from conversations.models import Campaign, StreamGate
from conversations.services.campaigns import control

LIMIT = "limit"
USED, MOST = "on average", "most in any second"
FIRST_NUMBER, NUMBERS_OF_A_STREAM = 7_850_000_000, 100_000  # +44


class RateBenchmark(Benchmark):
    """Campaigns of one person a request at once, each on a stream of its own, through two bulk workers."""

    name = "rate"
    help = (
        "Campaigns on streams with a rate: the requests of each second by the provider's clock, which may be no more "
        "than the stream's rate and burst, and the part of the rate that is used."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        for name, least, most, default, text in (
            ("rate", 1, 1000, 100, "Requests a second that each stream may make."),
            ("burst", 1, 1000, 10, "Requests that may leave at once."),
            ("seconds", 1, 600, 30, "How long each campaign should take."),
            ("streams", 1, 10, 2, "How many streams there are, each with a campaign."),
        ):
            parser.add_argument(
                f"--{name}", type=whole_number(least, most), default=default, help=f"{text} Default: %(default)s."
            )

    def run(self, options: Mapping[str, Any], say: Say) -> Findings:
        with tempfile.TemporaryDirectory(prefix="parley-benchmark-") as logs, Ground(Path(logs)) as ground:
            rounds = _Rounds(ground, rate=options["rate"], burst=options["burst"])
            for turn in range(1, options["rounds"] + 1):
                say(f"Round {turn} of {options['rounds']}")
                rounds.play(turn, streams=options["streams"], seconds=options["seconds"])
            return rounds.findings()


class _Rounds:
    """The rounds of one run, and what they found: a value a stream and round."""

    def __init__(self, ground: Ground, *, rate: int, burst: int) -> None:
        self._ground, self._rate, self._burst = ground, rate, burst
        self._numbers = count(FIRST_NUMBER, NUMBERS_OF_A_STREAM)
        self._values: defaultdict[str, list[float]] = defaultdict(list)
        self._counts: list[Count] = []

    def play(self, turn: int, *, streams: int, seconds: int) -> None:
        """Let a campaign leave on each stream, all at once."""
        campaigns = [self._prepare(f"rate{turn}-{place}", self._rate * seconds) for place in range(streams)]
        with bulk_workers(self._ground):
            for campaign in campaigns:
                control.confirm(campaign, actor=None, people=campaign.sendable_count)
            for campaign in campaigns:
                wait_for_the_end(self._ground, campaign)
        arrivals = self._ground.arrivals()
        for place, campaign in enumerate(campaigns, start=1):
            phones = campaign.recipients.values_list("phone", flat=True)
            self._judge(f"round {turn}, stream {place}", campaign, [arrivals[one] for one in phones if one in arrivals])

    def findings(self) -> Findings:
        """What all rounds found."""
        measures = [
            Measure(name, unit, {OURS: self._values[name], LIMIT: [limit]}, compared=(OURS, LIMIT))
            for name, unit, limit in (
                (USED, "requests a second", self._rate),
                (MOST, "requests", self._rate + self._burst),
            )
        ]
        return Findings(measures, self._counts)

    def _prepare(self, name: str, people: int) -> Campaign:
        shape = SHAPES["cirrus"]
        stream = make_stream(name, **shape.stream)
        StreamGate.objects.filter(stream=stream).update(rate=self._rate, burst=self._burst, tokens=self._burst)
        return prepare(stream, next(self._numbers), people, **shape.words(stream))

    def _judge(self, about: str, campaign: Campaign, came: Sequence[Arrival]) -> None:
        times = sorted(one.first for one in came)
        within = within_a_second(times)
        if len(times) > 1:
            self._values[USED].append((len(times) - 1) / (times[-1] - times[0]))
        self._values[MOST].append(max(within, default=0))
        once = sum(one.times == 1 for one in came)
        too_many = sum(number > self._rate + self._burst for number in within)
        self._counts += [
            Count(f"{about}: people whom the provider got once", campaign.sendable_count, once),
            Count(f"{about}: seconds with more than rate and burst", 0, too_many),
        ]


def within_a_second(times: Sequence[float]) -> list[int]:
    """For each of these moments, which are in order, how many there are from it until a second later."""
    return [bisect_left(times, began + 1) - place for place, began in enumerate(times)]
