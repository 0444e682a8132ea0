"""What every test may use. The servers are real: PostgreSQL and Valkey of the `test` profile, in memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import django_rq
import pytest
from playwright.sync_api import Browser, sync_playwright

from config import local_services

WHOLE_SITES = ("journeys", "benchmarks", "browser", "chaos")


def pytest_configure(config: pytest.Config) -> None:
    local_services.ensure_running()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders that start a whole site come last, one after the other: their processes slow down all other tests."""

    def place(item: pytest.Item) -> int:
        folder = item.path.parent.name
        return WHOLE_SITES.index(folder) if folder in WHOLE_SITES else -1

    items.sort(key=place)


def pytest_unconfigure(config: pytest.Config) -> None:
    local_services.release()


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
