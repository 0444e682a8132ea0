"""What every test may use. The servers are real: PostgreSQL and Valkey of the `test` profile, in memory."""

from __future__ import annotations

import gc
import itertools
import logging
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.creation import DatabaseCreation
from django.db.backends.signals import connection_created
from django.db.models.signals import post_save
from django.test import TransactionTestCase, override_settings
from playwright.sync_api import Browser
from xdist.scheduler.loadscope import LoadScopeScheduling
from xdist.workermanage import WorkerController

from config import local_services
from config.local_services.postgres import ROLE, SUPERUSER
from tests.chromium import running_chromium
from tests.log_scan import LogScan

LOCK = re.compile(r"\bFOR (NO KEY )?UPDATE\b")
JOIN = re.compile(r"\bJOIN\b")
BROWSER, CHAOS = "browser", "chaos"
WHOLE_SITES = ("journeys", "benchmarks", BROWSER, CHAOS)
WRITTEN = pytest.StashKey[int]()
_written = itertools.count()


def _drop_by_force(creation: DatabaseCreation, test_database_name: str, verbosity: int) -> None:
    """Drop the test database also while PostgreSQL has a session there: of a process that a test killed, say."""
    with creation._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {creation.connection.ops.quote_name(test_database_name)} WITH (FORCE)")


MADE_BY_MIGRATIONS = (
    "django_content_type",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
    "conversations_keywordset",
)
FLUSHED_EVERY = 50  # tests that commit
_made: list[str] = []
_taken_back = itertools.count(1)
_flush = TransactionTestCase._fixture_teardown


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """pytest-django's database, a note of the rows that migrations made, and leave for _take_back."""
    server = settings.DATABASES["default"]
    place = {"host": server["OPTIONS"]["host"], "port": server["OPTIONS"]["port"]}
    with psycopg.connect(**place, user=SUPERUSER, dbname="postgres", autocommit=True) as superuser:
        superuser.execute(f"GRANT SET ON PARAMETER session_replication_role TO {ROLE}")
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        # Between two tests it would note of each table that it is empty, and plans would be made for that.
        cursor.execute(";".join(f"ALTER TABLE {table} SET (autovacuum_enabled = off)" for table in _tables()))
        _made[:] = _rows_of_migrations()


def _tables() -> list[str]:
    found = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [connection.ops.quote_name(table) for table in sorted(found)]


def _rows_of_migrations() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT md5(string_agg(one::text, ',' ORDER BY one.id)) FROM {table} AS one"
                for table in MADE_BY_MIGRATIONS
            )
        )
        return [hash_of_rows for (hash_of_rows,) in cursor.fetchall()]


@cache
def _written_tables() -> list[str]:
    kept = {connection.ops.quote_name(table) for table in MADE_BY_MIGRATIONS}
    return [table for table in _tables() if table not in kept]


def _take_back(case: TransactionTestCase) -> None:
    """Delete what a test committed, which is ten times as quick as what Django does after each: to flush the database.

    That truncates every table and makes the rows of migrations anew. It is for a test that changed those, and once in
    a while: what was deleted still lies in its table, and is in the way.
    """
    if next(_taken_back) % FLUSHED_EVERY == 0 or _rows_of_migrations() != _made:
        _flush(case)
        _made[:] = _rows_of_migrations()
        return
    with transaction.atomic(), connection.cursor() as cursor:
        # No foreign key is looked at and no trigger runs: everything goes.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(";".join(f"DELETE FROM {table}" for table in _written_tables()))


def pytest_configure(config: pytest.Config) -> None:
    DatabaseCreation._destroy_test_db = _drop_by_force  # of connections that are there already too
    TransactionTestCase._fixture_teardown = _take_back
    if config.getoption("dist") == "no":  # whoever hands out tests to lanes runs none
        local_services.ensure_running()
    connection_created.connect(_watch_locks)


