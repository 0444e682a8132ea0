"""`benchmark hooks`: what providers tell, as calls to a web process, then read by workers, beside the least of both."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db.models import Sum

from config.supervisor import free_port
from conversations.management.benchmark import hooks_floor
from conversations.management.benchmark.contract import Benchmark, Say, whole_number
from conversations.management.benchmark.ground import Ground, frozen
from conversations.management.benchmark.hooks_calls import FORTY, Told
from conversations.management.benchmark.kept import listens
from conversations.management.benchmark.machine import peak_megabytes, used_so_far
from conversations.management.benchmark.report import FLOOR, OURS, THOUSAND, Count, Findings, Measure
from conversations.management.benchmark.running_campaign import bulk_workers, wait_for_the_end
from conversations.models import Conversation, Message, Receipt, WebhookEvent
from conversations.models.message import Direction, MessageStatus
from conversations.models.webhook import WebhookEventStatus
from conversations.queue import DEFAULT

CLIENTS = 2
INTERACTIVE_WORKERS = 2  # and one for the default queue, as `manage.py dev` starts them
PATIENCE = 1800.0  # seconds
LOOK_EVERY = 0.02
FLOOR_ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "conversations.management.benchmark.hooks_floor_settings"}


class HooksBenchmark(Benchmark):
    """Parley's web process and workers, and the floor of each, by turns."""

    name = "hooks"
    help = (
        "Delivery reports and customers' messages as calls to a web process: calls a second, beside a view of one "
        "INSERT in the same server, and how many a second the workers read, beside one statement for all."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "-n",
            type=whole_number(FORTY, 200_000),
            default=20_000,
            metavar="CALLS",
            help=f"How many calls of either kind, in whole {FORTY}s. Default: %(default)s.",
        )

    def run(self, options: Mapping[str, Any], say: Say) -> Findings:
        with tempfile.TemporaryDirectory(prefix="parley-benchmark-") as logs, Ground(Path(logs)) as ground:
            say("Starting two web processes and the workers of a small site")
            web = _Web(ground)
            default = ground.start_worker("default", DEFAULT)
            with ground.workers(INTERACTIVE_WORKERS) as interactive:
                ground.wait_until(
                    {
                        "worker": lambda: ground.registered(DEFAULT) == 1,
                        **{f"web process of {side}": partial(listens, port) for side, port in web.ports.items()},
                    }
                )
                rounds = _Rounds(ground, web, [default, *interactive])
                for turn in range(1, options["rounds"] + 1):
                    say(f"Round {turn} of {options['rounds']}")
                    rounds.play(turn, options["n"], say)
            return rounds.findings()


class _Web:
    """Two web processes of one kind: ours, and the floor's, which has one address. By side."""

    def __init__(self, ground: Ground) -> None:
        ours = free_port(settings.SANDBOX_PORT + 1)
        self.ports = {OURS: ours, FLOOR: free_port(ours + 1)}
        self.pids = {
            OURS: ground.start_web("web", self.ports[OURS]),
            FLOOR: ground.start_web("web-of-the-floor", self.ports[FLOOR], environment=FLOOR_ENVIRONMENT),
        }


