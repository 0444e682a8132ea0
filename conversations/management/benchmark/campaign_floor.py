"""The floor of a campaign: per chunk two commits around one POST, and the rows by COPY into a table like ours."""

from __future__ import annotations

import json
import time
import uuid

import psycopg

from conversations.management.benchmark.kept import KeptConnection

TABLES = """
    CREATE TABLE floor_chunk (id int PRIMARY KEY, status text NOT NULL, on_wire_at timestamptz);
    CREATE TABLE floor_sent (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ref uuid UNIQUE NOT NULL, phone text NOT NULL,
        body text NOT NULL, status text NOT NULL, external_id text UNIQUE NOT NULL, chunk_id int NOT NULL,
        sent_at timestamptz NOT NULL);
    CREATE INDEX ON floor_sent (phone, id);
    CREATE INDEX ON floor_sent (chunk_id);
"""
COPY = "COPY floor_sent (ref, phone, body, status, external_id, chunk_id, sent_at) FROM STDIN"


class Floor:
    """Sends lists one after the other, from one process, on connections that it keeps."""

    def __init__(self, database_url: str, provider_port: int) -> None:
        self._database = psycopg.connect(database_url, autocommit=True)
        self._database.execute(TABLES)
        self._provider = KeptConnection(provider_port)
        self._chunks = 0

    def play(self, people: int, chunk: int) -> float:
        """Send to so many people, `chunk` to a request; returns the seconds it took."""
        began = time.monotonic()
        for start in range(0, people, chunk):
            self._send(min(chunk, people - start))
        return time.monotonic() - began

    def _send(self, people: int) -> None:
        self._chunks += 1
        rows = [(uuid.uuid4(), f"+44{self._chunks:04}{place:06}") for place in range(people)]
        body = "Hello Customer, your order arrives on Thursday. Reply STOP to opt out."
        self._database.execute("INSERT INTO floor_chunk VALUES (%s, 'sending')", [self._chunks])
        request = {
            "from": "FLOOR",
            "message_body": body,
            "to": [{"phone": [phone], "correlation_id": str(ref)} for ref, phone in rows],
        }
        self._database.execute("UPDATE floor_chunk SET on_wire_at = now() WHERE id = %s", [self._chunks])
        answer = json.loads(self._provider.ask("POST", "/v1/sms", json.dumps(request).encode()))
        ids = [message["transaction_id"] for message in answer["messages"]]
        with self._database.transaction():
            now = self._database.execute("SELECT now()").fetchone()
            assert now is not None
            with self._database.cursor().copy(COPY) as copy:
                for (ref, phone), external_id in zip(rows, ids, strict=True):
                    copy.write_row((ref, phone, body, "accepted", external_id, self._chunks, now[0]))
            self._database.execute("UPDATE floor_chunk SET status = 'done' WHERE id = %s", [self._chunks])
