"""Texts that would like to be a program, in every place that holds one, on every page, in a real browser.

Nothing may run, and the content security policy must have had nothing to stop.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone
from playwright.sync_api import Browser
from playwright.sync_api import Error as PlaywrightError

from conversations.models import (
    Campaign,
    CampaignRecipient,
    Conversation,
    DispatcherTick,
    KeywordSet,
    Message,
    Stream,
    User,
)
from tests import factories
from tests.architecture.addresses import Rows, filled_in, patterns
from tests.conversations.admin.rows import make_rows_of_pages

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

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
    plain = DispatcherTick.objects.create(host=f"desk-{user.pk}", process_id=1, ticked_at=timezone.now())
    # The words of a language are one row, which the next payload would take.
    KeywordSet.objects.filter(pk=found[KeywordSet].pk).update(language=f"x{PAYLOADS.index(payload)}")
    return {**found, DispatcherTick: plain, Campaign: campaign}


class Watched:
    """A browser's window in which somebody is signed in, and in which nothing may happen."""

    def __init__(self, chromium: Browser, site: str) -> None:
        self.site = site
        self.window = chromium.new_context(viewport={"width": 1440, "height": 900})
        self.window.add_init_script(WATCH)
        self.page = self.window.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("dialog", lambda dialog: dialog.dismiss())

    def sign_in(self, user: User) -> None:
        """With a session that was made without the page."""
        client = Client()
        client.force_login(user)
        session = client.cookies[settings.SESSION_COOKIE_NAME]
        self.window.add_cookies([{"name": session.key, "value": session.value, "url": self.site}])

    def is_page(self, path: str) -> bool:
        """Open an address; False for one that shows no page: a file, a refusal, nothing."""
        try:
            answer = self.page.goto(self.site + path, wait_until="load")
        except PlaywrightError as error:
            if "Download is starting" in str(error) or "net::ERR_ABORTED" in str(error):
                return False
            raise
        assert answer is not None
        return answer.status == 200 and answer.headers.get("content-type", "").startswith("text/html")

    def happened(self) -> list[str]:
        """What the page did that it should not."""
        found: list[str] = self.page.evaluate("window.happened")
        return found


@pytest.fixture
def watched(chromium: Browser, live_server: Any) -> Iterator[Watched]:
    one = Watched(chromium, live_server.url)
    yield one
    one.window.close()


def addresses(rows: Rows) -> Iterator[tuple[str, str]]:
    """Every route that may show a page, with the address of these rows."""
    for name, route in patterns(get_resolver().url_patterns):
        if not name.startswith("django_rq:") and name != "sign-out":
            yield route, "/" + filled_in(route, name, rows)


def test_nothing_runs_on_any_page(watched: Watched) -> None:
    seen = {payload: seeded(payload) for payload in PAYLOADS}
    happened: dict[str, list[str]] = {}
    no_pages = set()  # they are none with other rows either
    for payload, rows in seen.items():
        watched.sign_in(rows[User])
        named = ("/?view=all", f"/search/?q={quote(payload)}", "/contacts/?q=Khan")
        for route, path in (*addresses(rows), *zip(named, named, strict=True)):
            if route in no_pages or (path.startswith("/admin/") and path in happened):
                continue  # a list of the administration showed the rows of both at once
            if watched.is_page(path):
                happened[path] = happened.get(path, []) + watched.happened()
            else:
                no_pages.add(route)
    assert sum(not path.startswith("/admin/") for path in happened) > 60
    assert len(happened) > 300
    assert {path: what for path, what in happened.items() if what} == {}
    assert [Message.objects.filter(body=payload).count() for payload in PAYLOADS] == [2, 2]


def test_the_watch_sees_what_runs_and_what_is_stopped(watched: Watched) -> None:
    html = {"content-type": "text/html"}
    policy = {"content-security-policy": "default-src 'none'"}
    watched.page.route("**/bare", lambda route: route.fulfill(headers=html, body=f"<p>{PAYLOADS[0]}"))
    watched.page.route("**/guarded", lambda route: route.fulfill(headers=html | policy, body=f"<p>{PAYLOADS[1]}"))
    watched.page.goto(f"{watched.site}/bare")
    watched.page.wait_for_function("window.happened.includes('a payload ran')")
    watched.page.goto(f"{watched.site}/guarded")
    assert any("the policy stopped" in one for one in watched.happened())
