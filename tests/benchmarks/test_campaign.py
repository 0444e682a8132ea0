"""`benchmark campaign`, small: it counts right, and nothing of it is left. No test is about how fast that was."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from config.local_services.places import PROJECT
from conversations.management.benchmark.report import FLOOR, OURS


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, as an operator types it."""
    command = [sys.executable, "manage.py", "benchmark", "campaign", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=dict(os.environ), capture_output=True, text=True, timeout=280)


def test_a_small_campaign_is_counted_and_compared() -> None:
    done = run("--recipients", "300", "--rounds", "1", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {one["name"] for one in report["counts"] if not one["ok"]} == set()
    whole = next(one for one in report["measures"] if "last outcome" in one["name"])
    assert set(whole["sides"]) == {OURS, FLOOR}
    assert whole["ratio"] > 0
    assert next(one["found"] for one in report["counts"] if "exactly once" in one["name"]) == 291


def test_a_size_that_is_none_is_refused() -> None:
    done = run("--recipients", "ten")
    assert done.returncode == 1
    assert "write numbers from 100 to 200,000, with commas" in done.stderr
