"""`benchmark mirror`, small: it counts right, and nothing of it is left. No test is about how fast that was."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from config.local_services.places import PROJECT
from conversations.management.benchmark.mirror import READS
from conversations.management.benchmark.report import FLOOR, OURS


def test_a_few_conversations_are_read_twice_and_counted() -> None:
    command = [sys.executable, "manage.py", "benchmark", "mirror"]
    command += ["--objects", "101", "--children", "2", "--rounds", "1", "--json"]
    done = subprocess.run(command, cwd=PROJECT, env=dict(os.environ), capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [count for count in report["counts"] if not count["ok"]] == []
    found = {count["name"].partition(": ")[2] or count["name"]: count["found"] for count in report["counts"]}
    assert (found["conversations brought in"], found["messages brought in"]) == (101, 202)
    assert found["conversations read again, unchanged"] >= 101, "those at the edges of answers come twice"
    assert found["rows written by the second reading"] == 0
    assert [set(one["sides"]) for one in report["measures"]] == [{OURS, FLOOR}, {OURS, READS}]
