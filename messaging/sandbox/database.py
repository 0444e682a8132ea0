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
    """Bring the sandbox's tables up to date.

    Not by the `migrate` command: its signals run receivers of the product, which may reach for other databases.
    """
    executor = MigrationExecutor(connections[DATABASE])
    executor.migrate([node for node in executor.loader.graph.leaf_nodes() if node[0] == "sandbox"])


def use_file(path: str) -> None:
    """Keep the sandbox's rows in `path` instead of the configured file; call before the first query."""
    connections[DATABASE].close()
    connections[DATABASE].settings_dict["NAME"] = path
    connections.settings[DATABASE]["NAME"] = path
