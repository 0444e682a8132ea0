"""The floor of a delivery: what no sending system with the same promises can do without, and nothing else.

A message is woken through Valkey, claimed, marked as on the wire, sent, and its outcome stored: three commits, of
the rows that ours change, in one statement each, and one POST of the same bytes on a socket that is kept. No ORM, no
gate, no look-ups, no HTTP library. The tables are like ours without their rules.

As a program (`python -m conversations.management.benchmark.floor`) this is a worker of the floor; as the job `send`
it runs inside RQ's worker, which shows what RQ adds.
"""

from __future__ import annotations

import json
import sys
import uuid
from functools import cache
from typing import Any

import psycopg
import redis

from conversations.management.benchmark.kept import KeptConnection

WAITING, TAKEN, READY = "floor:waiting", "floor:taken", "floor:ready"  # Valkey's keys
JOB = "conversations.management.benchmark.floor.send"

TABLES = """
    CREATE TABLE floor_gate (stream_id int PRIMARY KEY, tokens int NOT NULL, faults int NOT NULL);
    CREATE TABLE floor_message (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ref uuid UNIQUE NOT NULL, stream_id int NOT NULL,
        conversation_id bigint NOT NULL, status text NOT NULL, request bytea NOT NULL, claim uuid,
        lease_until timestamptz, on_wire_at timestamptz, sent_at timestamptz, external_id text);
    CREATE INDEX ON floor_message (conversation_id, id);
    CREATE INDEX ON floor_message (status, id) WHERE status IN ('queued', 'sending');
    CREATE TABLE floor_event (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message_id bigint NOT NULL REFERENCES floor_message,
        from_status text NOT NULL, to_status text NOT NULL, created_at timestamptz NOT NULL);
    CREATE INDEX ON floor_event (message_id, id);
    CREATE TABLE floor_attempt (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, claim uuid UNIQUE NOT NULL,
        started_at timestamptz NOT NULL, on_wire_at timestamptz, finished_at timestamptz, request bytea, answer bytea);
    CREATE TABLE floor_result (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, attempt_id bigint NOT NULL REFERENCES floor_attempt,
        message_id bigint NOT NULL REFERENCES floor_message, on_wire bool NOT NULL, outcome text NOT NULL,
        external_id text NOT NULL);
    CREATE UNIQUE INDEX ON floor_result (message_id) WHERE on_wire;
    CREATE INDEX ON floor_result (attempt_id);
"""
CLAIM = """
    WITH claimed AS (
        UPDATE floor_message SET status = 'sending', claim = %(claim)s, lease_until = now() + interval '90 s'
         WHERE id = %(id)s AND status = 'queued' RETURNING id, stream_id, request),
    gate AS (UPDATE floor_gate SET tokens = tokens - 1 FROM claimed WHERE floor_gate.stream_id = claimed.stream_id),
    event AS (
        INSERT INTO floor_event (message_id, from_status, to_status, created_at)
        SELECT id, 'queued', 'sending', now() FROM claimed),
    attempt AS (
        INSERT INTO floor_attempt (claim, started_at) SELECT %(claim)s, now() FROM claimed RETURNING id),
    result AS (
        INSERT INTO floor_result (attempt_id, message_id, on_wire, outcome, external_id)
        SELECT attempt.id, claimed.id, false, '', '' FROM attempt, claimed)
    SELECT attempt.id, request FROM attempt, claimed
"""
WIRE = """
    WITH message AS (
        UPDATE floor_message SET on_wire_at = now() WHERE id = %(id)s AND claim = %(claim)s AND lease_until > now()),
    attempt AS (UPDATE floor_attempt SET on_wire_at = now() WHERE id = %(attempt)s)
    UPDATE floor_result SET on_wire = true WHERE attempt_id = %(attempt)s
"""
OUTCOME = """
    WITH message AS (
        UPDATE floor_message SET status = 'accepted', sent_at = now(), lease_until = NULL, external_id = %(external_id)s
         WHERE id = %(id)s AND claim = %(claim)s RETURNING id, stream_id),
    gate AS (UPDATE floor_gate SET faults = 0 FROM message WHERE floor_gate.stream_id = message.stream_id),
    event AS (
        INSERT INTO floor_event (message_id, from_status, to_status, created_at)
        SELECT id, 'sending', 'accepted', now() FROM message),
    attempt AS (
        UPDATE floor_attempt SET finished_at = now(), request = %(request)s, answer = %(answer)s
         WHERE id = %(attempt)s)
    UPDATE floor_result SET outcome = 'accepted', external_id = %(external_id)s WHERE attempt_id = %(attempt)s
"""


class Store:
    """Keeps messages of the floor until its workers send them."""

    def __init__(self, database_url: str) -> None:
        self._database = psycopg.connect(database_url, autocommit=True)
        self._database.execute(TABLES)

    def add(self, *, ref: str, stream: int, conversation: int, request: bytes) -> int:
        """Store a message, whose POST will have that body; returns its id. `stream` may be any number."""
        self._database.execute("INSERT INTO floor_gate VALUES (%s, 0, 0) ON CONFLICT DO NOTHING", [stream])
        insert = """
            INSERT INTO floor_message (ref, stream_id, conversation_id, status, request)
            VALUES (%s, %s, %s, 'queued', %s) RETURNING id
        """
        row = self._database.execute(insert, [ref, stream, conversation, request]).fetchone()
        assert row is not None
        return int(row[0])


class Sender:
    """Sends one message after the other, on connections that it keeps."""

    def __init__(self, database_url: str, provider_port: int) -> None:
        self._database = psycopg.connect(database_url, autocommit=True)
        self._provider = KeptConnection(provider_port)

    def send(self, message_id: int) -> None:
        """Claim, mark, post, store."""
        values: dict[str, Any] = {"id": message_id, "claim": uuid.uuid4()}
        claimed = self._database.execute(CLAIM, values).fetchone()
        if claimed is None:
            return
        values["attempt"], values["request"] = claimed
        self._database.execute(WIRE, values)
        values["answer"] = self._provider.ask("POST", "/v1/sms", values["request"])
        values["external_id"] = json.loads(values["answer"])["request_id"]
        self._database.execute(OUTCOME, values)


def send(message_id: int) -> None:
    """The RQ job: send one message of the floor from inside RQ's worker."""
    _sender_of_this_process().send(message_id)


@cache
def _sender_of_this_process() -> Sender:
    from django.conf import settings

    return Sender(settings.DATABASE_URL, settings.SANDBOX_PORT)


def work(database_url: str, redis_url: str, provider_port: int) -> None:
    """Be a worker of the floor until the process is ended."""
    sender = Sender(database_url, provider_port)
    broker = redis.Redis.from_url(redis_url, socket_timeout=None)  # it waits as long as nothing is to be done
    broker.incr(READY)
    while True:
        message_id: Any = broker.blmove(WAITING, TAKEN, timeout=0)
        sender.send(int(message_id))
        broker.lrem(TAKEN, 1, message_id)


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2], int(sys.argv[3]))
