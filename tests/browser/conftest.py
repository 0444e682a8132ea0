"""The whole product in processes of its own (`manage.py dev` on scratch servers), and a real Chromium."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.chromium import running_chromium

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "fernhill-demo"
SESSION_SHARED = 300  # seconds, fewer than those after which the product asks for the password again

expect.set_options(timeout=15_000)  # a busy machine is slow, not wrong


@dataclass
class Product:
    """Where the running product answers, who signed in there and when, and whose time to undo is known."""

    web: str
    sandbox: str
    sessions: dict[str, tuple[float, str]] = field(default_factory=dict)
    times_to_undo: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="package")
def product() -> Iterator[Product]:
    """`manage.py dev` with the demo company, on servers that vanish afterwards."""
    # Two runs at once have other servers and begin to look for free ports elsewhere, as their tests do.
    profile = "browser" + os.environ.get("PARLEY_LOCAL_PROFILE", "").removeprefix("test")
    port = 12_000 + os.getpid() % 500 * 10
    environment = os.environ | {"PARLEY_LOCAL_PROFILE": profile, "SANDBOX_PORT": str(port + 5)}
    environment.pop("BASE_URL", None)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "dev", "--port", str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    log: list[str] = []
    ready = threading.Event()

    def read() -> None:
        for line in process.stdout or ():
            log.append(line)
            if "Ctrl-C" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert ready.wait(300), "".join(log)
        assert process.poll() is None, "".join(log)
        yield Product(_address(log, "Parley"), _address(log, "Handset"))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=90)
        reader.join(timeout=10)
        process.stdout.close()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One Chromium for all of the folder, in which each test has windows of its own."""
    # Django refuses its database while an event loop runs; Playwright's runs for the browser alone.
    with pytest.MonkeyPatch.context() as patch, running_chromium() as browser:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield browser


def _address(log: list[str], name: str) -> str:
    """Where a part of the product says that it answers: the port that was wanted may have been taken."""
    found = re.search(rf"^  {name} +(http://[\d.]+:\d+)/", "".join(log), re.MULTILINE)
    assert found is not None, "".join(log)
    return found[1]


@dataclass
class Complaints:
    """What the pages of a test logged: refused by the policy, failed to load, or broke."""

    lines: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Listen to a page."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.lines.append(f"error: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.lines.append(f"{message.type}: {message.text}")


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Every page of a browser test must stay silent."""
    found = Complaints()
    yield found
    assert found.lines == []


def open_page(context: BrowserContext, complaints: Complaints) -> Page:
    """A page whose complaints count."""
    page = context.new_page()
    page.set_default_timeout(15_000)
    complaints.watch(page)
    return page


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser window of somebody's own."""
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    yield window
    window.close()


def sign_in(page: Page, product: Product, name: str = "priya") -> None:
    """Somebody of the demo company, as far as the inbox."""
    page.goto(f"{product.web}/")
    page.get_by_label("Work e-mail").fill(f"{name}@fernhill.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{product.web}/")


def come_back(page: Page, product: Product, name: str = "priya") -> None:
    """The same, where the sign-in is not what a test is about: a session of an earlier test goes on while it is young.

    Some test may have ended it: then it is the form after all.
    """
    begun, session = product.sessions.get(name, (-math.inf, ""))
    if time.monotonic() - begun < SESSION_SHARED:
        page.context.add_cookies([{"name": "sessionid", "value": session, "url": product.web}])
        page.goto(f"{product.web}/")
        if page.url == f"{product.web}/":
            return
    sign_in(page, product, name)
    (session,) = (one["value"] for one in page.context.cookies(product.web) if one["name"] == "sessionid")
    product.sessions[name] = (time.monotonic(), session)


def set_time_to_undo(page: Page, product: Product, seconds: int, name: str = "priya") -> None:
    """How long what this person sends waits. Leaves the page alone where it is so already."""
    if product.times_to_undo.get(name) == seconds:
        return
    page.goto(f"{product.web}/account/")
    page.get_by_label("Time to undo").select_option(str(seconds))
    page.get_by_role("region", name="Sending").get_by_role("button", name="Save").click()
    page.wait_for_url(f"{product.web}/account/")
    page.goto(f"{product.web}/")
    product.times_to_undo[name] = seconds


@pytest.fixture
def agent(product: Product, context: BrowserContext, complaints: Complaints) -> Page:
    """Priya, signed in, at the inbox; what she sends leaves at once."""
    page = open_page(context, complaints)
    come_back(page, product)
    set_time_to_undo(page, product, 0)
    return page


@pytest.fixture
def colleague(product: Product, chromium: Browser, complaints: Complaints) -> Iterator[Page]:
    """Tom, on his own computer; what he sends leaves at once."""
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = open_page(window, complaints)
    come_back(page, product, "tom")
    set_time_to_undo(page, product, 0, "tom")
    yield page
    window.close()


@pytest.fixture
def handset(product: Product, context: BrowserContext, complaints: Complaints) -> Page:
    """The virtual phones."""
    page = open_page(context, complaints)
    page.goto(f"{product.sandbox}/handset/")
    return page
