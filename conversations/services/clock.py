"""One clock for all hosts."""

from __future__ import annotations

from datetime import datetime

from django.db import connection


def database_now() -> datetime:
    """The clock of PostgreSQL: leases, turns and validity are judged by it, whatever the clock of a host says."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    return now
