"""Reading a long conversation: what is older comes by itself, what is new does not move the reader's place."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Product
from tests.browser.customers import Customers, british
from tests.browser.sandbox import Sandbox
from tests.browser.test_inbox import ALL, SOON, row

pytestmark = pytest.mark.browser

ON_A_PAGE = 40
WRITTEN = ON_A_PAGE + 5


def top(message: Locator) -> float:
    """How far down a message stands."""
    box = message.bounding_box()
    assert box is not None
    return box["y"]


def test_a_reader_keeps_their_place_while_messages_come_above_and_below(agent: Page, product: Product) -> None:
    customers, phone, mark = Customers(Sandbox(product)), british(), uuid.uuid4().hex[:6]
    for number in range(WRITTEN):
        customers.write(f"Line {number} {mark}", phone)
    agent.goto(product.web + ALL)
    expect(row(agent, mark).locator(".count")).to_contain_text(str(WRITTEN), timeout=SOON)
    row(agent, mark).locator(".conversation-row").click()
    messages = agent.locator("#timeline > .message")
    expect(messages.filter(has_text=mark)).to_have_count(ON_A_PAGE)

    oldest = agent.locator(f"#{messages.first.get_attribute('id')}")
    agent.locator("#timeline").evaluate("(log) => { log.scrollTop = 0; }")
    before = top(oldest)
    expect(messages).to_have_count(WRITTEN)
    assert top(oldest) == pytest.approx(before, abs=1)
    expect(agent.get_by_role("link", name="Newest messages")).to_have_count(0)

    # The server sends no more than so many of the messages on the screen: here, fewer still.
    latest = messages.nth(WRITTEN - 5).get_attribute("data-message")
    agent.route(
        re.compile("/inbox/updates/"),
        lambda route: route.continue_(url=re.sub(r"since=\d+", f"since={latest}", route.request.url)),
    )
    customers.write(f"And now? {mark}", phone)
    new = agent.get_by_role("button", name="1 new message", exact=True)
    expect(new).to_be_visible(timeout=SOON)
    expect(messages).to_have_count(WRITTEN + 1)
    assert top(oldest) == pytest.approx(before, abs=1)
    expect(row(agent, mark).locator(".count")).to_contain_text("1")

    new.click()
    expect(agent.get_by_role("log").get_by_text(f"And now? {mark}")).to_be_in_viewport()
    expect(new).to_have_count(0)
    expect(row(agent, mark).locator(".count")).to_have_count(0)
