"""The administration in a real browser: silent under the policy, open to everybody, and its widgets work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db.models import Model
from django.urls import reverse
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from conversations.models import (
    Contact,
    Message,
    OptIn,
    ProviderAccount,
    Stream,
    Team,
    TeamMembership,
    User,
    WebhookEvent,
    WhatsAppTemplate,
)
from tests import factories
from tests.accessibility import barriers
from tests.conversations.admin.browsing import page as address_of
from tests.conversations.admin.browsing import signed_in
from tests.conversations.admin.rows import make_rows

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(autouse=True, scope="module")
def _database_beside_playwright() -> Iterator[None]:
    """Playwright runs an event loop in this thread, in which Django would refuse to ask its database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


class Window:
    """An administrator at a browser; whatever its console complains of is kept."""

    def __init__(self, browser: Browser, server: str, **options: Any) -> None:
        self.server = server
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(10_000)
        self.complaints: list[str] = []
        self.context.on("console", self._console)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        ada = signed_in(factories.make_user("administrator", name="Ada Admin"))
        session = ada.cookies[settings.SESSION_COOKIE_NAME]
        self.context.add_cookies([{"name": session.key, "value": session.value, "url": server}])
        self.page: Page = self.context.new_page()

    def _console(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self.complaints.append(said.text)

    def open(self, address: str) -> Page:
        """Load a page of ours."""
        self.page.goto(self.server + address, wait_until="load")
        return self.page


@pytest.fixture
def window(chromium: Browser, live_server: Any) -> Iterator[Window]:
    """A wide window; the test fails when its console complained."""
    one = Window(chromium, live_server.url, viewport=WIDE)
    yield one
    one.context.close()
    assert one.complaints == []


@pytest.mark.parametrize(("viewport", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide light", "narrow dark"])
def test_pages_are_silent_accessible_and_fit(
    viewport: dict[str, int], scheme: str, chromium: Browser, live_server: Any
) -> None:
    rows: dict[type[Model], Any] = make_rows(text="Donaudampfschifffahrtsgesellschaftskapitän " * 2)
    window = Window(chromium, live_server.url, viewport=viewport, color_scheme=scheme)
    changed = [ProviderAccount, Stream, User, Team, Message, Contact, WhatsAppTemplate, WebhookEvent]
    addresses = [
        reverse("admin:index"),
        reverse("admin:operations"),
        *(address_of(model, "changelist") for model in (Message, Stream, Contact)),
        *(address_of(model, "change", rows[model].pk) for model in changed),
        address_of(ProviderAccount, "add"),
        address_of(OptIn, "add"),
        address_of(TeamMembership, "add"),
        reverse("admin:password_change"),
        reverse("django_rq:home"),
    ]
    problems: dict[str, list[str]] = {}
    for address in addresses:
        page = window.open(address)
        page.wait_for_timeout(100)  # Select2 and the names that we give it come after the page
        found = list(window.complaints)
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found += [f"{wider} px wider than the window"] if wider else []
        found += barriers(page)  # styles the page, which is refused aloud
        window.complaints.clear()
        if found:
            problems[address] = found
    window.context.close()
    assert problems == {}


def test_an_action_asks_for_words_and_is_done(window: Window) -> None:
    stream = factories.make_stream(name="Service texts")
    page = window.open(address_of(Stream, "changelist"))
    page.get_by_role("checkbox", name="Select this object for an action - Service texts").check()
    page.locator("select[name=action]").select_option(label="Pause")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pause streams")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Say why, so that agents know what they wait for.")).to_be_visible()
    page.get_by_label("For how long").select_option(label="1 hour")
    page.get_by_label("Reason").fill("Storm at the provider")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_have_text("Service texts is paused.")
    expect(page.get_by_role("row", name=re.compile("Service texts"))).to_contain_text("Storm at the provider")
    stream.refresh_from_db()
    assert stream.is_paused


def test_a_contact_is_searched_by_number_and_a_decision_recorded(window: Window) -> None:
    factories.make_contact("+447700900123", first_name="Amira", last_name="Khan")
    factories.make_contact("+447700900999", first_name="Bilal", last_name="Aziz")
    page = window.open(address_of(OptIn, "add"))
    page.get_by_role("textbox", name="Contact").click()
    page.keyboard.type("07700 900123")
    expect(page.locator(".select2-results__option")).to_have_text(["Amira Khan"])
    page.keyboard.press("Enter")
    page.get_by_role("textbox", name="Wording").fill("May we text you about your visit?")
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_role("status")).to_have_text("Recorded: Opted in, SMS for Amira Khan.")
    assert OptIn.objects.get().contact.phone == "+447700900123"


def test_a_row_is_added_below_another_with_a_pop_up(window: Window) -> None:
    user = factories.make_user(name="Priya Nair")
    page = window.open(address_of(User, "change", user.pk))
    page.get_by_role("button", name="Add another Team membership").click()
    with page.expect_popup() as opened:
        page.locator("#add_id_memberships-0-team").click()
    popup = opened.value
    popup.get_by_label("Name").fill("Night desk")
    popup.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#memberships-0 .select2-selection__rendered")).to_contain_text("Night desk")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("was changed successfully")
    assert [team.name for team in user.teams.all()] == ["Night desk"]