class Lanes(LoadScopeScheduling):
    """What lanes of tests side by side take in one piece: a file, or the folder that breaks a site on purpose.

    The last lane begins with the browser tests, the others with everything else; whoever has none left of its own goes
    on with those of the others. So one site serves the browser tests, and a second one the last of them.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return CHAOS if f"/{CHAOS}/" in path else path

    def _assign_work_unit(self, node: WorkerController) -> None:
        is_last = node.gateway.id == self.nodes[-1].gateway.id
        own = next((scope for scope in self.workqueue if (f"/{BROWSER}/" in scope) == is_last), None)
        if own is not None:
            self.workqueue.move_to_end(own, last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes:
    config.option.loadscopereorder = False  # in the order below
    return Lanes(config, log)


def _watch_locks(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "postgresql" and _locks_no_other_table not in connection.execute_wrappers:
        connection.execute_wrappers.append(_locks_no_other_table)


def _locks_no_other_table(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
    """A join in a statement that locks takes the rows of every table, in an order that nobody chose: deadlocks."""
    outermost = str(sql).rpartition(")")[2] if LOCK.search(str(sql)) else ""
    if LOCK.search(outermost) and " OF " not in outermost and JOIN.search(str(sql)):
        raise AssertionError(f'Say which table is locked, of=("self",): {sql}')
    return execute(sql, params, many, context)


def pytest_itemcollected(item: pytest.Item) -> None:
    item.stash[WRITTEN] = next(_written)
    if item.path.parent.name == "benchmarks":
        item.add_marker("benchmark")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Folders that start a whole site come last, one after the other: their processes slow down all other tests.

    There the order is the written one: the rows of the one site stay from test to test, as they do for its people.
    """

    def place(item: pytest.Item) -> tuple[int, int]:
        folder = item.path.parent.name
        return (WHOLE_SITES.index(folder), item.stash[WRITTEN]) if folder in WHOLE_SITES else (-1, 0)

    items.sort(key=place)


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.freeze()  # what was imported and collected stays to the end: no collector need look at it again


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    from tests.chaos import summary  # which needs Django

    summary.show(terminalreporter)  # from here: whoever hands out tests to lanes knows no conftest of a folder


def pytest_unconfigure(config: pytest.Config) -> None:
    local_services.release()


@pytest.fixture(autouse=True)
def _nothing_personal_in_logs(log_scan: LogScan) -> Iterator[None]:
    """A test fails when a whole number, a key or the words of a message reach a log (tests/log_scan.py)."""
    log_scan.begin()
    yield
    assert log_scan.leaks == []


@pytest.fixture(scope="session")
def log_scan() -> Iterator[LogScan]:
    """The one scan, listening at the root of all loggers."""
    from conversations.models import Message  # Django is not set up when this file is read
    from tests import factories

    keys = [value for one in factories.CREDENTIALS.values() for name, value in one.items() if name != "subdomain"]
    own = (settings.SECRET_KEY, settings.ERASURE_KEY, *settings.FIELD_ENCRYPTION_KEYS)
    scan = LogScan([*keys, *own])
    logging.getLogger().addHandler(scan)
    post_save.connect(scan.note_body, sender=Message)
    yield scan
    logging.getLogger().removeHandler(scan)


@pytest.fixture(autouse=True)
def _empty_queues() -> None:
    """Each test starts with empty queues: hints of an earlier test would name its rows."""
    from conversations.broker import broker

    broker().flushdb()


@pytest.fixture(scope="session", autouse=True)
def _settings_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Files that tests store vanish with them; and Argon2 is slow on purpose, but no test is about its strength."""
    with override_settings(
        ATTACHMENTS_DIR=str(tmp_path_factory.getbasetemp() / "attachments"),
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ):
        yield


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """This machine's Chromium. Ends with the module: a running Playwright makes Django refuse its database."""
    with running_chromium() as browser:
        yield browser
