"""`benchmark mirror`: conversations of the other side brought in, and read again when nothing has changed."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from conversations.management.benchmark.bulk import execute
from conversations.management.benchmark.company import make_stream
from conversations.management.benchmark.contract import Benchmark, Say, whole_number
from conversations.management.benchmark.mirror_floor import Floor
from conversations.management.benchmark.report import FLOOR, OURS, Count, Findings, Measure
from conversations.management.processes import Processes
from conversations.models import (
    Activity,
    Contact,
    Conversation,
    ConversationMirror,
    Drift,
    Message,
    MessageEvent,
    Stream,
)
from conversations.services.clock import database_now
from conversations.services.demo_data.control import SandboxControl
from conversations.services.mirror import syncing
from conversations.services.mirror.taking import Taken
from messaging.errors import ProviderError

KEY, STREAM_ID = "sandbox-cirrus-key", "532"  # of the sandbox's standing account
READS = "HTTP reads alone"
FIRST, AGAIN = "brought in, conversations a second", "read again, conversations a second"
WRITTEN_BY_A_SYNC = (Contact, Conversation, Message, MessageEvent, Activity, ConversationMirror, Drift)


class MirrorBenchmark(Benchmark):
    """Parley, the floor with its rows, and the reads alone, by turns."""

    name = "mirror"
    help = (
        "Conversations that Cirrus holds, over HTTP from the sandbox: brought in, and read again when nothing has "
        "changed, which must change nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--objects",
            type=whole_number(1, 1000),
            default=1000,
            help="How many conversations Cirrus holds. Default: %(default)s.",
        )
        parser.add_argument(
            "--children",
            type=whole_number(1, 100),
            default=20,
            help="How many messages each of them has. Default: %(default)s.",
        )

    def run(self, options: Mapping[str, Any], say: Say) -> Findings:
        with tempfile.TemporaryDirectory(prefix="parley-benchmark-") as room, Processes(Path(room)) as processes:
            say("Starting the sandbox")
            sandbox = _start_sandbox(processes, Path(room))
            say(f"Filling it with {options['objects']:,} conversations of {options['children']} messages")
            streams = sandbox.get("accounts")["accounts"]
            pk = next(one["id"] for account in streams for one in account["streams"] if one["stream_id"] == 532)
            sandbox.post("objects", {"stream": pk, "objects": options["objects"], "children": options["children"]})
            rounds = _Rounds(sandbox, options["objects"], options["children"])
            for turn in range(1, options["rounds"] + 1):
                say(f"Round {turn} of {options['rounds']}")
                rounds.play(turn)
            return rounds.findings()


def _start_sandbox(processes: Processes, room: Path) -> SandboxControl:
    processes.start_command(
        "sandbox", "sandbox", "--port", str(settings.SANDBOX_PORT), "--database", str(room / "sandbox.sqlite3")
    )
    sandbox = SandboxControl(f"http://127.0.0.1:{settings.SANDBOX_PORT}")

    def answers() -> bool:
        try:
            return bool(sandbox.get("accounts"))
        except ProviderError:
            return False

    processes.wait_until({"the sandbox": answers})
    return sandbox


class _Rounds:
    """What is measured: each round begins with nothing of a conversation here."""

    def __init__(self, sandbox: SandboxControl, objects: int, children: int) -> None:
        self._sandbox, self._objects, self._children = sandbox, objects, children
        self._floor = Floor(settings.DATABASE_URL, settings.SANDBOX_PORT, key=KEY, stream_id=STREAM_ID)
        self._stream = _mirrored_stream()
        self._values: defaultdict[str, dict[str, list[float]]] = defaultdict(dict)
        self._counts: list[Count] = []

    def play(self, turn: int) -> None:
        """One round: both sides bring everything in and read it again, in turns that change."""
        ours = self._play_ours, self._play_floor
        for side in ours if turn % 2 else ours[::-1]:
            side(f"round {turn}")

    def findings(self) -> Findings:
        """What all rounds found."""
        measures = [
            Measure(FIRST.partition(", ")[0], FIRST.partition(", ")[2], self._values[FIRST]),
            Measure(AGAIN.partition(", ")[0], AGAIN.partition(", ")[2], self._values[AGAIN], compared=(OURS, READS)),
        ]
        on_phones = len(self._sandbox.get("messages")["messages"])
        return Findings(measures, [*self._counts, Count("texts that went to customers", 0, on_phones)])

    def _play_ours(self, when: str) -> None:
        execute("TRUNCATE conversations_contact CASCADE")
        seconds, taken = self._sync()
        self._note(FIRST, OURS, seconds)
        messages = self._objects * self._children
        self._counts += [
            Count(f"{when}: conversations brought in", self._objects, Conversation.objects.count()),
            Count(f"{when}: messages brought in", messages, Message.objects.count()),
            Count(f"{when}: what could not be understood or differs", 0, taken.problems + taken.drifts + taken.busy),
        ]
        rows, before = _rows(), _newest_transaction()
        seconds, taken = self._sync()
        self._note(AGAIN, OURS, seconds)
        self._counts += [
            Count(f"{when}: conversations read again, unchanged", taken.read, taken.unchanged),
            Count(f"{when}: rows written by the second reading", 0, _rows_written_since(before)),
            Count(f"{when}: rows after the second reading", rows, _rows()),
        ]

    def _play_floor(self, when: str) -> None:
        since, until = _window()
        seconds, objects, children = self._floor.read_and_store(int(since.timestamp()), int(until.timestamp()))
        self._note(FIRST, FLOOR, seconds)
        self._note(AGAIN, READS, self._floor.read(int(since.timestamp()), int(until.timestamp())))
        stored = Count(f"{when}: rows stored by the floor", self._objects * (1 + self._children), objects + children)
        self._counts.append(stored)

    def _sync(self) -> tuple[float, Taken]:
        since, until = _window()
        began = time.monotonic()
        taken = syncing.sync_stream(self._stream, since=since, until=until)
        return time.monotonic() - began, taken

    def _note(self, measure: str, side: str, seconds: float) -> None:
        self._values[measure].setdefault(side, []).append(self._objects / seconds)


def _mirrored_stream() -> Stream:
    stream = make_stream("mirror", provider="cirrus")
    account = stream.account
    account.base_url, account.credentials = f"{settings.SANDBOX_URL}/cirrus", {"api_key": KEY}
    account.save(update_fields=["base_url", "credentials"])
    stream.settings = {"stream_id": STREAM_ID, "mirror": "yes"}
    stream.save(update_fields=["settings"])
    return stream


def _window() -> tuple[Any, Any]:
    now = database_now()
    return now - timedelta(days=1), now + timedelta(minutes=5)


def _rows() -> int:
    return sum(model._default_manager.count() for model in WRITTEN_BY_A_SYNC)


def _newest_transaction() -> int:
    return int(execute("SELECT pg_current_xact_id()::text::bigint")[0][0])


def _rows_written_since(transaction: int) -> int:
    """Rows that a later transaction has made or changed, by what PostgreSQL notes in each of them."""
    tables = [model._meta.db_table for model in WRITTEN_BY_A_SYNC]
    changed = "SELECT count(*) FROM {} WHERE xmin::text::bigint > %(before)s"
    return sum(execute(changed.format(table), {"before": transaction})[0][0] for table in tables)
