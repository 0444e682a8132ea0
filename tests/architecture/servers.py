"""Embedded servers for the tests of their own machinery: started, counted, killed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil
import psycopg
import redis

from config.local_services import LocalServices
from config.local_services.places import PROJECT

USER = """
import sys
from pathlib import Path
from config.local_services import LocalServices
services = LocalServices(Path(sys.argv[1]), sys.argv[2])
services.ensure_running()
print("up", flush=True)
sys.stdin.readline()
services.release()
"""


@contextmanager
def removed_afterwards(services: LocalServices) -> Iterator[LocalServices]:
    yield services
    services.release()
    if services.places.room.exists():
        services.stop()
    assert server_processes(services) == []
    shutil.rmtree(services.places.runtime, ignore_errors=True)


def server_processes(services: LocalServices) -> list[psutil.Process]:
    """Every live process of the servers, found by what their command lines say."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = " ".join(process.cmdline())
            if process.name() in ("postgres", "valkey-server") and services.places.runtime.name in line:
                found.append(process)
    return found


def main_process(services: LocalServices) -> psutil.Process:
    [main] = [process for process in server_processes(services) if "-D" in process.cmdline()]
    return main


def kill_all(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_until(lambda: all(not p.is_running() or p.status() == psutil.STATUS_ZOMBIE for p in processes))


def wait_until(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with suppress(psutil.NoSuchProcess):
            if condition():
                return
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def start_user(services: LocalServices) -> subprocess.Popen[str]:
    """Start another process that uses the servers until its standard input ends."""
    command = [sys.executable, "-c", USER, str(services.places.root), services.places.profile]
    return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def keep_note(services: LocalServices, text: str) -> None:
    with psycopg.connect(services.places.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])


def notes(services: LocalServices) -> list[str]:
    with psycopg.connect(services.places.database_url) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM note ORDER BY text")]


def is_up(services: LocalServices) -> bool:
    with redis.from_url(services.places.redis_url) as client:
        try:
            client.ping()
            psycopg.connect(services.places.database_url, connect_timeout=2).close()
        except (redis.ConnectionError, psycopg.OperationalError):
            return False
    return True
