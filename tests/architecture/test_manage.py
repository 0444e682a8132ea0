"""manage.py and the embedded servers: which command has them, and for how long."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from config.local_services import LocalServices
from config.local_services.places import PROJECT
from tests.architecture.servers import server_processes

SETTINGS = """
from config import local_services
import environ, os
SECRET_KEY = "for this test"
DATABASE_URL = os.environ.get("DATABASE_URL") or local_services.database_url()
REDIS_URL = os.environ.get("REDIS_URL") or local_services.redis_url()
DATABASES = {"default": environ.Env.db_url_config(DATABASE_URL)}
INSTALLED_APPS = ["django.contrib.contenttypes"]
"""


@pytest.fixture
def manage(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the project's manage.py with settings of its own and a scratch profile of its own."""
    (tmp_path / "trial_settings.py").write_text(SETTINGS)
    profile = f"manage-{os.getpid()}"
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
        environment |= {"PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "trial_settings"}
        environment |= {"PARLEY_LOCAL_PROFILE": profile, **variables}
        command = [sys.executable, PROJECT / "manage.py", *arguments]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command, env=environment, text=True, **pipes))  # type: ignore[call-overload]
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
    services = LocalServices(PROJECT, profile)
    if services.places.room.exists():
        services.stop()
    assert server_processes_of(services) == []
    shutil.rmtree(services.places.room, ignore_errors=True)
    with suppress(OSError):  # other profiles of the project may use it, now or once
        services.places.runtime.rmdir()


def server_processes_of(services: LocalServices) -> list[psutil.Process]:
    """The servers of one profile, where others of the project may run beside it."""
    mark = f"{services.places.runtime.name}-{services.places.profile}"
    socket_directory = str(services.places.sockets)
    return [
        process
        for process in server_processes(services)
        if mark in " ".join(process.cmdline()) or socket_directory in " ".join(process.cmdline())
    ]


QUERY = "from django.db import connection as c; u = c.cursor(); u.execute('SELECT 40 + 2'); print(u.fetchone()[0])"


def test_a_command_with_a_database_has_the_servers_as_long_as_it_runs(manage) -> None:
    process = manage("shell", "--no-imports", "-c", QUERY)
    assert process.communicate(timeout=60) == ("42\n", "")
    services = LocalServices(PROJECT, f"manage-{os.getpid()}")
    assert services.places.room.exists()
    assert server_processes_of(services) == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_ended_by_a_signal_stops_the_servers(manage, signum: signal.Signals) -> None:
    process = manage("shell", "--no-imports", "-c", f"{QUERY}\nimport sys, time; sys.stdout.flush(); time.sleep(60)")
    assert process.stdout is not None
    assert process.stdout.readline() == "42\n"
    process.send_signal(signum)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert server_processes_of(LocalServices(PROJECT, f"manage-{os.getpid()}")) == []


def test_under_nohup_a_closed_terminal_ends_nothing() -> None:
    """Neither a command that shares the servers nor a demo or a benchmark, which have their own and take long."""
    ask = "from signal import *; from config.local_services import end_on_signals; end_on_signals();"
    ask += "print(getsignal(SIGHUP).name, callable(getsignal(SIGTERM)))"
    said = subprocess.run(["nohup", sys.executable, "-c", ask], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert said.stdout == "SIG_IGN True\n"


@pytest.mark.parametrize("arguments", [["version"], ["help"], ["migrate", "--help"], ["check"], []])
def test_a_command_without_a_database_starts_nothing(manage, arguments: list[str]) -> None:
    process = manage(*arguments)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert not LocalServices(PROJECT, f"manage-{os.getpid()}").places.room.exists()


def test_given_addresses_start_nothing(manage) -> None:
    process = manage(
        "shell", "--no-imports", "-c", "print(1)", DATABASE_URL="postgres://elsewhere/x", REDIS_URL="redis://elsewhere"
    )
    assert process.communicate(timeout=60) == ("1\n", "")
    assert not LocalServices(PROJECT, f"manage-{os.getpid()}").places.room.exists()
