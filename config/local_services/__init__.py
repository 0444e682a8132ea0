"""PostgreSQL and Valkey for a machine that has neither: the servers inside the Python wheels, on unix sockets.

Settings take `database_url()` and `redis_url()` where DATABASE_URL and REDIS_URL are unset; `manage.py` wraps
every command in `serving()`, which makes sure that the servers run and, when the last user leaves, stops them.

A *profile* is one pair of servers. `dev` keeps its data in `.local/` of the project (as root below /var/tmp,
because PostgreSQL refuses root and runs as `nobody`). Every other profile (`test` for the tests) is scratch: fresh
at its start, without fsync, in memory where there is some, deleted when its last user leaves. The profile of a
process and of its children is the environment variable PARLEY_LOCAL_PROFILE.

Importing this package does no work and needs no Django. Linux and macOS.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from config.local_services.commands import end_on_signals, serving
from config.local_services.errors import LocalServicesError
from config.local_services.keys import read_or_make_key
from config.local_services.places import DURABLE_PROFILE, PROJECT, Places, make_private_directory
from config.local_services.service import LocalServices

PROFILE_VARIABLE = "PARLEY_LOCAL_PROFILE"

__all__ = [
    "PROFILE_VARIABLE",
    "LocalServices",
    "LocalServicesError",
    "database_url",
    "development_key",
    "end_on_signals",
    "ensure_running",
    "profile",
    "redis_url",
    "release",
    "run_file",
    "sandbox_database_path",
    "serving",
    "stop_all",
]


def profile() -> str:
    """Return the name of the servers that this process uses: `dev` unless PARLEY_LOCAL_PROFILE names another."""
    return os.environ.get(PROFILE_VARIABLE) or DURABLE_PROFILE


def database_url() -> str:
    """Return the embedded PostgreSQL's address, in a form that django-environ and libpq both read."""
    return _services().places.database_url


def redis_url() -> str:
    """Return the embedded Valkey's address, in the form that redis-py's `from_url` reads."""
    return _services().places.redis_url


def sandbox_database_path() -> Path:
    """Return the sandbox's SQLite file, in a directory that exists where this process may make it."""
    places = _services().places
    return places.reachable(places.sandbox_database)


def run_file() -> Path:
    """Return the file that tells where `dev` listens (JSON, written by that command)."""
    places = _services().places
    return places.reachable(places.run_file)


def development_key(name: str) -> str:
    """Return this project's own random key `name`, making it once (readable by its owner alone).

    `name` is one of `keys.MAKERS`. Raises LocalServicesError if `.local/` cannot be written.
    """
    state = _services().places.state
    make_private_directory(state)
    return read_or_make_key(state / "keys", name)


def ensure_running(profile: str | None = None, *, postgres: bool = True, valkey: bool = True) -> None:
    """Make sure that the servers answer and count this process among their users until `release()`.

    A given `profile` becomes this process's and its children's, so it must come before settings are read.
    Costs a few milliseconds when they are up. Raises LocalServicesError with a sentence for people.
    """
    if profile is not None:
        os.environ[PROFILE_VARIABLE] = profile
    _services().ensure_running(postgres=postgres, valkey=valkey)


def release() -> None:
    """Stop counting this process as a user; stop the servers if it was the last one alive."""
    _services().release()


def stop_all() -> None:
    """Stop the servers of every profile of this project, whoever uses them: how `.ci/run` ends."""
    for name in Places(PROJECT).profiles_on_disk():
        LocalServices(PROJECT, name).stop()


def _services() -> LocalServices:
    return _services_of(profile())


@cache
def _services_of(name: str) -> LocalServices:
    return LocalServices(PROJECT, name)
