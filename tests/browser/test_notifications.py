"""Being told as an agent is: by the bell, a notice, the device and a sound, once each, and as loudly as one likes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.accessibility import barriers_in_both_schemes
from tests.browser.conftest import Complaints, Product, come_back, open_page
from tests.browser.customers import Customers
from tests.browser.sandbox import Sandbox

pytestmark = pytest.mark.browser

SOON = 30_000
# What the device would have shown, and how many sounds began, written down in the page.
WITNESS = """
    window.shown = [];
    window.sounds = 0;
    window.Notification = class extends EventTarget {
        static permission = localStorage.getItem("test:permission") ?? "default";
        static async requestPermission() {
            localStorage.setItem("test:permission", "granted");
            window.asked = true;
            return (Notification.permission = "granted");
        }
        constructor(title, options) { super(); window.shown.push(options.body); }
    };
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (at) { window.sounds += 1; return start.call(this, at); };
"""


@pytest.fixture
def customers(product: Product) -> Customers:
    return Customers(Sandbox(product))


@pytest.fixture
def priya(product: Product, context: BrowserContext, complaints: Complaints) -> Page:
    """Priya, at her contacts: not in the inbox, with nothing unread."""
    context.add_init_script(WITNESS)
    page = open_page(context, complaints)
    come_back(page, product)
    page.goto(f"{product.web}/notifications/")
    everything = page.get_by_role("button", name="Mark all as read")
    if everything.count():
        everything.click()
    expect(bell(page)).to_have_accessible_name("Notifications")
    page.goto(f"{product.web}/contacts/")
    return page


@pytest.fixture
def tom(product: Product, chromium: Browser, complaints: Complaints) -> Iterator[Page]:
    """Tom, signed in, in a window of his own."""
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = open_page(window, complaints)
    come_back(page, product, "tom")
    yield page
    window.close()


def bell(page: Page) -> Locator:
    return page.locator(".top-bar .bell")


def toast(page: Page, text: str) -> Locator:
    return page.locator(".toast").filter(has_text=text)


def give_to_priya(tom: Page, product: Product, customers: Customers, *, phone: str = "") -> str:
    """Somebody new writes, and Tom gives the conversation to Priya; returns the number."""
    mark = uuid.uuid4().hex[:8]
    phone = customers.write(f"Who helps me? {mark}", phone)
    tom.goto(f"{product.web}/?view=all&sort=newest")
    row = tom.locator(".row-item").filter(has_text=mark)
    expect(row).to_be_visible(timeout=SOON)
    row.locator(".conversation-row").click()
    expect(tom.get_by_role("log").get_by_text(mark)).to_be_visible()
    tom.keyboard.press("a")
    tom.get_by_role("dialog", name="Assign to").get_by_role("button", name="Priya Nair").click()
    expect(toast(tom, "Assigned to Priya Nair")).to_be_visible()
    return phone


def test_what_happens_to_ones_own_is_told_once_and_read_by_looking(
    priya: Page, tom: Page, product: Product, customers: Customers
) -> None:
    elsewhere = open_page(priya.context, Complaints())
    elsewhere.goto(f"{product.web}/new/")
    priya.bring_to_front()
    phone = give_to_priya(tom, product, customers)
    expect(bell(priya)).to_have_accessible_name("Notifications, 1 unread", timeout=SOON)
    expect(bell(elsewhere)).to_have_accessible_name("Notifications, 1 unread")
    expect(priya).to_have_title("(1) Contacts · Parley")
    told = [toast(page, "Tom Okafor assigned this to you").count() for page in (priya, elsewhere)]
    assert sum(told) == 1

    customers.write("Are you there?", phone)
    expect(bell(priya)).to_have_accessible_name("Notifications, 2 unread", timeout=SOON)
    bell(priya).click()
    panel = priya.get_by_role("dialog", name="Notifications")
    expect(panel.get_by_text("Are you there?")).to_be_visible()
    panel.get_by_role("link", name=re.compile("Are you there")).first.click()  # others are of tests before
    expect(priya.get_by_role("log").get_by_text("Are you there?")).to_be_visible()
    expect(bell(priya)).to_have_accessible_name("Notifications")
    expect(bell(elsewhere)).to_have_accessible_name("Notifications", timeout=SOON)
    elsewhere.close()


def test_the_bell_is_worked_by_keyboard(priya: Page, tom: Page, product: Product, customers: Customers) -> None:
    for _ in range(2):
        give_to_priya(tom, product, customers)
    expect(bell(priya)).to_have_accessible_name("Notifications, 2 unread", timeout=SOON)
    bell(priya).focus()
    priya.keyboard.press("Enter")
    panel = priya.get_by_role("dialog", name="Notifications")
    expect(panel).to_be_visible()
    panel.get_by_role("button", name=re.compile("^Mark as read")).first.press("Enter")
    expect(bell(priya)).to_have_accessible_name("Notifications, 1 unread", timeout=SOON)
    expect(panel.get_by_role("heading", name="Notifications")).to_be_focused()
    panel.get_by_role("button", name="Mark all as read").press("Enter")
    expect(panel.get_by_role("button", name=re.compile("^Mark"))).to_have_count(0)
    expect(bell(priya)).to_have_accessible_name("Notifications", timeout=SOON)
    priya.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(bell(priya)).to_be_focused()


def test_the_device_is_asked_by_a_click_only_and_tells_whoever_looks_elsewhere(
    priya: Page, tom: Page, product: Product, customers: Customers
) -> None:
    assert priya.evaluate("window.asked") is None
    priya.goto(f"{product.web}/account/")
    assert priya.evaluate("window.asked") is None
    priya.get_by_role("button", name="Turn on").click()
    expect(priya.get_by_text("This browser shows them.")).to_be_visible()
    expect(priya.get_by_role("button", name="Turn on")).to_be_hidden()
    priya.evaluate("document.hasFocus = () => false")
    give_to_priya(tom, product, customers)
    expect(bell(priya)).to_have_accessible_name("Notifications, 1 unread", timeout=SOON)
    priya.wait_for_function("window.shown.length === 1")
    assert re.fullmatch(r"\+44 7700 900\d{3}: Tom Okafor assigned this to you", priya.evaluate("window.shown[0]"))


def test_a_sound_is_made_by_one_tab_and_by_none_when_turned_off(
    priya: Page, tom: Page, product: Product, customers: Customers, complaints: Complaints
) -> None:
    second = open_page(priya.context, complaints)
    second.goto(f"{product.web}/new/")
    priya.goto(f"{product.web}/account/")
    priya.get_by_role("button", name="Play it").click()
    priya.wait_for_function("window.sounds === 2")
    for page in (priya, second):
        page.locator("h1").first.click()  # browsers are silent until then
    give_to_priya(tom, product, customers)
    for page in (priya, second):
        expect(bell(page)).to_have_accessible_name("Notifications, 1 unread", timeout=SOON)
    assert sum(page.evaluate("window.sounds") for page in (priya, second)) == 4

    box = priya.get_by_role("checkbox", name="Sound: A conversation is assigned to me")
    box.uncheck()
    priya.get_by_role("button", name="Update notifications").click()
    expect(toast(priya, "Saved")).to_be_visible()
    expect(box).not_to_be_checked()
    second.goto(f"{product.web}/new/")
    for page in (priya, second):
        page.locator("h1").first.click()
    give_to_priya(tom, product, customers)
    for page in (priya, second):
        expect(bell(page)).to_have_accessible_name("Notifications, 2 unread", timeout=SOON)
    assert sum(toast(page, "assigned this to you").count() for page in (priya, second)) == 1
    assert sum(page.evaluate("window.sounds") for page in (priya, second)) == 0
    box.check()
    priya.get_by_role("button", name="Update notifications").click()
    expect(box).to_be_checked()
    second.close()


def test_after_an_absence_there_is_one_notice(priya: Page, tom: Page, product: Product, customers: Customers) -> None:
    priya.goto(f"{product.web}/account/")
    priya.get_by_role("button", name="Away", exact=True).last.click()
    for _ in range(4):
        give_to_priya(tom, product, customers)
    expect(bell(priya)).to_have_accessible_name("Notifications, 4 unread", timeout=SOON)
    expect(priya.locator(".toast")).to_have_count(0)
    priya.get_by_role("button", name="Available", exact=True).last.click()
    expect(toast(priya, "4 new notifications")).to_be_visible(timeout=SOON)
    expect(priya.locator(".toast")).to_have_count(1)
    toast(priya, "4 new notifications").get_by_role("link", name="Show").click()
    priya.wait_for_url(f"{product.web}/notifications/")
    expect(priya.locator(".notice-unread")).to_have_count(4)


def test_nothing_is_told_of_the_conversation_one_looks_at(
    priya: Page, tom: Page, product: Product, customers: Customers
) -> None:
    phone = give_to_priya(tom, product, customers)
    expect(bell(priya)).to_have_accessible_name("Notifications, 1 unread", timeout=SOON)
    priya.goto(f"{product.web}/notifications/")
    priya.locator(".notice-link").first.click()
    expect(priya.get_by_role("log")).to_be_visible()
    priya.bring_to_front()
    customers.write("One more thing", phone)
    expect(priya.get_by_role("log").get_by_text("One more thing")).to_be_visible(timeout=SOON)
    expect(bell(priya)).to_have_accessible_name("Notifications")
    expect(toast(priya, "wrote to you")).to_have_count(0)


def test_preferences_and_notifications_work_without_a_script(
    product: Product, chromium: Browser, complaints: Complaints, tom: Page, customers: Customers
) -> None:
    window = chromium.new_context(java_script_enabled=False)
    page = open_page(window, complaints)
    come_back(page, product)
    give_to_priya(tom, product, customers)
    page.goto(f"{product.web}/account/")
    bell(page).click()
    page.wait_for_url(f"{product.web}/notifications/")
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.locator(".notice-unread")).to_have_count(0)
    page.get_by_role("link", name="Notification settings").click()
    for name, words in (("Single-key shortcuts", "Single-key shortcuts are off"), ("Single-key", "are on")):
        page.get_by_role("region", name="Keyboard").get_by_role("button", name=name).click()
        expect(page.get_by_text(words)).to_be_visible()
    page.get_by_role("region", name="Look").get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto(f"{product.web}/account/")
    page.get_by_role("region", name="Look").get_by_role("button", name="As the device").click()
    window.close()


def test_single_keys_do_nothing_once_they_are_turned_off(priya: Page, product: Product) -> None:
    def turn(words: str) -> None:
        priya.goto(f"{product.web}/account/")
        priya.get_by_role("region", name="Keyboard").get_by_role("button", name="Single-key shortcuts").click()
        expect(toast(priya, f"Single-key shortcuts are {words}")).to_be_visible()
        priya.wait_for_load_state()  # the words come before the scripts that listen to keys

    turn("off")
    priya.keyboard.press("?")
    priya.keyboard.press("Control+k")  # combinations stay; by the time it opens the other key would have
    expect(priya.locator("dialog[open] input")).to_be_focused()
    expect(priya.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()
    turn("on")
    priya.keyboard.press("?")
    expect(priya.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


@pytest.mark.parametrize("widths", [(1440,), (390, 320)], ids=["desk", "phone"])
def test_nobody_is_shut_out_and_nothing_is_cut_off(
    product: Product, chromium: Browser, complaints: Complaints, widths: tuple[int, ...]
) -> None:
    window = chromium.new_context(viewport={"width": widths[0], "height": 844}, has_touch=widths[0] < 500)
    page = open_page(window, complaints)
    come_back(page, product)
    for address in ("/notifications/", "/account/", "/keys/"):
        page.goto(product.web + address)
        for width in widths:
            page.set_viewport_size({"width": width, "height": 844})
            assert barriers_in_both_schemes(page) == [], (address, width)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (address, width)
            assert page.evaluate("document.querySelector('.page').scrollWidth <= innerWidth"), (address, width)
    for width in widths:
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(f"{product.web}/")
        page.locator(".bell:visible").click()
        expect(page.get_by_role("dialog", name="Notifications")).to_be_visible()
        assert barriers_in_both_schemes(page) == [], width
    window.close()
