"""What tests of the composer share: a conversation to write in, its two texts, and keys."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Product
from tests.browser.customers import british

REPLY, REMARK = "#composer-body", "#composer-remark"


def new_conversation(page: Page, product: Product) -> str:
    """A text to a number that nobody has written to: the address of its conversation."""
    page.goto(f"{product.web}/new/")
    page.get_by_label("To", exact=True).fill(british())
    page.get_by_label(re.compile("Service texts")).check()
    page.get_by_role("textbox", name="Message").fill("Good morning from Fernhill.")
    page.get_by_role("button", name=re.compile("^Send")).click()
    page.wait_for_url(re.compile(r"/c/\d+/"))
    expect(page.get_by_role("log").get_by_text("Good morning from Fernhill.")).to_be_visible()
    return page.url.partition("#")[0]


def type_text(page: Page, text: str, field: str = REPLY) -> None:
    """As keys, so that everything that listens to keys does."""
    page.locator(field).click()
    page.locator(field).press_sequentially(text)


def expect_notes(complaints: Complaints, pattern: str) -> None:
    """Chromium notes refusals and lost connections by itself, htmx too; the page must log nothing more."""
    assert [line for line in complaints.lines if not re.search(pattern, line)] == []
    complaints.lines.clear()
