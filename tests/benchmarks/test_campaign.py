"""`benchmark campaign`, small: it counts right, and nothing of it is left. No test is about how fast that was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from uuid import uuid4

import pytest

from config.local_services.places import PROJECT
from conversations.management.benchmark.campaign_floor import Asked
from conversations.management.benchmark.campaign_rows import OurRows
from conversations.management.benchmark.campaign_shapes import SHAPES
from conversations.management.benchmark.company import make_stream
from conversations.management.benchmark.report import FLOOR, OURS
from conversations.models import Message, SendAttempt


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, as an operator types it."""
    command = [sys.executable, "manage.py", "benchmark", "campaign", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=dict(os.environ), capture_output=True, text=True, timeout=280)


def test_small_campaigns_of_every_shape_are_counted_and_compared() -> None:
    done = run("--recipients", "100", "--rounds", "1", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {one["name"] for one in report["counts"] if not one["ok"]} == set()
    whole = [one for one in report["measures"] if "last outcome" in one["name"]]
    beside_floor, beside_rows = ([one for one in whole if side in one["sides"]] for side in (FLOOR, OurRows.name))
    assert len(beside_floor) == len(beside_rows) == len(SHAPES)
    assert all(set(one["sides"]) == {OURS, FLOOR} and one["ratio"] > 0 for one in beside_floor)
    assert all(set(one["sides"]) == {OURS, OurRows.name} and one["ratio"] > 0 for one in beside_rows)
    reached = [one["found"] for one in report["counts"] if "exactly once" in one["name"]]
    assert reached == [97] * len(SHAPES)
    assert report["remarks"] == []


def test_a_provider_that_takes_its_time_is_compared_with_threads_that_wait() -> None:
    done = run("--provider", "cirrus", "--recipients", "100,200", "--latency", "50", "--rounds", "1", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    rates = [one for one in report["measures"] if one["name"].endswith("answers after 50 ms")]
    assert [one["sides"][FLOOR]["median"] for one in rates] == [800, 800], "two workers of twenty threads"
    assert all(0 < one["ratio"] < 1 for one in rates)
    (grown,) = (one for one in report["measures"] if "from 100 people to 200" in one["name"])
    assert grown["sides"][OURS]["median"] > 0
    assert {one["name"] for one in report["counts"] if not one["ok"]} == set()


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 3])
def test_the_floor_with_our_rows_keeps_what_a_campaign_keeps(size: int) -> None:
    people = [(str(uuid4()), f"+44770090000{place}") for place in range(4)]
    requests = [people[start : start + size] for start in range(0, len(people), size)]
    asked = [Asked(rows, b'{"to": 1}', b'{"status": "ok\\n"}', [f"tid_{ref}" for ref, _ in rows]) for rows in requests]
    stream = make_stream("rows")
    OurRows(stream).keep(asked)
    kept = Message.objects.filter(conversation__stream=stream, conversation__status="dormant").order_by("id")
    assert [(str(one.ref), one.conversation.contact.phone) for one in kept] == people
    for message in kept:
        (result,) = message.results.all()
        assert (message.status, result.outcome, result.on_wire) == ("accepted", "accepted", True)
        assert message.external_id == result.external_id == f"tid_{message.ref}"
    attempts = SendAttempt.objects.filter(stream=stream).order_by("id")
    assert [attempt.results.count() for attempt in attempts] == [len(rows) for rows in requests]
    assert {(one.request_body, one.response_body) for one in attempts} == {('{"to": 1}', '{"status": "ok\\n"}')}
