"""The command `demo`: every row as expected, by real processes, and nothing left of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from config import local_services

PATIENCE = 170  # seconds

# Every operation of the providers' documents.
CALLS = {
    "cirrus": (
        "POST /sms/sendinitialtext/…/…",
        "POST /sms/sendsms/…",
        "POST /v2/whatsapp/sendtemplatedmessage/…",
        "POST /whatsapp/uploadmedia/…",
        "GET /whatsapp/validatecontact/…/…",
        "POST /streams/…/objects",
        "POST /streams/…/objects/…/child",
        "POST /streams/…/objects/…/…/child",
        "GET /streams/…/objects/…",
        "GET /streams/…/objects/…/transcript",
        "GET /streams/…/objects",
        "GET /objects/…/activities",
        "POST /objects/…/status/…",
        "POST /objects/…/content",
        "POST /objects/…/activitylog",
        "POST /objects/…/remarks",
        "POST /objects/…/indicators",
        "DELETE /objects/…/indicators/fault",
        "GET /core/systemstatus",
    ),
    "ccai_platform": ("POST /sms", "GET /chats/…", "GET /chats/…/messages"),
    "webex_interact": (
        "POST /v1/sms",
        "GET /identity/v1/account",
        "GET /assets/v1/senders",
        "POST /campaigns/v1/scheduled",
        "DELETE /campaigns/v1/cancel/…",
    ),
}


@pytest.fixture
def demo() -> Iterator[Any]:
    """Starts the command; whatever is left of it is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", *arguments],
            cwd=settings.BASE_DIR,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        try:
            process.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _processes() -> list[psutil.Process]:
    """What runs in the demo's profile: its processes have it in their environment, its servers in their arguments."""
    name = f"demo-{local_services.profile()}"
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ().get(local_services.PROFILE_VARIABLE)
            if environment == name or f"/{name}/" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_every_row_comes_out_as_expected(demo: Any) -> None:
    process = demo("--json")
    out, err = process.communicate(timeout=PATIENCE)
    rows = json.loads(out) if out else []
    assert [row for row in rows if not row["ok"]] == [], err
    assert process.returncode == 0, err
    assert all(row["got"] == row["expected"] for row in rows)
    assert {(row["provider"], row["call"]) for row in rows if row["call"] != "-"} == {
        (provider, call) for provider, calls in CALLS.items() for call in (*calls, "POST /hooks/…")
    }
    assert _processes() == []


def test_one_runs_at_a_time_and_ctrl_c_ends_everything(demo: Any) -> None:
    first = demo()
    assert "Starting" in first.stdout.readline()
    assert "Ready" in first.stdout.readline()
    assert len(_processes()) > 6
    second = demo()
    assert second.communicate(timeout=PATIENCE)[1] == "Another demo is running here. Wait until it has ended.\n"
    assert second.returncode == 1
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=40)
    assert first.returncode != 0
    assert _processes() == []


def test_it_does_not_replace_the_process_that_calls_it() -> None:
    with pytest.raises(CommandError, match="Run it from a shell"):
        call_command("demo")
    assert os.getpid() == psutil.Process().pid
