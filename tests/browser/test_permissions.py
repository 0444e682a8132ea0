"""Permission to write, as people see it: STOP and START from a phone, a question, and an opt-in for WhatsApp."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Product
from tests.browser.test_main_job import answer_on_phone, see_on_phone, write_text

pytestmark = pytest.mark.browser

LEE = "+447700900651"
NIA = "+447700900652"
TEXTS = "Service texts"


def test_stop_start_and_what_comes_near(agent: Page, handset: Page, product: Product) -> None:
    """Scenario 8: the customer stops, starts again, and then says something that is nearly a stop."""
    write_text(agent, product, to=LEE, stream=TEXTS, text="Your router is on its way.")
    expect(agent.get_by_role("log")).to_contain_text(re.compile("Accepted by|Sent|Delivered"))
    see_on_phone(handset, product, phone=LEE, stream=TEXTS, text="Your router is on its way.", channel="sms")
    gate = agent.get_by_text("You can't text this number")

    answer_on_phone(handset, channel="sms", text="stop")
    expect(gate).to_be_visible()
    expect(agent.get_by_role("log")).to_contain_text("opted out")
    expect(handset.locator("#screen-sms")).to_contain_text("you are unsubscribed")

    answer_on_phone(handset, channel="sms", text="START")
    expect(gate).to_be_hidden()
    expect(handset.locator("#screen-sms")).to_contain_text("you are subscribed again")

    answer_on_phone(handset, channel="sms", text="Stop. Thank you")
    question = agent.get_by_role("region", name="A question about")
    expect(question).to_contain_text("may be asking us to stop")
    expect(gate).to_be_hidden()
    agent.get_by_role("log").focus()
    agent.keyboard.press("Shift+Y")
    expect(gate).to_be_visible()
    expect(question).to_be_hidden()
    expect(agent.locator("#panel")).to_contain_text("opted out")

    agent.goto(f"{product.web}/permissions/?q={LEE.lstrip('+')}")
    rows = agent.locator(".ledger-table tbody tr")
    expect(rows).to_have_count(3)
    rows.first.get_by_role("link").first.click()
    expect(agent.get_by_role("heading", level=1)).to_contain_text("opted out")
    expect(agent.get_by_role("region", name="The decision")).to_contain_text("Stop. Thank you")


def test_whatsapp_needs_an_opt_in_that_names_the_business(agent: Page, product: Product) -> None:
    """Scenario 9: no template without an opt-in; with it, and its checklist, there is one to send."""
    agent.goto(f"{product.web}/new/?to={NIA.replace('+', '%2B')}")
    agent.get_by_role("button", name=re.compile("Record permission|permission", re.IGNORECASE)).first.click()
    agent.wait_for_url(re.compile(r"/c/\d+/"))
    expect(agent.get_by_text("No WhatsApp permission on record")).to_be_visible()

    form = agent.locator("#record-permission")
    if form.get_attribute("open") is None:
        form.locator("summary").click()
    form.get_by_label("Words the customer agreed to").fill("Fernhill Broadband may send me messages about my service.")
    form.get_by_label("Proof", exact=True).fill("Call of today")
    for rule in ("did something to agree", "name the business", "what kind of messages"):
        form.get_by_label(re.compile(rule)).check()
    form.get_by_role("button", name="Record decision").click()
    expect(agent.locator("#panel")).to_contain_text("opted in")
    expect(agent.get_by_text("Suggested template")).to_be_visible()
