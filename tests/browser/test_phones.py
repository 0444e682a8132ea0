"""On a phone: lines that must stay one line, and numbers that keep their words where a table becomes cards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from tests.browser.composing import REPLY, new_conversation
from tests.browser.conftest import Complaints, Product
from tests.browser.customers import british
from tests.browser.test_campaigns import make, write
from tests.browser.test_scenarios import somebody

pytestmark = pytest.mark.browser

PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture
def tom(product: Product, chromium: Browser, complaints: Complaints) -> Iterator[Page]:
    yield from somebody(product, chromium, complaints, "tom")


def heights(parts: Locator) -> list[float]:
    """How far down each of these stands."""
    return parts.evaluate_all("parts => parts.map((part) => Math.round(part.getBoundingClientRect().top))")


def test_the_meter_has_one_line(agent: Page, product: Product) -> None:
    agent.set_viewport_size(PHONE)
    new_conversation(agent, product)
    agent.locator(REPLY).fill("x" * 170)
    meter = agent.locator("#composer-meter .meter")
    expect(meter).to_contain_text("2 segments · GSM-7")
    expect(meter).to_contain_text("about")
    assert len(set(heights(meter.locator("> span")))) == 1
    expect(meter.get_by_text("in segment 2")).to_be_hidden()
    agent.set_viewport_size({"width": 1440, "height": 900})
    expect(meter.get_by_text("in segment 2")).to_be_visible()
    agent.locator(REPLY).fill("")


def test_the_floor_says_what_each_number_of_a_person_is(tom: Page, product: Product) -> None:
    tom.set_viewport_size(PHONE)
    tom.goto(f"{product.web}/floor/")
    person = tom.locator("tr").filter(has_text="Priya Nair")
    for word in ("Open", "Waiting", "Longest"):
        expect(person.get_by_text(word, exact=True)).to_be_visible()


def test_the_foot_of_a_campaigns_steps_has_one_line(tom: Page, product: Product) -> None:
    make(tom, product, name="On a phone", rows=["phone,name", *(f"{british()},Ines" for _ in range(3))])
    write(tom, "The works are over.")
    tom.set_viewport_size(PHONE)
    tom.get_by_role("button", name="Continue to the check").click()
    expect(tom.get_by_role("button", name="Send to 3 people")).to_be_visible()
    assert len(set(heights(tom.locator(".campaign-foot .button")))) == 1
