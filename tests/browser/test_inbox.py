"""The inbox as agents work in it: by keyboard, many at once, beside colleagues, without a connection or a script."""

from __future__ import annotations

import re
import time
import uuid

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.accessibility import barriers_in_both_schemes
from tests.browser.conftest import Complaints, Product, come_back, open_page
from tests.browser.customers import Customers
from tests.browser.sandbox import Sandbox

pytestmark = pytest.mark.browser

UNASSIGNED, MINE, ALL = "/?view=unassigned&sort=newest", "/?sort=newest", "/?view=all&sort=newest"
SOON = 30_000


@pytest.fixture
def customers(product: Product) -> Customers:
    return Customers(Sandbox(product))


def row(page: Page, text: str) -> Locator:
    """The row whose last message that is."""
    return page.locator(".row-item").filter(has_text=text)


def link(page: Page, text: str) -> Locator:
    return row(page, text).locator(".conversation-row")


def three_texts(page: Page, product: Product, customers: Customers, *, follows: bool = True) -> list[str]:
    """Three customers have written, one after the other; their texts are the first rows of the list.

    A list that does not follow by itself, in a browser without scripts, is asked for again.
    """
    until = time.monotonic() + SOON / 1000
    mark = uuid.uuid4().hex[:6]
    texts = [f"{word} {mark}" for word in ("First", "Second", "Third")]
    for text in texts:
        customers.write(text)
        page.goto(product.web + ALL)
        while not follows and row(page, text).count() == 0 and time.monotonic() < until:
            page.reload()
        expect(row(page, text)).to_be_visible(timeout=SOON)
    return texts


def toast(page: Page, text: str) -> Locator:
    return page.locator(".toast").filter(has_text=text)


def leave_the_list(page: Page) -> None:
    """Take the pointer and the keys away from the list, so that it may move."""
    page.mouse.move(1000, 400)
    page.evaluate("document.activeElement.blur()")


def test_a_conversation_from_the_list_to_resolved_by_keyboard_alone(
    agent: Page, product: Product, customers: Customers
) -> None:
    texts = three_texts(agent, product, customers)
    newest = agent.locator(".conversation-row").first
    agent.keyboard.press("j")
    expect(newest).to_be_focused()
    expect(newest).to_have_attribute("aria-current", "true")
    opened = agent.locator("#pane").get_attribute("data-conversation")
    agent.keyboard.press("j")
    expect(agent.locator("#pane")).not_to_have_attribute("data-conversation", opened or "")
    expect(agent.locator(".conversation-row").nth(1)).to_be_focused()
    agent.keyboard.press("k")
    expect(agent.locator("#pane")).to_have_attribute("data-conversation", opened or "")

    agent.keyboard.press("Shift+A")
    expect(toast(agent, "This conversation is yours")).to_be_visible()
    agent.keyboard.press("r")
    agent.keyboard.type("You are right. It is on its way.")
    agent.keyboard.press("Control+Enter")
    expect(agent.get_by_role("log").get_by_text("It is on its way.")).to_be_visible()
    agent.keyboard.press("Escape")
    agent.keyboard.press("l")
    expect(agent.get_by_role("dialog", name="Tags")).to_be_visible()
    agent.keyboard.press("Escape")
    expect(agent.get_by_role("dialog", name="Tags")).to_be_hidden()
    agent.keyboard.press("e")
    expect(toast(agent, "Conversation resolved")).to_be_visible()
    # The next one is open, and what was resolved can be taken back.
    expect(agent.locator("#pane")).not_to_have_attribute("data-conversation", opened or "")
    expect(row(agent, texts[2])).to_have_count(0)
    agent.keyboard.press("z")
    expect(toast(agent, "Undone")).to_be_visible()


def test_what_was_pressed_is_answered_though_the_page_learns_of_it_first(
    agent: Page, product: Product, customers: Customers
) -> None:
    texts = three_texts(agent, product, customers)
    row(agent, texts[2]).click()
    agent.get_by_role("region", name="Conversation with").get_by_role("button", name=re.compile("^Resolve")).wait_for()

    def answer_late(route: Route) -> None:
        answer = route.fetch()
        time.sleep(2)  # meanwhile the event of what it did has come
        route.fulfill(response=answer)

    agent.route(re.compile("/resolve/"), answer_late)
    agent.keyboard.press("e")
    expect(toast(agent, "Conversation resolved")).to_be_visible()
    expect(row(agent, texts[2])).to_have_count(0)


