"""`benchmark admin`, small: every list is measured in each centre, and none asks more often where there is more."""

from __future__ import annotations

import json
import subprocess
import sys

from django.conf import settings

from conversations.management.benchmark.admin import LISTS

PATIENCE = 400  # seconds


def test_every_list_is_measured_and_asks_as_often_in_a_larger_centre() -> None:
    arguments = ("--conversations", "1500,1000", "--messages", "2", "--requests", "2", "--rounds", "1", "--json")
    command = [sys.executable, "manage.py", "benchmark", "admin", *arguments]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [count["name"] for count in report["counts"] if not count["ok"]] == []
    sides = {(measure["name"], measure["unit"]): measure["sides"] for measure in report["measures"]}
    for name in LISTS:
        assert list(sides[name, "ms"]) == ["1,000", "1,500"]
        assert set(sides[f"{name}, at 1,500", "ms"]) == {"page", "SQL"}
        assert all(side["median"] > 0 for side in sides[name, "statements"].values())
