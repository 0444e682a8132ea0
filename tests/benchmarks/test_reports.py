"""`benchmark reports`, small: what is kept is what is counted, every page is measured, and nothing is left."""

from __future__ import annotations

import json
import subprocess
import sys

from django.conf import settings

from conversations.management.benchmark.reports import BY_HAND, COUNTED, PAGES

PATIENCE = 400  # seconds


def test_small_centres_are_right_and_measured() -> None:
    arguments = ("--conversations", "1500,1000", "--messages", "3", "--requests", "2", "--rounds", "1", "--json")
    command = [sys.executable, "manage.py", "benchmark", "reports", *arguments]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [count["name"] for count in report["counts"] if not count["ok"]] == []
    found = {count["name"]: count["found"] for count in report["counts"]}
    assert found["1,500: received in 7 days, rows"] > 0
    assert found["1,500: conversations with times"] == 1500
    sides = {measure["name"]: measure["sides"] for measure in report["measures"]}
    for page in PAGES:
        assert list(sides[page.name]) == ["1,000", "1,500"]
        assert {"page", BY_HAND, COUNTED} == set(sides[f"{page.name}, at 1,500"])
