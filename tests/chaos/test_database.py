"""PostgreSQL that dies at the worst moments."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conversations.models import Message
from tests.chaos.conftest import Chaos
from tests.chaos.processes import eventually
from tests.chaos.run import words
from tests.chaos.web import Agent

pytestmark = pytest.mark.chaos


def test_killed_with_answers_in_hand(chaos: Chaos) -> None:
    with chaos("F18", "PostgreSQL killed with answers in hand") as run:
        first, second = run.conversation(), run.conversation()
        with run.holding_on_the_wire(first) as one, run.holding_on_the_wire(second) as two:
            messages = [run.text(first), run.text(second)]
            eventually(lambda: one.arrived.is_set() and two.arrived.is_set(), "both are on the wire")
            run.site.kill_postgres()
        run.site.start_postgres()
        run.site.mend()
        for message in messages:
            run.wait_for(message, "accepted")


def test_away_with_an_answer_in_hand(chaos: Chaos) -> None:
    with chaos("F19", "PostgreSQL away for long with an answer in hand") as run:
        conversation = run.conversation()
        spool = Path(run.site.environment["SPOOL_DIR"])
        with run.holding_on_the_wire(conversation) as hold:
            message = run.text(conversation)
            run.sender_of(hold)
            run.site.kill_postgres()
        eventually(lambda: list(spool.glob("*.json")), "the answer is kept on disk")
        run.site.start_postgres()
        run.site.mend()
        run.wait_for(message, "accepted")
        eventually(lambda: not list(spool.glob("*.json")), "the disk is cleared")


def test_killed_between_the_commit_and_the_hint(chaos: Chaos) -> None:
    with chaos("F20", "PostgreSQL killed between an agent's commit and the hint") as run:
        agent = Agent(run, run.stream)
        conversation, text, key = run.conversation(), words(), str(uuid.uuid4())
        run.site.freeze_valkey()  # the hint waits for an answer
        with ThreadPoolExecutor(1) as thread:
            thread.submit(agent.reply, conversation, text, key=key)
            eventually(lambda: Message.objects.filter(body=text), "the row is committed")
            run.site.kill_postgres()
            run.site.thaw_servers()
        run.site.start_postgres()
        run.site.mend()
        assert agent.reply(conversation, text, key=key).status_code == 302, "whoever presses Send again"
        run.wait_for(run.found(conversation, text), "accepted")


def test_the_connection_is_lost_before_the_hint(chaos: Chaos) -> None:
    with chaos("F20", "connection lost between an agent's commit and the hint: no error") as run:
        agent = Agent(run, run.stream)
        conversation, text = run.conversation(), words()
        run.site.freeze_valkey()  # the hint waits for an answer
        with ThreadPoolExecutor(1) as thread:
            press = thread.submit(agent.reply, conversation, text)
            eventually(lambda: Message.objects.filter(body=text), "the row is committed")
            run.site.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE starts_with(application_name, 'web')"
            )
            run.site.thaw_servers()
        assert press.result().status_code == 302
        run.wait_for(run.found(conversation, text), "accepted")


def test_a_commit_is_on_disk_before_it_is_believed(chaos: Chaos) -> None:
    with chaos("F21", "a failover that loses the last commit (a setting)") as run:
        assert run.site.sql("SHOW synchronous_commit") == [("on",)]
        run.wait_for(run.text(), "accepted")