class _Rounds:
    """The rounds of one run, and what they found: a value a round, by measure and side."""

    def __init__(self, ground: Ground, web: _Web, workers: Sequence[int]) -> None:
        self._ground, self._web, self._workers = ground, web, workers
        self._floor = hooks_floor.Floor(settings.DATABASE_URL)
        self._values: defaultdict[tuple[str, str], dict[str, list[float]]] = defaultdict(dict)
        self._counts: list[Count] = []

    def play(self, turn: int, calls: int, say: Say) -> None:
        """One round: reports are told and read, then customers' messages, then a campaign leaves that was early."""
        told = Told(turn, calls)
        different = told.calls - told.doubles
        self._floor.forget()
        say(f"Reports, {told.calls:,} calls")
        self._tell(told, "reports", told.reports(), turn)
        self._count_reports(turn, told)
        say(f"Customers' messages, {told.calls:,} calls")
        self._tell(told, "customers' messages", told.written(), turn)
        self._count_written(turn, told)
        self._note("customers' messages read", "a second", FLOOR, different / self._floor.write(different))
        self._note("reports read", "a second", FLOOR, different / self._floor.report())
        self._count_calls(turn, told)
        say("The campaign whose reports were early")
        self._send(told)
        self._count_early(turn, told)

    def findings(self) -> Findings:
        """What all rounds found."""
        return Findings([Measure(name, unit, sides) for (name, unit), sides in self._values.items()], self._counts)

    # Sides

    def _tell(self, told: Told, kind: str, bodies: Sequence[bytes], turn: int) -> None:
        """Make these calls to both sides, by turns, and let our workers read them."""
        if turn % 2 == 0:
            self._call(FLOOR, hooks_floor.ADDRESS, kind, bodies)
        with frozen(self._workers):
            self._call(OURS, f"/hooks/{told.account.webhook_token}/", kind, bodies)
            waiting = _waiting().count()
            before, began = used_so_far(self._workers), time.monotonic()
        self._wait_until_read()
        seconds, used = time.monotonic() - began, used_so_far(self._workers) - before
        self._note(f"{kind} read", "a second", OURS, waiting / seconds)
        about = f"{kind} read, processor time of"
        self._note(f"{about} the workers", "ms each", OURS, used.workers * THOUSAND / waiting)
        self._note(f"{about} PostgreSQL", "ms each", OURS, used.postgres * THOUSAND / waiting)
        if turn % 2:
            self._call(FLOOR, hooks_floor.ADDRESS, kind, bodies)

    def _call(self, side: str, path: str, kind: str, bodies: Sequence[bytes]) -> None:
        """Make these calls from two processes at once, and note what they cost."""
        web = self._web.pids[side]
        before = used_so_far([web])
        with ThreadPoolExecutor(CLIENTS) as clients:
            parts = [bodies[place::CLIENTS] for place in range(CLIENTS)]
            done = list(clients.map(lambda part: _be_a_provider(self._web.ports[side], path, part), parts))
        used = used_so_far([web]) - before
        seconds = max(one["ended"] for one in done) - min(one["began"] for one in done)
        self._note(f"{kind}, calls", "a second", side, len(bodies) / seconds)
        about = f"{kind}, processor time of"
        self._note(f"{about} the web process", "ms a call", side, used.workers * THOUSAND / len(bodies))
        self._note(f"{about} PostgreSQL", "ms a call", side, used.postgres * THOUSAND / len(bodies))
        self._note(f"{kind}, most memory of the web process", "MB", side, peak_megabytes(web))
        answered = sum((Counter(one["answered"]) for one in done), Counter[str]())
        self._counts.append(Count(f"{kind} to {side}: calls answered with 200", len(bodies), answered["200"]))

    def _wait_until_read(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while _waiting().exists():
            self._ground.check()
            if time.monotonic() > deadline:
                raise CommandError(f"Calls wait still after {PATIENCE:.0f} s.\n{self._ground.logs()}")
            time.sleep(LOOK_EVERY)

    def _send(self, told: Told) -> None:
        """Let the campaign leave whose reports were here before its messages."""
        with bulk_workers(self._ground, 1):
            wait_for_the_end(self._ground, told.campaign)

    def _note(self, measure: str, unit: str, side: str, value: float) -> None:
        self._values[measure, unit].setdefault(side, []).append(value)

    # Counts

    def _count_reports(self, turn: int, told: Told) -> None:
        receipts = Receipt.objects.filter(account=told.account)
        parked = receipts.filter(message=None).count()
        delivered = Message.objects.filter(stream=told.stream, status=MessageStatus.DELIVERED).count()
        self._counts += [
            Count(f"round {turn}: reports kept", told.calls - told.doubles, receipts.count()),
            Count(f"round {turn}: reports that wait for their message", 2 * len(told.early), parked),
            Count(f"round {turn}: messages delivered", len(told.sent), delivered),
        ]

    def _count_written(self, turn: int, told: Told) -> None:
        written = Message.objects.filter(stream=told.stream, direction=Direction.IN)
        conversations = Conversation.objects.filter(stream=told.stream)
        people = (told.calls - told.doubles) // 4
        unread = conversations.aggregate(unread=Sum("unread_count"))["unread"]
        self._counts += [
            Count(f"round {turn}: messages of customers", told.calls - told.doubles, written.count()),
            Count(f"round {turn}: conversations of theirs", people, conversations.filter(unread_count=4).count()),
            Count(f"round {turn}: messages that nobody has read", told.calls - told.doubles, unread),
        ]

    def _count_calls(self, turn: int, told: Told) -> None:
        events = WebhookEvent.objects.filter(account=told.account)
        times = events.aggregate(times=Sum("times_received"))["times"]
        read = events.filter(status=WebhookEventStatus.PROCESSED).count()
        different, often = 2 * (told.calls - told.doubles), 2 * told.calls
        stored, came = self._floor.stored()
        self._counts += [
            Count(f"round {turn}: different calls kept and read", different, read),
            Count(f"round {turn}: calls counted", often, times),
            Count(f"round {turn}: different calls kept by the floor", different, stored),
            Count(f"round {turn}: calls counted by the floor", often, came),
        ]

    def _count_early(self, turn: int, told: Told) -> None:
        messages = Message.objects.filter(recipient__campaign=told.campaign)
        receipts = Receipt.objects.filter(account=told.account)
        delivered = messages.filter(status=MessageStatus.DELIVERED).count()
        self._counts += [
            Count(f"round {turn}: messages of the campaign delivered by early reports", len(told.early), delivered),
            Count(f"round {turn}: reports without a message", 0, receipts.filter(message=None).count()),
        ]


def _waiting() -> Any:
    return WebhookEvent.objects.filter(status=WebhookEventStatus.RECEIVED)


def _be_a_provider(port: int, path: str, bodies: Sequence[bytes]) -> Any:
    """Make these calls in a process of its own; what it tells."""
    command = [sys.executable, "-m", "conversations.management.benchmark.hooks_client", str(port), path]
    done = subprocess.run(
        command, input=b"\n".join(bodies), stdout=subprocess.PIPE, cwd=settings.BASE_DIR, timeout=PATIENCE, check=True
    )
    return json.loads(done.stdout)
