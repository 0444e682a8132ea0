"""Running a benchmark as an operator does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from config.local_services.places import PROJECT

PATIENCE = 280  # seconds


def report_of(
    name: str, *arguments: str, environment: Mapping[str, str] | None = None, depends: str | None = None
) -> Any:
    """What one round of a benchmark found; it must have ended well, with every count right.

    A count whose name ends with `depends` is that of a quiet machine, and may be another here.
    """
    command = [sys.executable, "manage.py", "benchmark", name, *arguments, "--rounds", "1", "--json"]
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    wrong = [count for count in report["counts"] if not count["ok"]]
    assert [count for count in wrong if depends is None or not count["name"].endswith(depends)] == []
    assert done.returncode == bool(wrong), done.stderr
    return report


def found(report: Any) -> dict[str, int]:
    """The counts by name, without the round."""
    return {count["name"].removeprefix("round 1: "): count["found"] for count in report["counts"]}
