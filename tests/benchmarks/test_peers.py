"""Systems of others in a benchmark: what is asked of them, and what is said where they cannot run.

What takes a package index and minutes runs with REQUIRE_PEERS=1 alone.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from config.supervisor.ports import FIRST_EPHEMERAL_PORT
from conversations.management.benchmark.campaign_shapes import SHAPES
from conversations.management.benchmark.ground import Ground
from conversations.management.benchmark.peers import kannel
from conversations.management.benchmark.peers.contract import Peer, measures_of, start_peers
from conversations.management.benchmark.peers.helpdesk import PAGES, Helpdesk
from conversations.management.benchmark.peers.kannel import Kannel
from conversations.management.benchmark.peers.rapid_sms import RapidSms
from conversations.management.benchmark.report import FLOOR, OURS

from .test_delivery import left_over

PATIENCE = 500  # seconds
kannel_is_here = pytest.mark.skipif(
    not all(shutil.which(one, path=f"{os.environ['PATH']}:{kannel.ELSEWHERE}") for one in kannel.PROGRAMS),
    reason="Kannel is not on this machine",
)
peers_are_wanted = pytest.mark.skipif(not os.environ.get("REQUIRE_PEERS"), reason="REQUIRE_PEERS is not set")


class Abacus(Peer):
    """A peer that is always here."""

    name = "Abacus 1"
    leaves_out = "has no rows."

    def start(self) -> None:
        """It needs nothing."""


def run(*arguments: str) -> Any:
    """What the command finds, as an operator types it."""
    command = [sys.executable, "manage.py", "benchmark", *arguments, "--rounds", "1", "--peers", "--json"]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def beside(report: Any, peer: str) -> dict[str, Any]:
    """The measures that have a side of that peer, by name."""
    return {one["name"]: one for one in report["measures"] if any(side.startswith(peer) for side in one["sides"])}


# Without any of them


def test_kannel_is_told_to_speak_with_this_machine_alone(tmp_path: Path) -> None:
    file = Kannel(Ground(tmp_path)).configure(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = [line.partition(" = ") for line in file.read_text().splitlines() if line]
    values = {name: value for name, _, value in lines}
    assert {values[name] for name in values if name.endswith(("-interface", "-host", "allow-ip"))} == {"127.0.0.1"}
    ports = [int(value) for name, _, value in lines if name.endswith("-port")]
    assert len(set(ports)) == 3
    assert max(ports) < FIRST_EPHEMERAL_PORT
    assert values["send-url"].startswith(f'"http://127.0.0.1:{settings.SANDBOX_PORT}/cgi-bin/sendsms?')
    assert Path(values["store-location"]).is_relative_to(tmp_path)


def test_a_peer_that_is_not_here_is_named_with_what_to_do_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(kannel, "ELSEWHERE", "")
    abacus, said = Abacus(), list[str]()
    running, remarks = start_peers([Kannel(Ground(tmp_path)), abacus], said.append)
    assert running == [abacus]
    assert remarks == ["Kannel was not measured: bearerbox and smsbox are not on this machine. apt-get install kannel"]
    assert said == ["Starting Kannel", remarks[0], "Starting Abacus 1"]
    assert list(tmp_path.iterdir()) == []


def test_a_peer_that_cannot_be_installed_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    running, (remark,) = start_peers([Helpdesk(tmp_path)], lambda _: None)
    assert running == []
    assert remark.startswith("django-helpdesk 2.6.1 was not measured: django-helpdesk==2.6.1, ")
    assert "No matching distribution found for django-helpdesk==2.6.1" in remark
    assert remark.endswith("Let pip reach a package index: its own configuration and PIP_INDEX_URL say which.")


def test_each_peer_stands_beside_ours_with_what_it_leaves_out_and_not_among_the_floors() -> None:
    values = {
        ("whole", "s"): {OURS: [2.0, 3.0], FLOOR: [1.0, 1.0], Abacus.name: [0.5, 0.5]},
        ("memory", "MB"): {OURS: [100.0, 90.0]},
    }
    whole, memory, compared = measures_of(values, [Abacus()])
    assert [set(row.sides) for row in (whole, memory, compared)] == [{OURS, FLOOR}, {OURS}, {OURS, Abacus.name}]
    assert (whole.note, memory.note, compared.note) == ("", "", "Abacus 1 has no rows.")
    assert (compared.name, compared.ratio) == ("whole", 5.0)


def test_peers_are_measured_beside_the_shape_in_which_they_send(tmp_path: Path) -> None:
    one_each, many = Kannel(Ground(tmp_path)), RapidSms(Ground(tmp_path))
    assert [name for name, shape in SHAPES.items() if one_each.takes(shape)] == ["cirrus", "ccai"]
    assert [name for name, shape in SHAPES.items() if many.takes(shape)] == ["webex"]


# With them


@kannel_is_here
def test_kannel_sends_a_list_and_everybody_on_it_gets_it_once() -> None:
    report = run("campaign", "--provider", "cirrus", "--recipients", "100")
    whole, *processor = beside(report, "Kannel").values()
    assert ["processor" in one["name"] for one in processor] == [True, True]
    assert whole["note"].startswith("Kannel 1.")
    assert all(side["median"] > 0 for side in whole["sides"].values())
    (got,) = [one["found"] for one in report["counts"] if "exactly once from Kannel" in one["name"]]
    assert (got, report["remarks"]) == (97, [])
    assert left_over() == []


@kannel_is_here
@peers_are_wanted
def test_kannel_hands_on_single_messages() -> None:
    report = run("delivery", "-n", "2")
    assert set(beside(report, "Kannel")) == {
        f"commit to provider, {which}" for which in ("median", "95 of 100", "longest")
    }
    (got,) = [one["found"] for one in report["counts"] if one["name"].startswith("messages of Kannel")]
    assert got == 2


@peers_are_wanted
def test_helpdesk_answers_with_tickets() -> None:
    report = run("inbox", "--conversations", "1000", "--messages", "2", "--requests", "2")
    found = beside(report, "django-helpdesk")
    assert set(found) == {f"{page}, at 1,000" for page in PAGES}
    assert all(side["median"] > 0 for one in found.values() for side in one["sides"].values())
    assert report["remarks"] == []


@peers_are_wanted
def test_rapidsms_sends_to_a_list() -> None:
    report = run("campaign", "--provider", "webex", "--recipients", "500")
    whole, *_ = beside(report, "RapidSMS").values()
    assert all(side["median"] > 0 for side in whole["sides"].values())
    (got,) = [one["found"] for one in report["counts"] if "exactly once from RapidSMS" in one["name"]]
    assert (got, report["remarks"]) == (485, [])
