"""COPY, the quickest way into PostgreSQL: rows as lines of its text format, with ids that are known beforehand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

NULL = r"\N"
_SPECIAL = re.compile(r"[\\\n\r\t]")
_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"})


def cell(value: str | int | datetime | None) -> str:
    """One value as a line has it."""
    if isinstance(value, str):
        return value.translate(_ESCAPED) if _SPECIAL.search(value) else value
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "t" if value else "f"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def json_cell(value: Any) -> str:
    """One JSON value as a line has it."""
    return cell(json.dumps(value)) if value else "[]" if isinstance(value, list) else "{}"


def line(values: Iterable[str | int | datetime | None]) -> str:
    """Some neighbouring cells of a line."""
    return "\t".join(map(cell, values))


def copy(table: str, columns: Sequence[str], lines: Iterable[str]) -> None:
    """Write these lines. Raises IntegrityError for a row that a constraint refuses: then none is written."""
    with (
        connection.wrap_database_errors,  # Django does that for statements only
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as into,
    ):
        into.write("".join(f"{one}\n" for one in lines))


def next_ids(table: str, number: int) -> list[int]:
    """So many ids that no other row of the table has or gets."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_IDS, [table, number])
        return [pk for (pk,) in cursor.fetchall()]


_NEXT_IDS = """
    WITH sequence AS MATERIALIZED (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS id)
    SELECT nextval(sequence.id) FROM sequence, generate_series(1, %s)
"""
