"""The floor of webhooks: a view of one INSERT in the site's own server, and statements over as many rows at once.

The web process is the site's, with its settings and middlewares; its only address is this view. What is stored is
applied by one statement for each set, without reading a call, an event, or a rule.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import TypeVar

import psycopg
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

ADDRESS = "/floor/"
AT_ONCE = 10_000  # rows a statement
TABLES = """
    CREATE TABLE floor_call (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text UNIQUE NOT NULL, body bytea NOT NULL,
        status text NOT NULL, times_received int NOT NULL, received_at timestamptz NOT NULL);
    CREATE INDEX ON floor_call (id) WHERE status = 'received';
    CREATE TABLE floor_told (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ref uuid UNIQUE NOT NULL, phone text NOT NULL,
        body text NOT NULL, status text NOT NULL, changed_at timestamptz NOT NULL);
    CREATE INDEX ON floor_told (phone, id);
"""
INSERT = """
    INSERT INTO floor_call (key, body, status, times_received, received_at) VALUES (%s, %s, 'received', 1, now())
    ON CONFLICT (key) DO UPDATE SET times_received = floor_call.times_received + 1
"""
WRITTEN = """
    INSERT INTO floor_told (ref, phone, body, status, changed_at)
    SELECT ref, phone, 'A message that a customer has written.', 'received', now()
      FROM unnest(%s::uuid[], %s::text[]) AS told (ref, phone)
"""
REPORTED = """
    UPDATE floor_told SET status = told.status, changed_at = now()
      FROM unnest(%s::uuid[], %s::text[]) AS told (ref, status) WHERE floor_told.ref = told.ref
"""
Row = TypeVar("Row")


@csrf_exempt
@login_not_required
def store(request: HttpRequest) -> HttpResponse:
    """Keep a call, once."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [hashlib.sha256(request.body).hexdigest(), request.body])
    return HttpResponse()


urlpatterns = [path(ADDRESS.strip("/") + "/", store)]


class Floor:
    """Its tables, and what is done with their rows."""

    def __init__(self, database_url: str) -> None:
        self._database = psycopg.connect(database_url, autocommit=True)
        self._database.execute(TABLES)
        self._refs: list[uuid.UUID] = []

    def stored(self) -> tuple[int, int]:
        """How many calls were stored, and how often they came."""
        row = self._database.execute("SELECT count(*), coalesce(sum(times_received), 0) FROM floor_call").fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    def forget(self) -> None:
        """Begin the next round with empty tables."""
        self._database.execute("TRUNCATE floor_call, floor_told")
        self._refs = []

    def write(self, number: int) -> float:
        """Insert so many messages of customers; returns the seconds it took."""
        refs = [uuid.uuid4() for _ in range(number)]
        self._refs += refs
        began = time.monotonic()
        for part in _parts(refs):
            self._database.execute(WRITTEN, [part, [f"+44{place:010}" for place in range(len(part))]])
        return time.monotonic() - began

    def report(self) -> float:
        """Raise the status of all that were written; returns the seconds it took."""
        began = time.monotonic()
        for part in _parts(self._refs):
            self._database.execute(REPORTED, [part, ["delivered"] * len(part)])
        return time.monotonic() - began


def _parts(rows: Sequence[Row]) -> Iterator[list[Row]]:
    for start in range(0, len(rows), AT_ONCE):
        yield list(rows[start : start + AT_ONCE])