def test_f6_goes_round_the_panes_and_lands_on_what_is_seen(agent: Page, product: Product, customers: Customers) -> None:
    text = f"Is anybody there? {uuid.uuid4().hex[:6]}"
    customers.write(text)
    agent.goto(product.web + ALL)
    expect(row(agent, text)).to_be_visible(timeout=SOON)
    row(agent, text).click()
    expect(agent.locator("#composer-body")).to_be_visible()
    link(agent, text).focus()
    for place in (
        "#timeline",
        "#composer-body",
        "#panel .contact-link",
        "#views [aria-current]",
        "#list-rows [aria-current]",
    ):
        agent.keyboard.press("F6")
        expect(agent.locator(place).first).to_be_focused()


def test_selected_conversations_are_resolved_at_once_and_come_back_by_undo(
    agent: Page, product: Product, customers: Customers
) -> None:
    texts = three_texts(agent, product, customers)
    link(agent, texts[2]).focus()
    agent.keyboard.press("x")
    agent.keyboard.press("Shift+J")
    agent.keyboard.press("Shift+J")
    bar = agent.get_by_role("form", name="Selected conversations")
    expect(bar.get_by_text("3 selected")).to_be_visible()
    bar.get_by_role("button", name="Resolve").click()
    expect(toast(agent, "3 resolved")).to_be_visible()
    for text in texts:
        expect(row(agent, text)).to_have_count(0)
    expect(bar).to_be_hidden()
    toast(agent, "3 resolved").get_by_role("button", name="Undo").click()
    expect(toast(agent, "3 as before")).to_be_visible()
    for text in texts:
        expect(row(agent, text)).to_be_visible()


def test_a_conversation_opens_although_its_row_is_exchanged_meanwhile(
    agent: Page, product: Product, customers: Customers
) -> None:
    mark = uuid.uuid4().hex[:8]
    phone = customers.write(f"Hello {mark}")
    agent.goto(product.web + ALL)
    expect(row(agent, mark)).to_be_visible(timeout=SOON)

    def slowly(route: Route) -> None:
        answer = route.fetch()
        customers.write(f"Are you there? {mark}", phone)
        time.sleep(4)  # long enough for the list to hear of it
        route.fulfill(response=answer)

    agent.route(re.compile(r"/c/\d+/\?"), slowly)
    link(agent, mark).click()
    expect(agent.get_by_role("log").get_by_text(f"Hello {mark}")).to_be_visible()
    expect(agent).to_have_url(re.compile(r"/c/\d+/"))
    expect(row(agent, f"Are you there? {mark}").locator("[aria-current]")).to_be_visible()
    expect(agent.locator("#pane")).to_have_count(1)


def test_rows_are_selected_by_pointer_with_a_range(agent: Page, product: Product, customers: Customers) -> None:
    texts = three_texts(agent, product, customers)
    row(agent, texts[2]).get_by_role("checkbox").check()
    row(agent, texts[0]).get_by_role("checkbox").click(modifiers=["Shift"])
    expect(agent.get_by_text("3 selected")).to_be_visible()
    agent.get_by_role("button", name="Assign", exact=True).click()
    dialog = agent.get_by_role("dialog", name="Assign 3 to")
    dialog.get_by_role("searchbox").fill("tom")
    agent.keyboard.press("Enter")
    expect(toast(agent, "3 assigned to Tom Okafor")).to_be_visible()
    expect(row(agent, texts[0]).get_by_text("With Tom Okafor")).to_be_attached()
    agent.keyboard.press("z")
    expect(toast(agent, "3 as before")).to_be_visible()


def test_what_is_snoozed_comes_back_when_the_customer_writes(
    agent: Page, product: Product, customers: Customers
) -> None:
    mark = uuid.uuid4().hex[:8]
    phone = customers.write(f"Call me next week {mark}")
    agent.goto(product.web + ALL)
    expect(row(agent, mark)).to_be_visible(timeout=SOON)
    link(agent, mark).click()
    expect(agent.get_by_role("log").get_by_text(mark)).to_be_visible()
    agent.keyboard.press("h")
    dialog = agent.get_by_role("dialog", name="Snooze until")
    expect(dialog).to_be_visible()
    agent.keyboard.press("ArrowDown")
    dialog.get_by_role("button", name="Tomorrow").press("Enter")
    expect(toast(agent, "Snoozed until")).to_be_visible()
    expect(row(agent, mark)).to_have_count(0)
    agent.goto(product.web + "/?view=all&status=snoozed")
    expect(row(agent, mark).get_by_text("Until")).to_be_visible()

    agent.goto(product.web + ALL)
    leave_the_list(agent)
    customers.write(f"No, today please {mark}", phone)
    expect(row(agent, "No, today please").filter(has_text=mark)).to_be_visible(timeout=SOON)


