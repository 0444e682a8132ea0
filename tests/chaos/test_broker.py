"""Valkey that dies, forgets, fills up or refuses: it holds wake-up calls only."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import psutil
import pytest
from psycopg.sql import SQL, Identifier

from conversations.models import Message, Stream
from tests.chaos.conftest import Chaos
from tests.chaos.processes import eventually
from tests.chaos.run import Run, words
from tests.chaos.site import rq_worker
from tests.chaos.web import Agent

slow = pytest.mark.chaos

SUPERVISED = """
import sys
from config.supervisor import ProcessSpec, Supervisor
sys.exit(Supervisor([ProcessSpec("worker", sys.argv[1:])]).run())
"""


def everything_but_hints(run: Run) -> dict[str, str]:
    """A digest of each table, without the moments of hints, the dispatcher's rounds and the sums that it adds up."""
    tables = run.site.sql(
        """SELECT tablename FROM pg_tables WHERE starts_with(tablename, 'conversations_')
              AND tablename NOT IN ('conversations_dispatchertick', 'conversations_inboxcount')"""
    )
    digest = SQL(
        """SELECT md5(string_agg(row, '' ORDER BY row))
             FROM (SELECT (to_jsonb(one) - 'hinted_at')::text AS row FROM {} AS one) AS rows"""
    )
    return {name: run.site.sql(digest.format(Identifier(name)))[0][0] for (name,) in tables}


@pytest.mark.parametrize("messages", [pytest.param(1000, marks=slow)])
def test_killed_with_a_full_queue(chaos: Chaos, messages: int) -> None:
    with chaos("F11", "Valkey killed with a full queue") as run:
        run.freeze_workers()
        run.site["dispatcher-1"].freeze()  # else it wakes for each of them every second
        run.texts(messages)
        assert run.talkative_jobs() == []
        run.site.kill_valkey()
        run.site.start_valkey()
        run.site.mend()
        run.settle()
        assert Message.objects.filter(status="accepted").count() == messages


def test_flushed(chaos: Chaos) -> None:
    with chaos("F12", "Valkey flushed: no row changes, and everything is sent") as run:
        Stream.objects.update(paused_until="2100-01-01T00:00:00Z")
        messages = run.texts(30)
        with run.site.valkey() as client:
            eventually(lambda: not list(client.scan_iter("rq:job:*")), "the workers find nothing due")
            before = everything_but_hints(run)
            client.flushall()
        hinted = Message.objects.filter(hinted_at__isnull=False)
        eventually(lambda: not hinted.exists(), "the dispatcher notices")
        assert everything_but_hints(run) == before
        Stream.objects.update(paused_until=None)
        for message in messages:
            run.wait_for(message, "accepted")
        with run.site.valkey() as client:
            eventually(lambda: client.scard("rq:workers:interactive"), "whoever works stands in the list again")


@slow
def test_away(chaos: Chaos) -> None:
    with chaos("F13", "Valkey away: sent by the dispatcher itself") as run:
        run.site.kill_valkey()
        for message in run.texts(20):
            run.wait_for(message, "accepted")
        run.site.start_valkey()


@slow
def test_away_while_an_agent_writes(chaos: Chaos) -> None:
    with chaos("F14", "Valkey away while an agent presses Send") as run:
        agent = Agent(run, run.stream)
        conversation = run.conversation()
        run.site.kill_valkey()
        text = words()
        answer = agent.reply(conversation, text)
        assert answer.status_code == 302, answer.text
        message = run.found(conversation, text)
        run.wait_for(message, "accepted")
        run.site.start_valkey()


@slow
def test_restarted_under_a_supervisor(chaos: Chaos) -> None:
    with chaos("F15", "Valkey restarts: workers end, their supervisor starts them again") as run:
        run.site.spare(*[worker.name for worker in run.site.workers])
        command = [sys.executable, "-c", SUPERVISED, *rq_worker("interactive")]
        environment = run.site.environment_of("supervised")
        with (run.site.directory / "supervised.log").open("ab") as log:
            supervisor = psutil.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT)
        try:
            conversation = run.conversation()
            with run.holding_on_the_wire(conversation) as hold:
                first = run.text(conversation)
                eventually(hold.arrived.is_set, "the supervised worker sends")
                [worker] = [child for child in supervisor.children() if "rqworker" in child.cmdline()]
                run.site.kill_valkey()
            run.wait_for(first, "accepted")
            eventually(lambda: not worker.is_running(), "the worker ends")
            run.site.start_valkey()
            second = run.quiet_text(conversation)
            run.start_job(second)
            run.wait_for(second, "accepted")
        finally:
            supervisor.terminate()
            supervisor.wait(timeout=90)
            run.site.need(*[worker.name for worker in run.site.workers])


@slow
@pytest.mark.parametrize("how", ["full", "read-only"])
def test_it_takes_nothing(chaos: Chaos, how: str) -> None:
    with chaos("F16", f"Valkey {how}: answers, and takes nothing") as run:
        with run.site.valkey() as client:
            changes: dict[str, Any] = {"full": ("maxmemory", "1"), "read-only": ("min-replicas-to-write", "1")}
            client.config_set(*changes[how])
            try:
                for message in run.texts(20):
                    run.wait_for(message, "accepted")
            finally:
                client.config_set("maxmemory", "256mb")
                client.config_set("min-replicas-to-write", "0")
        run.site.mend()
