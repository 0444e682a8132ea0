"""Signing in with a phone, as somebody does who has never done it: nothing shuts anybody out on the way."""

from __future__ import annotations

import re

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.accessibility import barriers_in_both_schemes
from tests.browser.conftest import PASSWORD, Complaints, Product, open_page, sign_in

pytestmark = pytest.mark.browser


def look(page: Page) -> list[str]:
    """What is wrong with the page in both schemes, on a desk and on a phone."""
    faults = barriers_in_both_schemes(page)
    for width in (320, 390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        if (wider := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
            faults.append(f"{width} px: wider by {wider}")
    return faults


def test_an_app_is_set_up_and_asked_for_and_taken_away(
    product: Product, chromium: Browser, complaints: Complaints
) -> None:
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = open_page(window, complaints)
    sign_in(page, product, "sam")
    page.goto(f"{product.web}/account/")
    page.get_by_role("link", name="Second step of sign-in").click()
    page.get_by_text("Type the key instead").click()
    app = pyotp.TOTP(page.locator("#second-factor-key").inner_text().replace(" ", ""))
    assert look(page) == []
    page.get_by_label("Code").fill(app.now())
    page.get_by_role("button", name="Ask for a code from now on").click()
    codes = page.locator(".recovery-codes li")
    expect(codes).to_have_count(10)
    recovery = codes.first.inner_text()
    assert look(page) == []
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("10 recovery codes left")).to_be_visible()
    assert look(page) == []
    window.close()

    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = open_page(window, complaints)
    page.goto(f"{product.web}/contacts/")
    page.get_by_label("Work e-mail").fill("sam@fernhill.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    code = page.get_by_label("Code")
    expect(code).to_be_focused()
    assert look(page) == []
    page.goto(f"{product.web}/contacts/")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()  # the password alone opened nothing
    page.goto(f"{product.web}/sign-in/code/")
    code.fill("not it")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("That code is not right.")).to_be_visible()
    complaints.lines[:] = [line for line in complaints.lines if "422" not in line]
    code.fill(recovery)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/contacts/"))

    page.goto(f"{product.web}/account/second-factor/")
    expect(page.get_by_text("9 recovery codes left")).to_be_visible()
    gone = page.get_by_role("form", name="Ask for no code any more")
    gone.get_by_label("Password").fill(PASSWORD)
    gone.get_by_role("button", name="Take it away").click()
    expect(page.get_by_text("A stolen password is not enough")).to_be_visible()
    window.close()