def test_rows_stay_where_they_are_while_somebody_points_at_them(
    agent: Page, product: Product, customers: Customers
) -> None:
    texts = three_texts(agent, product, customers)
    third = link(agent, texts[1])
    third.hover()
    before = third.bounding_box()
    mark = uuid.uuid4().hex[:8]
    customers.write(f"Me too {mark}")
    pill = agent.get_by_role("button", name=re.compile("^[0-9]+ new$"))
    expect(pill).to_be_visible(timeout=SOON)
    assert third.bounding_box() == before
    expect(row(agent, mark)).to_have_count(0)
    pill.click()
    expect(agent.locator(".row-item").first).to_contain_text(mark)
    expect(pill).to_have_count(0)


def test_what_a_colleague_resolves_fades_in_place(
    agent: Page, colleague: Page, product: Product, customers: Customers
) -> None:
    texts = three_texts(agent, product, customers)
    colleague.goto(product.web + ALL)
    link(colleague, texts[1]).click()
    expect(colleague.get_by_role("log").get_by_text(texts[1])).to_be_visible()
    link(agent, texts[0]).hover()
    before = link(agent, texts[0]).bounding_box()
    colleague.get_by_role("button", name="Resolve", exact=True).click()
    gone = row(agent, texts[1])
    expect(gone).to_have_class(re.compile("row-gone"))
    expect(link(agent, texts[1])).to_have_attribute("aria-description", "No longer in this list")
    assert link(agent, texts[0]).bounding_box() == before
    colleague.locator(".toast-undo").click()
    expect(gone).not_to_have_class(re.compile("row-gone"))
    expect(link(agent, texts[1])).not_to_have_attribute("aria-description", re.compile("."))
    link(colleague, texts[1]).click()
    expect(colleague.get_by_role("log").get_by_text(texts[1])).to_be_visible()
    colleague.get_by_role("button", name="Resolve", exact=True).click()
    expect(gone).to_have_class(re.compile("row-gone"))
    leave_the_list(agent)
    expect(row(agent, texts[1])).to_have_count(0)


def test_colleagues_see_who_is_here_and_who_types(
    agent: Page, colleague: Page, product: Product, customers: Customers
) -> None:
    mark = uuid.uuid4().hex[:8]
    customers.write(f"Who answers? {mark}")
    agent.goto(product.web + ALL)
    expect(row(agent, mark)).to_be_visible(timeout=SOON)
    link(agent, mark).click()
    expect(agent.get_by_role("log").get_by_text(mark)).to_be_visible()
    colleague.goto(agent.url)
    header = agent.locator("#thread-presence")
    expect(header).to_contain_text("Tom", timeout=SOON)
    expect(row(agent, mark).locator(".row-presence")).to_contain_text("Tom Okafor is viewing this")
    reply, until = colleague.get_by_label(re.compile("^Reply to")), time.monotonic() + SOON / 1000
    while "is typing" not in header.inner_text() and time.monotonic() < until:
        reply.press_sequentially("I am on it. ")
    expect(header).to_contain_text("is typing")
    colleague.goto(f"{product.web}/account/")
    expect(header).to_be_empty(timeout=SOON)


def test_of_two_who_take_the_same_one_is_told(
    agent: Page, colleague: Page, product: Product, customers: Customers, complaints: Complaints
) -> None:
    mark = uuid.uuid4().hex[:8]
    customers.write(f"Anybody? {mark}")
    for page in (agent, colleague):
        page.goto(product.web + ALL)
        expect(row(page, mark)).to_be_visible(timeout=SOON)
        link(page, mark).click()
        expect(page.get_by_role("button", name="Take")).to_be_visible()
    for page in (agent, colleague):
        page.get_by_role("button", name="Take").dispatch_event("click", timeout=SOON)
    told = [page.locator(".toast").first.inner_text() for page in (agent, colleague)]
    assert sum("This conversation is yours" in text for text in told) == 1
    assert sum(bool(re.search("Taken by (Priya Nair|Tom Okafor) just now", text)) for text in told) == 1
    complaints.lines = [line for line in complaints.lines if "422" not in line]


