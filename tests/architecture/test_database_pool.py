"""The web process' pool of connections: the server ends what lies in it, as a restart does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from threading import Barrier

import pytest
from django.db import connection
from django.db.utils import OperationalError

from config.pooled_postgresql.base import DatabaseWrapper

CONNECTIONS = 8
NAME = "pool under test"
TERMINATE = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"

pytestmark = pytest.mark.django_db


@pytest.fixture
def settings_dict() -> Iterator[dict[str, object]]:
    settings = deepcopy(connection.settings_dict) | {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}
    settings["OPTIONS"] |= {
        "application_name": NAME,
        "pool": {"min_size": 1, "max_size": CONNECTIONS + 2, "timeout": 10, "reconnect_timeout": 5},
    }
    yield settings
    DatabaseWrapper(settings, alias=NAME).close_pool()


def ask(settings: dict[str, object], barrier: Barrier | None = None) -> int:
    """One statement, as a request makes it."""
    wrapper = DatabaseWrapper(settings, alias=NAME)
    wrapper.inc_thread_sharing()
    try:
        with wrapper.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            if barrier:
                barrier.wait(30)
            return int(cursor.fetchone()[0])
    finally:
        wrapper.close()


def fill(settings: dict[str, object]) -> set[int]:
    """Let as many requests at once use the pool as it is to have connections; the backends."""
    barrier = Barrier(CONNECTIONS)
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return set(threads.map(lambda _: ask(settings, barrier), range(CONNECTIONS)))


def end_all() -> None:
    with connection.cursor() as cursor:
        cursor.execute(TERMINATE, [NAME])
        assert all(ended for (ended,) in cursor.fetchall())


def test_the_first_request_after_a_restart_is_answered(settings_dict: dict[str, object]) -> None:
    former = fill(settings_dict)
    assert len(former) == CONNECTIONS
    end_all()
    assert ask(settings_dict) not in former


def test_so_are_all_that_come_at_once(settings_dict: dict[str, object]) -> None:
    former = fill(settings_dict)
    end_all()
    assert not fill(settings_dict) & former


def test_a_connection_that_works_is_used_again(settings_dict: dict[str, object]) -> None:
    former = fill(settings_dict)
    assert ask(settings_dict) in former


def test_who_cannot_connect_is_told_so(settings_dict: dict[str, object]) -> None:
    settings_dict["PORT"] = "1"
    settings_dict["OPTIONS"]["pool"]["timeout"] = 0.2  # type: ignore[index]
    with pytest.raises(OperationalError, match="couldn't get a connection"):
        ask(settings_dict)
