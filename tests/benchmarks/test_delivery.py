"""`benchmark delivery`, small: it counts right and reports what it should. No test is about how fast that was."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from config import local_services
from conversations.management.benchmark.report import FLOOR, OURS
from conversations.management.commands.benchmark import Command

PATIENCE = 240  # seconds
COMPARED = {
    "commit to provider, median",
    "commit to provider, 95 of 100",
    "commit to provider, longest",
    "through one worker",
    "through two workers",
    "processor time of the worker",
    "processor time of PostgreSQL",
    "processor time of Valkey",
}


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "benchmark", *arguments]
    return subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=PATIENCE, check=False)


def left_over() -> list[psutil.Process]:
    """What still runs in the benchmark's profile: its name is in the processes' environment or in their arguments."""
    name = f"benchmark-{local_services.profile()}"
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ().get(local_services.PROFILE_VARIABLE)
            if environment == name or f"/{name}/" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def report() -> Any:
    """A run of four messages a measurement, in one round, with a campaign beside some, stopped after them."""
    done = _run("delivery", "-n", "4", "--campaign", "20000", "--rounds", "1", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_everything_came_once_and_was_accepted(report: Any) -> None:
    # Each side sends 4 to warm up, 4 one by one, 4 through two workers and 4 through one; ours as many as there is
    # time for beside a campaign, 4 at most.
    found = {count["name"]: count["found"] for count in report["counts"]}
    ours, of_campaign = found["rows accepted"], found["people of campaigns that the provider got exactly once"]
    assert 17 <= ours <= 20
    assert 1000 <= of_campaign <= 20_000
    assert found == {
        "messages that the provider got exactly once": ours,
        "messages of the floor that it got exactly once": 32,
        "people of campaigns that the provider got exactly once": of_campaign,
        "messages that it got and nobody sent": 0,
        "rows accepted": ours,
        "attempts accepted": ours,
        "attempts with another outcome": 0,
        "jobs left in the queue": 0,
    }
    assert all(count["ok"] for count in report["counts"])
    assert report["ok"] is True


def test_every_measure_has_a_value_a_round_for_each_side(report: Any) -> None:
    beside = [measure for measure in report["measures"] if list(measure["sides"]) == ["idle", "beside a campaign"]]
    assert {measure["name"] for measure in beside} == {name for name in COMPARED if name.startswith("commit")}
    assert all(measure["ratio"] > 0 for measure in beside)
    sides = {measure["name"]: measure["sides"] for measure in report["measures"] if measure not in beside}
    assert set(sides) == COMPARED | {"queued by one process", "most memory of a worker"}
    for name, found in sides.items():
        assert list(found) == ([OURS, "floor in RQ", FLOOR] if name in COMPARED else [OURS])
        assert all(len(side["values"]) == 1 for side in found.values())
    times = {name: found for name, found in sides.items() if not name.startswith("processor")}  # those come in ticks
    assert all(side["median"] > 0 for found in times.values() for side in found.values())


def test_it_says_on_what_it_ran(report: Any) -> None:
    assert report["command"] == "manage.py benchmark delivery -n 4 --campaign 20000 --rounds 1"
    assert set(report["machine"]["versions"]) == {"Python", "Django", "RQ", "PostgreSQL", "Valkey"}
    assert [len(report["load"][when]) for when in ("before", "after")] == [3, 3]


def test_nothing_is_left_of_it(report: Any) -> None:
    assert left_over() == []


def test_a_name_that_is_none_is_refused_in_a_shell() -> None:
    done = _run("speed")
    assert done.returncode == 2
    assert "argument NAME: invalid choice: 'speed' (choose from 'delivery', 'inbox', 'campaign', " in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("delivery -n 1", "argument -n: choose 2 to 4,000, not 1"),
        ("delivery --rounds 0", "argument --rounds: choose 1 to 100, not 0"),
        ("delivery --json --markdown", "argument --markdown: not allowed with argument --json"),
        ("inbox --conversations 999", "argument --conversations: choose 1,000 to 5,000,000"),
        ("inbox --conversations 1000,x", "argument --conversations: choose 1,000 to 5,000,000"),
        ("inbox --conversations=", "argument --conversations: choose 1,000 to 5,000,000"),
        ("inbox --conversations 6000000", "argument --conversations: choose 1,000 to 5,000,000"),
        (
            "campaign --recipients ten",
            "argument --recipients: write numbers from 100 to 200,000, with commas, not ten",
        ),
    ],
)
def test_an_option_that_cannot_be_is_refused_before_anything_starts(arguments: str, complaint: str) -> None:
    with pytest.raises(CommandError, match=re.escape(complaint)):
        Command().create_parser("manage.py", "benchmark").parse_args(arguments.split())


def test_it_does_not_replace_the_process_that_calls_it() -> None:
    with pytest.raises(CommandError, match="Run it from a shell"):
        call_command("benchmark", "delivery")
    assert os.getpid() == psutil.Process().pid
