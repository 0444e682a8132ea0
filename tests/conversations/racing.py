"""Two at once: work on a connection of its own, and a look at who waits for whom."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connection


def in_thread(work: Callable[[], None]) -> threading.Thread:
    """Do it beside the test."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def until_somebody_waits(people: int = 1) -> None:
    """Return once so many other connections of this database wait for a lock."""
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0] >= people:
                return
        threading.Event().wait(0.02)
    raise AssertionError("nobody came to the lock")
