"""What every test may use. The servers are real: PostgreSQL and Valkey of the `test` profile, in memory."""

from __future__ import annotations

import itertools
import logging
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

import django_rq
import pytest
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.creation import DatabaseCreation
from django.db.backends.signals import connection_created
from django.db.models.signals import post_save
from playwright.sync_api import Browser, sync_playwright
from xdist.scheduler.loadscope import LoadScopeScheduling
from xdist.workermanage import WorkerController

from config import local_services
from tests.log_scan import LogScan

LOCK = re.compile(r"\bFOR (NO KEY )?UPDATE\b")
JOIN = re.compile(r"\bJOIN\b")
BROWSER = "browser"
WHOLE_SITES = ("journeys", "benchmarks", BROWSER, "chaos")
WRITTEN = pytest.StashKey[int]()
_written = itertools.count()


def _drop_by_force(creation: DatabaseCreation, test_database_name: str, verbosity: int) -> None:
    """Drop the test database also while PostgreSQL has a session there: of a process that a test killed, say."""
    with creation._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {creation.connection.ops.quote_name(test_database_name)} WITH (FORCE)")


def pytest_configure(config: pytest.Config) -> None:
    DatabaseCreation._destroy_test_db = _drop_by_force  # of connections that are there already too
    if config.getoption("dist") == "no":  # whoever hands out tests to lanes runs none
        local_services.ensure_running()
    connection_created.connect(_watch_locks)


class Lanes(LoadScopeScheduling):
    """What lanes of tests side by side take in one piece: a file, or a folder that starts sites of its own.

    The last lane begins with the browser tests, the others with everything else; whoever has none left of its own goes
    on with those of the others. So one site serves the browser tests, and a second one the last of them.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return next((folder for folder in WHOLE_SITES if f"/{folder}/" in path and folder != BROWSER), path)

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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Folders that start a whole site come last, one after the other: their processes slow down all other tests.

    There the order is the written one: the rows of the one site stay from test to test, as they do for its people.
    """

    def place(item: pytest.Item) -> tuple[int, int]:
        folder = item.path.parent.name
        return (WHOLE_SITES.index(folder), item.stash[WRITTEN]) if folder in WHOLE_SITES else (-1, 0)

    items.sort(key=place)


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
    django_rq.get_connection("default").flushdb()


@pytest.fixture(autouse=True)
def _scratch_files(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Files that a test stores vanish with it."""
    settings.ATTACHMENTS_DIR = str(tmp_path_factory.getbasetemp() / "attachments")


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Any) -> None:
    """Argon2 is slow on purpose; no test is about its strength."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """This machine's Chromium. Ends with the module: a running Playwright makes Django refuse its database."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("REQUIRE_BROWSER is set, and there is no Chromium. Install the package chromium.")
        pytest.skip("There is no Chromium on this machine. Install the package chromium to run the browser tests.")
    flags = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()
