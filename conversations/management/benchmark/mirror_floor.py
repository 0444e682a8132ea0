"""The floor of reading the mirror: the same pages of Cirrus, and the rows they hold by COPY into tables like ours."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import psycopg

from conversations.management.benchmark.kept import KeptConnection

TABLES = """
    CREATE TABLE floor_object (
        id bigint PRIMARY KEY, phone text UNIQUE NOT NULL, first_name text, last_name text, status int NOT NULL,
        agent bigint, changed_at timestamptz, content jsonb NOT NULL);
    CREATE TABLE floor_child (
        id bigint PRIMARY KEY, object_id bigint NOT NULL, from_agent boolean NOT NULL, body text NOT NULL,
        created_at timestamptz NOT NULL);
    CREATE INDEX ON floor_child (object_id, id);
"""
OBJECTS = "COPY floor_object (id, phone, first_name, last_name, status, agent, changed_at, content) FROM STDIN"
CHILDREN = "COPY floor_child (id, object_id, from_agent, body, created_at) FROM STDIN"
PAGE = 100


class Floor:
    """Reads a stream from one process, on connections that it keeps, and stores one page a transaction."""

    def __init__(self, database_url: str, provider_port: int, *, key: str, stream_id: str) -> None:
        self._database = psycopg.connect(database_url, autocommit=True)
        self._database.execute(TABLES)
        self._port = provider_port
        self._head = {"Authorization": f"Bearer {key}"}
        self._stream_id = stream_id

    def read(self, since: int, until: int) -> float:
        """Ask for every page and read its JSON; returns the seconds it took."""
        began = time.monotonic()
        for _ in self._pages(since, until):
            pass
        return time.monotonic() - began

    def read_and_store(self, since: int, until: int) -> tuple[float, int, int]:
        """The same into empty tables; the seconds, and how many conversations and messages were stored."""
        self._database.execute("TRUNCATE floor_object, floor_child")
        began = time.monotonic()
        for page in self._pages(since, until):
            self._store(page)
        seconds = time.monotonic() - began
        counted = self._database.execute(
            "SELECT (SELECT count(*) FROM floor_object), (SELECT count(*) FROM floor_child)"
        ).fetchone()
        assert counted is not None
        return seconds, counted[0], counted[1]

    def _pages(self, since: int, until: int) -> Iterator[list[dict[str, Any]]]:
        number, provider = 1, KeptConnection(self._port)  # which is hung up on when it is silent for long
        while True:
            query = {
                "unixStartTime": since,
                "unixEndTime": until,
                "sort": "asc",
                "order": "updatedtime",
                "includeChilds": "true",
                "includeActivityLog": "true",
                "pageNumber": number,
                "pageSize": PAGE,
            }
            path = f"/cirrus/streams/{self._stream_id}/objects?{urlencode(query)}"
            page = json.loads(provider.ask("GET", path, headers=self._head))["data"]
            yield page
            if len(page) < PAGE:
                provider.close()
                return
            number += 1

    def _store(self, page: list[dict[str, Any]]) -> None:
        with self._database.transaction():
            with self._database.cursor().copy(OBJECTS) as copy:
                for one in page:
                    copy.write_row(_object_row(one))
            with self._database.cursor().copy(CHILDREN) as copy:
                for one in page:
                    for child in one["childs"]:
                        copy.write_row(_child_row(one, child))


def _object_row(one: Mapping[str, Any]) -> tuple[Any, ...]:
    user = one["user"]
    names = user["firstName"], user["lastName"]
    agent, changed = one.get("assignedManagerId"), one.get("updatedTime")
    return (one["objectId"], user["phone1"], *names, one["statusId"], agent, changed, json.dumps(one["content"]))


def _child_row(one: Mapping[str, Any], child: Mapping[str, Any]) -> tuple[Any, ...]:
    said = child["user"]["isManager"], child["message"], child["createdTime"]
    return (child["id"], one["objectId"], *said)
