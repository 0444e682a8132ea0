"""Starting, recognising and ending server processes."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from config.local_services.errors import LocalServicesError
from config.local_services.places import make_private_directory

# Nothing of the caller's environment: PGPORT, PGDATA and their like would move the server.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
LOG_TAIL_LINES = 12
KILL_PATIENCE = 10.0  # seconds until the kernel has taken a killed process down


def server_account() -> pwd.struct_passwd | None:
    """Return the account that the servers must run as: `nobody` for root, None for the caller's own."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def run_as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Return the arguments that make `subprocess` run a program as `account`, away from the caller's terminal."""
    identity: dict[str, Any] = {}
    if account is not None:
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return {"env": ENVIRONMENT, "cwd": "/", "umask": 0o077, "stdin": subprocess.DEVNULL, **identity}


def make_server_directory(path: Path, account: pwd.struct_passwd | None) -> None:
    """Make `path` a directory that the servers alone (and root) can enter."""
    if account is None:
        make_private_directory(path, owner=os.geteuid())
        return
    # The parent is root's, so nobody else can have put anything in this place.
    make_private_directory(path)
    try:
        os.chown(path, account.pw_uid, account.pw_gid)
    except OSError as error:  # the root of a container that has this one user only
        raise LocalServicesError(
            f"PostgreSQL refuses to run as root, and this root cannot become {account.pw_name} ({error.strerror}). "
            "Run Parley as an ordinary user, or set DATABASE_URL and REDIS_URL to servers of your own."
        ) from error


def start_server(
    name: str,
    command: Sequence[str | Path],
    *,
    account: pwd.struct_passwd | None,
    log: Path,
    is_up: Callable[[], bool],
    patience: float,
) -> None:
    """Start a server that outlives this process and wait until it answers, at most `patience` seconds.

    The former log is kept as `<log>.1`. Raises LocalServicesError with the end of the log.
    """
    with contextlib.suppress(FileNotFoundError):
        log.replace(log.with_suffix(".log.1"))
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, **run_as(account)
            )
    except OSError as error:
        raise LocalServicesError(f"{name} cannot be started ({error.strerror}). {_ADVICE}") from error
    deadline = time.monotonic() + patience
    while not is_up():
        if process.poll() is not None and not is_up():
            raise LocalServicesError(
                f"{name} stopped while starting (exit code {process.returncode}). {_ADVICE}\n{tail(log)}"
            )
        if time.monotonic() > deadline:
            raise LocalServicesError(f"{name} does not answer after {patience:.0f} s. {_ADVICE}\n{tail(log)}")
        time.sleep(0.02)
    process.returncode = 0  # it outlives us on purpose; Popen would warn of that


def tail(log: Path) -> str:
    """Return the last lines of a log, with its path."""
    lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return "\n".join([f"The end of {log}:", *(f"  {line}" for line in lines)])


def find_processes(name: str, mark: str) -> list[psutil.Process]:
    """Return the live processes called `name` whose command line, with a space after it, contains `mark`.

    The command line is what every user may read of every process; the working directory, in containers, is not.
    Zombies have none, so a dead server that nobody reaped is not found.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name() == name and mark in f"{' '.join(process.cmdline())} ":
                found.append(process)
    return found


def end_processes(processes: Sequence[psutil.Process], *, within: float) -> None:
    """Kill whatever of `processes` has not ended by itself `within` seconds; return when none is left."""
    if not _gone(processes, within):
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        _gone(processes, KILL_PATIENCE)


def is_alive(process: psutil.Process) -> bool:
    """Whether the process runs: a zombie, which waits only to be reaped by a parent that may never do it, does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _gone(processes: Sequence[psutil.Process], within: float) -> bool:
    deadline = time.monotonic() + within
    while any(is_alive(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


_ADVICE = "Set DATABASE_URL and REDIS_URL to use servers of your own instead."
