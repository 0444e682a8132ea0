"""Texts that would like to be a program, in every place that holds one, on every page, in a real browser.

Nothing may run, and the content security policy must have had nothing to stop. The pages come from the product in
this process: the browser's requests are answered by Django's own client, with all headers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone
from playwright.sync_api import Browser, Page, Route

from conversations.models import (
    Campaign,
    CampaignRecipient,
    Conversation,
    DispatcherTick,
    Message,
    Stream,
    User,
)
from tests import factories
from tests.architecture.addresses import Rows, filled_in, patterns
from tests.conversations.admin.rows import make_rows_of_pages

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

SITE = "http://testserver"
PAYLOADS = (
    "'\"><img src=x onerror=ran()></script><script>ran()</script>",
    "javascript:ran()//</title></textarea><svg/onload=ran()>",
)
WATCH = """
    window.happened = [];
    window.ran = () => { window.happened.push("a payload ran"); };
    document.addEventListener("securitypolicyviolation", (event) => {
        window.happened.push("the policy stopped " + event.violatedDirective + " " + event.blockedURI);
    });
"""


@pytest.fixture(scope="module", autouse=True)
def _database_beside_playwright() -> Iterator[None]:
    """Django refuses its database while an event loop runs; Playwright's runs for the browser alone."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    if before is not None:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


def seeded(payload: str) -> Rows:
    """A row of everything with the payload wherever somebody may have written something."""
    found = make_rows_of_pages(text=payload)
    user = found[User]
    user.groups.set([Group.objects.get(name="administrator")])
    campaign = Campaign.objects.create(
        name=payload[:120],
        stream=found[Stream],
        body=payload,
        columns=["firstname", payload],
        titles=[["firstname", payload], [payload, payload]],
        file_name=payload,
    )
    CampaignRecipient.objects.create(
        campaign=campaign, row=2, given=payload, phone="+447700900888", verdict="send", fields={"firstname": payload}
    )
    factories.make_message(
        found[Conversation], direction="in", body=payload, media=[{"kind": "document", "filename": payload}]
    )
    # Hosts are named by their name, which no address may hold like this; the list of them shows it all the same.
    plain = DispatcherTick.objects.create(host="desk-1", process_id=1, ticked_at=timezone.now())
    return {**found, DispatcherTick: plain, Campaign: campaign}


def fetched(client: Client, path: str) -> dict[str, Any]:
    """The product's answer, as Playwright gives it to the browser."""
    response: Any = client.get(path)
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return {"status": response.status_code, "headers": dict(response.headers), "body": body}


class Served:
    """A browser's window whose requests the product in this process answers."""

    def __init__(self, page: Page, client: Client) -> None:
        self.page, self.client = page, client
        self.kept: dict[str, dict[str, Any]] = {}
        page.add_init_script(WATCH)
        page.route("**/*", self.answer)

    def answer(self, route: Route) -> None:
        """Answer one request: the page that was opened, and files of ours."""
        address = route.request.url
        if not address.startswith(SITE) or route.request.method != "GET" or "/events" in address:
            route.fulfill(status=204)
            return
        path = address.removeprefix(SITE)
        if path in self.kept:
            route.fulfill(**self.kept[path])
            return
        if not path.startswith(("/static/", "/icons.svg")):
            route.fulfill(status=204)  # parts of pages are opened as pages of their own
            return
        # Without a session: the database of a test cannot be asked from within Playwright's loop.
        self.kept[path] = fetched(Client(), path)
        route.fulfill(**self.kept[path])

    def happened_at(self, path: str) -> list[str]:
        """What a page did that it should not."""
        if path not in self.kept:
            self.kept[path] = fetched(self.client, path)
        self.page.goto(SITE + path, wait_until="load")
        found: list[str] = self.page.evaluate("window.happened")
        return found


@pytest.fixture
def served(chromium: Browser) -> Iterator[Served]:
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = window.new_page()
    page.set_default_timeout(10_000)
    page.on("dialog", lambda dialog: dialog.dismiss())
    yield Served(page, Client(raise_request_exception=False))
    window.close()


def html_pages(client: Client, rows: Rows) -> list[str]:
    """Every address that answers this person with a page."""
    found = []
    for name, route in patterns(get_resolver().url_patterns):
        if name.startswith("django_rq:") or name == "sign-out":
            continue
        path = "/" + filled_in(route, name, rows)
        response: Any = client.get(path)
        if response.status_code == 200 and response.get("Content-Type", "").startswith("text/html"):
            found.append(path)
    return found


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_runs_on_any_page(payload: str, served: Served) -> None:
    rows = seeded(payload)
    served.client.force_login(rows[User])
    paths = [*html_pages(served.client, rows), "/?view=all", f"/search/?q={quote(payload)}", "/contacts/?q=Khan"]
    assert len(paths) > 60
    assert {path: said for path in paths if (said := served.happened_at(path))} == {}
    assert Message.objects.filter(body=payload).count() == 2


def test_the_watch_sees_what_runs_and_what_is_stopped(served: Served) -> None:
    bare = {"content-type": "text/html"}
    served.kept["/bare"] = {"status": 200, "headers": bare, "body": f"<p>{PAYLOADS[0]}".encode()}
    policy = {**bare, "content-security-policy": "default-src 'none'"}
    served.kept["/guarded"] = {"status": 200, "headers": policy, "body": f"<p>{PAYLOADS[1]}".encode()}
    served.page.goto(f"{SITE}/bare")
    served.page.wait_for_function("window.happened.includes('a payload ran')")
    assert any("the policy stopped" in one for one in served.happened_at("/guarded"))
