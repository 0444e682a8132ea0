"""The floor of a campaign: per chunk two commits around its requests, and the rows by COPY into a table like ours."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from conversations.management.benchmark.campaign_shapes import SENDER, Shape
from conversations.management.benchmark.kept import KeptConnection

TABLES = """
    CREATE TABLE floor_chunk (id int PRIMARY KEY, status text NOT NULL, on_wire_at timestamptz);
    CREATE TABLE floor_sent (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ref uuid UNIQUE NOT NULL, phone text NOT NULL,
        body text NOT NULL, status text NOT NULL, external_id text UNIQUE, chunk_id int NOT NULL,
        sent_at timestamptz NOT NULL);
    CREATE INDEX ON floor_sent (phone, id);
    CREATE INDEX ON floor_sent (chunk_id);
"""
COPY = "COPY floor_sent (ref, phone, body, status, external_id, chunk_id, sent_at) FROM STDIN"
SENT = "Hello Customer, order 000000 arrives on Thursday. Reply STOP to opt out."

Row = tuple[str, str]  # a reference and a number


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: whom it carried, what it said and was answered, and an id for each of them."""

    rows: Sequence[Row]
    request: bytes
    answer: bytes
    ids: Sequence[str | None]


Keep = Callable[[Sequence[Asked]], None]


class Floor:
    """Sends lists one after the other, from one process, on connections that it keeps."""

    def __init__(self, database_url: str, provider_port: int) -> None:
        self._database = psycopg.connect(database_url, autocommit=True)
        self._database.execute(TABLES)
        self._provider = KeptConnection(provider_port)
        self._chunks = 0

    def play(self, shape: Shape, people: int, chunk: int, keep: Keep | None = None) -> float:
        """Send to so many people, `chunk` at a time, in requests of that shape; returns the seconds it took.

        `keep` stores what became of a chunk, by default in the floor's own table.
        """
        began = time.monotonic()
        for start in range(0, people, chunk):
            self._send(shape, min(chunk, people - start), keep or self._keep)
        return time.monotonic() - began

    def _send(self, shape: Shape, people: int, keep: Keep) -> None:
        self._chunks += 1
        rows = [(str(uuid.uuid4()), f"+44{self._chunks:04}{place:06}") for place in range(people)]
        self._database.execute("INSERT INTO floor_chunk VALUES (%s, 'sending')", [self._chunks])
        self._database.execute("UPDATE floor_chunk SET on_wire_at = now() WHERE id = %s", [self._chunks])
        size = shape.people or people
        keep([self._ask(shape, rows[start : start + size]) for start in range(0, people, size)])

    def _ask(self, shape: Shape, rows: Sequence[Row]) -> Asked:
        make, read = _REQUESTS[shape.name]
        path, content = make(rows)
        request = json.dumps(content).encode()
        answer = self._provider.ask("POST", path, request)
        return Asked(rows, request, answer, read(json.loads(answer)) or [None] * len(rows))

    def _keep(self, asked: Sequence[Asked]) -> None:
        with self._database.transaction():
            now = self._database.execute("SELECT now()").fetchone()
            assert now is not None
            with self._database.cursor().copy(COPY) as copy:
                for one in asked:
                    for (ref, phone), external_id in zip(one.rows, one.ids, strict=True):
                        copy.write_row((ref, phone, SENT, "accepted", external_id, self._chunks, now[0]))
            self._database.execute("UPDATE floor_chunk SET status = 'done' WHERE id = %s", [self._chunks])


def _bulk(rows: Sequence[Row]) -> tuple[str, Any]:
    to = [{"phone": [phone], "correlation_id": ref} for ref, phone in rows]
    return "/v1/sms", {"from": "FLOOR", "message_body": SENT, "to": to}


def _templates(rows: Sequence[Row]) -> tuple[str, Any]:
    values = [{"type": "text", "text": word} for word in ("Customer", "000000", "Thursday")]
    template = {"name": "order", "language": {"code": "en_GB"}, "components": [{"type": "body", "parameters": values}]}
    data = [
        {"template_data": {"to": phone[1:], "template": template}, "object_data": {"Content": {"ref": ref}}}
        for ref, phone in rows
    ]
    return "/v2/whatsapp/sendtemplatedmessage/floor", {"data": data}


def _single_of_cirrus(rows: Sequence[Row]) -> tuple[str, Any]:
    ((_, phone),) = rows
    return "/sms/sendsms/floor", {"data": {"Number": phone[1:], "Message": SENT}}


def _single_of_ccai(rows: Sequence[Row]) -> tuple[str, Any]:
    ((_, phone),) = rows
    return "/sms", {"chat_type": "SMS", "end_user_number": phone, "outbound_number": SENDER, "message": SENT}


def _ids_of_bulk(answer: Any) -> list[str]:
    return [message["transaction_id"] for message in answer["messages"]]


def _ids_of_templates(answer: Any) -> list[str]:
    return [item["id"] for item in answer["data"]]


def _no_ids(answer: Any) -> list[str]:
    return []


# By the name of the shape: path and body of a request, and the ids of the messages that an answer names.
_REQUESTS: dict[str, tuple[Callable[[Sequence[Row]], tuple[str, Any]], Callable[[Any], list[str]]]] = {
    "webex": (_bulk, _ids_of_bulk),
    "whatsapp": (_templates, _ids_of_templates),
    "cirrus": (_single_of_cirrus, _no_ids),
    "ccai": (_single_of_ccai, _no_ids),
}
