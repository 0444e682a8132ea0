"""Every page of the workspace, in light and in dark: open to everybody, silent, and never wider than its window.

One window for all of it: a page is loaded once, looked at in both schemes and then at each width.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from django.urls import resolve
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Complaints, Product, open_page, sign_in
from tests.browser.looking import Walk

pytestmark = pytest.mark.browser

UNPROCESSABLE = "422 (Unprocessable Entity)"
PEOPLE = "mobile,name\n07700 900 711,Nora Quist\n07700 900 712,Anton Brandt\n07700 900 711,Nora Again\n"


@pytest.fixture(scope="module")
def walk(product: Product, chromium: Browser) -> Iterator[Walk]:
    """Tom's window, which stays open from test to test."""
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    complaints = Complaints()
    page = open_page(window, complaints)
    sign_in(page, product, "tom")
    yield Walk(page, product, complaints)
    window.close()


ADDRESSES = (
    "/api/v1/",
    "/",
    "/?view=all",
    "/?view=unassigned",
    "/?view=failed",
    "/?view=unconfirmed",
    "/?view=mentions&q=nobody-like-this",
    "/?view=all&status=waiting",
    "/?view=all&status=resolved",
    "/?view=all&unread=1&channel=whatsapp",
    "/inbox/filter/?view=all",
    "/search/",
    "/search/?q=ro",
    "/search/?q=nothing-like-this",
    "/contacts/",
    "/contacts/?consent=sms:opted_in&sort=name",
    "/contacts/new/",
    "/contacts/import/",
    "/permissions/",
    "/permissions/?proof=missing",
    "/permissions/?q=nothing-like-this",
    "/permissions/import/",
    "/templates/",
    "/templates/?q=nothing-like-this",
    "/templates/1/",
    "/templates/new/?copy=1",
    "/templates/import/",
    "/reports/",
    "/reports/?period=chosen&from=2020-01-01&to=2020-12-31&hours=all",
    "/reports/rows/?rows=received&period=28d",
    "/reports/rows/?rows=begun&period=28d",
    "/reports/rows/?rows=opt-outs&period=28d",
    "/floor/",
    "/streams/",
    "/streams/1/",
    "/new/",
    "/new/?to=07700900042",
    "/campaigns/",
    "/campaigns/new/",
    "/notifications/",
    "/account/",
    "/account/password/",
    "/account/second-factor/",
    "/account/prove/",
    "/keys/",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page(walk: Walk, address: str) -> None:
    walk.go(address)
    assert walk.look() == []


def _conversation(walk: Walk) -> None:
    walk.go(walk.first("Rosa Bellini"))


def _conversation_part(part: str, words: str = "Rosa Bellini") -> Callable[[Walk], None]:
    def prepare(walk: Walk) -> None:
        walk.go(f"{walk.first(words)}{part}/")

    return prepare


def _closed_window(walk: Walk) -> None:
    walk.go(walk.first("Window closed"))
    expect(walk.page.locator("#composer")).to_contain_text("template")


def _menu(key: str, name: str) -> Callable[[Walk], None]:
    def prepare(walk: Walk) -> None:
        _conversation(walk)
        walk.page.keyboard.press(key)
        expect(walk.page.get_by_role("dialog", name=name)).to_be_visible()

    return prepare


def _attempts(walk: Walk) -> None:
    walk.go(walk.first("Failed", view="/?view=failed"))
    walk.go(walk.page.locator('a[href*="/attempts/"]').first.get_attribute("href") or "")


def _palette(text: str) -> Callable[[Walk], None]:
    def prepare(walk: Walk) -> None:
        walk.go("/?view=all")
        walk.page.keyboard.press("Control+k")
        field = walk.page.get_by_role("combobox", name="Search people, messages, actions")
        field.fill(text)
        expect(walk.page.get_by_role("option").first).to_be_visible()
        expect(walk.page.locator("#palette-options")).not_to_have_attribute("aria-busy", "true")

    return prepare


def _notices(walk: Walk) -> None:
    walk.go("/?view=all")
    walk.page.locator(".bell:visible").click()
    expect(walk.page.get_by_role("dialog", name="Notifications")).to_be_visible()


def _whole_text(walk: Walk) -> None:
    """No message of the demo company is longer than its bubble; the page of one shows any."""
    walk.go(f"{walk.first('Rosa Bellini')}")
    message = walk.page.locator("article[id^='message-']").last.get_attribute("id") or ""
    walk.go(f"/m/{message.rpartition('-')[2]}/text/")


def _first_template(walk: Walk) -> None:
    """The templates for somebody to whom nobody has written yet."""
    walk.go("/new/?to=07700900042")
    stream = walk.page.locator("input[data-channel=whatsapp]").first.get_attribute("value")
    walk.go(f"/new/template/?to=07700900042&stream={stream}")


def _of_several(part: str) -> Callable[[Walk], None]:
    """What is done to selected conversations, as its own page."""

    def prepare(walk: Walk) -> None:
        walk.go("/?view=all")
        boxes = walk.page.locator(".row-check input").all()[:2]
        walk.go(f"/handle/{part}/?" + "&".join(f"c={box.get_attribute('value')}" for box in boxes))

    return prepare


def _move_work(walk: Walk) -> None:
    walk.go("/floor/")
    walk.page.get_by_role("link", name="Move work of Priya Nair").click()
    expect(walk.page.get_by_role("heading", name="Move the work of Priya Nair")).to_be_visible()


def _draft_template(walk: Walk) -> None:
    walk.go("/templates/new/?copy=1")
    walk.page.get_by_label("Name", exact=True).fill("copy_of_the_walk")
    walk.page.get_by_role("button", name="Save the draft").click()
    walk.page.wait_for_url(re.compile(r"/templates/\d+/$"))
    walk.page.goto(f"{walk.page.url}edit/")


def _decision(walk: Walk) -> None:
    walk.go("/permissions/")
    walk.go(walk.page.locator(".ledger-table tbody a").first.get_attribute("href") or "")


def _key_help(walk: Walk) -> None:
    walk.go("/?view=all")
    walk.page.keyboard.press("?")
    expect(walk.page.locator("#key-help")).to_be_visible()


def _contact(part: str) -> Callable[[Walk], None]:
    def prepare(walk: Walk) -> None:
        walk.go("/contacts/?q=rosa")
        walk.go(f"{walk.page.locator('.contact-name').first.get_attribute('href')}{part}")

    return prepare


def _import(rows: str, expected: str) -> Callable[[Walk], None]:
    def prepare(walk: Walk) -> None:
        walk.go("/contacts/import/")
        walk.page.get_by_label("Or paste the rows").fill(rows)
        walk.page.get_by_role("button", name="Check the file").click()
        expect(walk.page.get_by_role("heading", name=expected)).to_be_visible()

    return prepare


class State(NamedTuple):
    """What a page may look like: the name of its address, and how it comes to look so."""

    address: str
    prepare: Callable[[Walk], None]


STATES = {
    "a conversation": State("conversation", _conversation),
    "a conversation whose window is closed": State("conversation", _closed_window),
    "the attempts of a message": State("attempts", _attempts),
    "the transcript": State("transcript", _conversation_part("transcript")),
    "both sides of a mirrored conversation": State("compare-mirror", _conversation_part("mirror")),
    "the template picker": State("conversation-template", _conversation_part("template", "Window closed")),
    "to whom a conversation is given": State("conversation", _menu("a", "Assign to")),
    "until when it is snoozed": State("conversation", _menu("h", "Snooze")),
    "its tags": State("conversation", _menu("l", "Tags")),
    "the page of assigning": State("assign", _conversation_part("assign")),
    "the page of snoozing": State("snooze", _conversation_part("snooze")),
    "the page of tags": State("tags", _conversation_part("tags")),
    "the page of assigning several": State("handle-assign", _of_several("assign")),
    "the page of snoozing several": State("handle-snooze", _of_several("snooze")),
    "the page of tags of several": State("handle-tags", _of_several("tags")),
    "the canned replies": State("canned-replies", _conversation_part("canned")),
    "a whole text": State("whole-text", _whole_text),
    "a first template": State("new-template", _first_template),
    "the bell": State("inbox", _notices),
    "the palette": State("inbox", _palette("rosa")),
    "actions in the palette": State("inbox", _palette(">")),
    "the keys": State("inbox", _key_help),
    "moving the work of somebody": State("move-work", _move_work),
    "a contact": State("contact", _contact("")),
    "what a contact said": State("contact", _contact("?show=messages")),
    "a contact's form": State("edit-contact", _contact("edit/")),
    "whom to merge with": State("merge-contact", _contact("merge/?q=a")),
    "recording a permission": State("record-permission", _contact("permission/")),
    "a decision": State("decision", _decision),
    "a draft of a template": State("edit-draft", _draft_template),
    "an import with its report": State("import-contacts", _import(PEOPLE, "rows read")),
}

# Addresses that answer GET and are not looked at here, by the reason.
PART = "A part of a page, which is looked at in it."
FILE = "A file, or words for a program."
ON_ITS_WAY = "Its page exists while a campaign goes through its steps: test_campaigns.py looks at it there."
NOT_WALKED = {
    "erase-contact": "for administrators: test_what_administrators_see_alone looks at it",
    "sign-in-code": "for whoever has just shown a password: test_second_factor.py looks at it",
    "older-rows": PART,
    "updates": PART,
    "presence": PART,
    "older-messages": PART,
    "streams-for": PART,
    "colleagues": PART,
    "palette": PART,
    "recipient": PART,
    "new-canned-replies": PART,
    "campaign-check-progress": PART,
    "campaign-progress": PART,
    "campaign-pace": PART,
    "campaign-rows-file": FILE,
    "campaign-results": FILE,
    "export-contacts": FILE,
    "report-file": FILE,
    "report-conversations": FILE,
    "export-opt-ins": FILE,
    "proof-file": FILE,
    "file": FILE,
    "news": FILE,
    "icons": FILE,
    "api-document": FILE,
    "api-nothing-here": FILE,
    "healthz": FILE,
    "readyz": FILE,
    "metrics": FILE,
    "webhook": FILE,
    "message": "Leads on to the message in its conversation.",
    "sign-in": "Before signing in: test_before_and_beside_signing_in looks at it.",
    "campaign": ON_ITS_WAY,
    "campaign-list": ON_ITS_WAY,
    "campaign-rows": ON_ITS_WAY,
    "campaign-message": ON_ITS_WAY,
    "campaign-timing": ON_ITS_WAY,
    "campaign-check": ON_ITS_WAY,
}


def names_walked() -> set[str]:
    """The names of the addresses whose pages are looked at here."""
    return {resolve(urlsplit(one).path).url_name or "" for one in ADDRESSES} | {one.address for one in STATES.values()}


@pytest.mark.parametrize("state", STATES)
def test_a_state(walk: Walk, state: str) -> None:
    STATES[state].prepare(walk)
    assert resolve(urlsplit(walk.page.url).path).url_name == STATES[state].address
    assert walk.look() == []


def test_an_import_that_is_refused(walk: Walk) -> None:
    _import(f"{PEOPLE}12,Nobody At All\n", "1 number cannot be used")(walk)
    assert walk.look(refused=UNPROCESSABLE) == []


def test_a_page_that_is_not_there(walk: Walk) -> None:
    walk.go("/nothing-here/")
    walk.complaints.lines.remove(
        "error: Failed to load resource: the server responded with a status of 404 (Not Found)"
    )
    assert walk.look() == []


def test_what_administrators_see_alone(product: Product, chromium: Browser) -> None:
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    complaints = Complaints()
    ada = Walk(open_page(window, complaints), product, complaints)
    sign_in(ada.page, product, "admin")
    ada.go("/contacts/?q=rosa")
    ada.go(f"{ada.page.locator('.contact-name').first.get_attribute('href')}erase/")
    expect(ada.page.get_by_role("button", name="Erase")).to_be_visible()
    assert ada.look() == []
    ada.go("/api/v1/")
    assert ada.look() == []
    window.close()


def test_before_and_beside_signing_in(product: Product, chromium: Browser) -> None:
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    complaints = Complaints()
    stranger = Walk(open_page(window, complaints), product, complaints)
    stranger.go("/")
    faults = stranger.look()
    stranger.page.get_by_label("Work e-mail").fill("tom@fernhill.example")
    stranger.page.get_by_label("Password", exact=True).fill("wrong")
    stranger.page.get_by_role("button", name="Sign in").click()
    expect(stranger.page.get_by_role("alert")).to_be_visible()
    faults += stranger.look(refused=UNPROCESSABLE)
    window.clear_cookies(name="csrftoken")
    stranger.page.get_by_label("Password", exact=True).fill("wrong")
    stranger.page.get_by_role("button", name="Sign in").click()
    expect(stranger.page.get_by_role("heading", name="This form is out of date")).to_be_visible()
    faults += stranger.look(refused="403 (Forbidden)")
    sign_in(stranger.page, product)
    stranger.go("/contacts/import/")  # not for Priya
    faults += stranger.look(refused="403 (Forbidden)")
    assert faults == []
    window.close()
