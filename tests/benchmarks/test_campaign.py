"""`benchmark campaign`, small: it counts right, and nothing of it is left. No test is about how fast that was."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from config.local_services.places import PROJECT
from conversations.management.benchmark.campaign_shapes import SHAPES
from conversations.management.benchmark.report import FLOOR, OURS


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
    assert len(whole) == len(SHAPES)
    assert all(set(one["sides"]) == {OURS, FLOOR} and one["ratio"] > 0 for one in whole)
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