def test_the_list_stays_readable_without_a_connection(agent: Page, complaints: Complaints) -> None:
    agent.context.set_offline(True)
    bar = agent.get_by_text("You are offline. The list is as it was")
    expect(bar).to_be_visible()
    expect(agent.locator(".conversation-row").first).to_be_visible()
    agent.context.set_offline(False)
    expect(bar).to_have_count(0)
    expect(toast(agent, "Back online.")).to_be_visible()
    complaints.lines = [line for line in complaints.lines if "INTERNET_DISCONNECTED" not in line]


def test_selected_conversations_are_handled_without_a_script(
    product: Product, chromium: Browser, customers: Customers, complaints: Complaints
) -> None:
    window = chromium.new_context(java_script_enabled=False)
    page = open_page(window, complaints)
    come_back(page, product)
    texts = three_texts(page, product, customers, follows=False)
    for text in texts[:2]:
        row(page, text).get_by_role("checkbox").check()
    page.get_by_role("button", name="Snooze").click()
    page.get_by_role("button", name="The customer replies").click()
    page.get_by_text("2 snoozed until the customer replies").wait_for()
    expect(row(page, texts[0])).to_have_count(0)
    expect(row(page, texts[2])).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("2 as before").wait_for()
    page.goto(product.web + ALL)
    expect(row(page, texts[0])).to_be_visible()
    window.close()


PAGES = (
    "/",
    "/?view=unassigned",
    "/?view=all&status=resolved",
    "/?view=drafts",
    "/?view=all&unread=1",
    "/inbox/filter/",
)


def test_nothing_in_the_inbox_shuts_anybody_out(agent: Page, product: Product, customers: Customers) -> None:
    page = agent
    three_texts(page, product, customers)
    conversation = page.locator(".conversation-row").first.get_attribute("href") or ""
    pk = re.search(r"/c/(\d+)/", conversation)
    assert pk is not None
    handled = [f"/c/{pk[1]}/{part}/" for part in ("assign", "snooze", "tags", "transcript")]
    for address in (*PAGES, conversation, *handled):
        page.goto(product.web + address)
        assert barriers_in_both_schemes(page) == [], address
    page.goto(product.web + conversation)
    page.keyboard.press("a")
    expect(page.get_by_role("dialog", name="Assign to")).to_be_visible()
    assert barriers_in_both_schemes(page) == []


@pytest.mark.parametrize("widths", [(1440, 1024), (390, 320)], ids=["desk", "phone"])
def test_no_page_of_the_inbox_is_wider_than_its_window(
    product: Product, chromium: Browser, complaints: Complaints, customers: Customers, widths: tuple[int, int]
) -> None:
    window = chromium.new_context(viewport={"width": widths[0], "height": 800}, has_touch=widths[0] < 500)
    page = open_page(window, complaints)
    come_back(page, product)
    three_texts(page, product, customers)
    conversation = page.locator(".conversation-row").first.get_attribute("href") or ""
    for address in (*PAGES, conversation, conversation.replace("?", "transcript/?")):
        page.goto(product.web + address)
        for width in widths:
            page.set_viewport_size({"width": width, "height": 800})
            _nothing_is_cut_off(page, f"{address} at {width} px")
    window.close()


def _nothing_is_cut_off(page: Page, address: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    wide = page.evaluate(
        """() => [...document.querySelectorAll(".list, .list-header, .list-rows, .thread-header, .bulk-bar, .page")]
            .filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1)
            .map((one) => `${one.className} ${one.scrollWidth} ${one.clientWidth}`)"""
    )
    assert wide == [], address


def test_a_compact_list_has_lower_rows(agent: Page, product: Product) -> None:
    agent.goto(product.web + ALL)
    first = agent.locator(".conversation-row").first
    tall = (first.bounding_box() or {})["height"]
    agent.locator(".user-button").click()
    agent.get_by_role("button", name="Compact lists").click()
    agent.wait_for_load_state()
    assert (first.bounding_box() or {})["height"] < tall
    agent.locator(".user-button").click()
    agent.get_by_role("button", name="Compact lists").click()
    agent.wait_for_load_state()
    assert (first.bounding_box() or {})["height"] == tall
