"""Rows by the million: tables are filled in sets, without indexes, and get them back at the end."""

# ruff: noqa: S608 - every name and number in these statements is ours

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection, models

_FOREIGN_KEYS = """
    SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)
      FROM pg_constraint
     WHERE conrelid = ANY (%s::regclass[]) AND contype IN ('f', 'u')
     ORDER BY contype DESC, conname
"""
_INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
      FROM pg_index
     WHERE indrelid = ANY (%s::regclass[]) AND NOT indisprimary
       AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('u', 'x'))
     ORDER BY 1
"""


def execute(statement: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """Run a statement on the present database; its rows, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def without_indexes(*filled: type[models.Model], triggers: bool) -> Iterator[None]:
    """Tables without indexes, unique constraints and foreign keys, all of which are made anew at the end.

    With `triggers` off, those of ours do not run either; whoever fills the tables owes what they keep. A filling that
    fails leaves them bare: its database is made for the run and goes with it.
    """
    tables = [one._meta.db_table for one in filled]
    with connection.cursor() as cursor:
        cursor.execute(_FOREIGN_KEYS, [tables])
        constraints = cursor.fetchall()
        cursor.execute(_INDEXES, [tables])
        indexes = cursor.fetchall()
    for table, name, _ in constraints:
        execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        execute(f"DROP INDEX {name}")
    for table in tables if not triggers else ():
        execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield
    for table in tables if not triggers else ():
        execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    execute("SET maintenance_work_mem = '512MB'")
    for _, definition in indexes:
        execute(definition)
    for table, name, definition in constraints:
        execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    execute("RESET maintenance_work_mem")


def fill(model: type[models.Model], columns: Mapping[str, str], source: str) -> None:
    """INSERT .. SELECT: SQL by column, and where it reads; columns that are not named get their field's default."""
    chosen, values = dict(columns), {}
    for field in model._meta.concrete_fields:
        column = str(field.column)
        if column in chosen or field.generated or (field.primary_key and not field.is_relation):
            continue
        if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
            chosen[column] = "now()"
        else:
            chosen[column] = f"%({column})s"
            values[column] = field.get_db_prep_save(field.get_default(), connection)
    names = ", ".join(f'"{name}"' for name in chosen)
    table = model._meta.db_table
    execute(f"INSERT INTO {table} ({names}) SELECT {', '.join(chosen.values())} FROM {source}", values)


def go_on_counting(model: type[models.Model]) -> None:
    """Let the next id follow those that were given."""
    table = model._meta.db_table
    execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
