"""One writer at a time: SQLite has one write lock, and waiting in a queue of our own is fairer than its polling."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction
from django.db.migrations.executor import MigrationExecutor

from .router import DATABASE

_writer = threading.RLock()


@contextmanager
def writing() -> Iterator[None]:
    """A transaction on the sandbox's database, alone among this process's threads. May be nested."""
    with _writer, transaction.atomic(using=DATABASE):
        yield


def migrate() -> None:
    """Bring the sandbox's tables up to date. Raises ValueError for a file that is too old for that.

    Not by the `migrate` command: its signals run receivers of the product, which may reach for other databases.
    """
    connection = connections[DATABASE]
    executor = MigrationExecutor(connection)
    graph = executor.loader.graph
    ours = [key for key in executor.loader.disk_migrations if key[0] == "sandbox"]
    # Where only some of what a migration replaces was applied, Django sets that migration aside, and says nothing.
    if any(key not in graph.nodes for key in ours):
        raise ValueError(f"The sandbox's file {connection.settings_dict['NAME']} is of an early version. Delete it.")
    executor.migrate(graph.leaf_nodes("sandbox"))


def use_file(path: str) -> None:
    """Keep the sandbox's rows in `path` instead of the configured file; call before the first query."""
    connections[DATABASE].close()
    connections[DATABASE].settings_dict["NAME"] = path
    connections.settings[DATABASE]["NAME"] = path
