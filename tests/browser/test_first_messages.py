"""The first message to somebody, and WhatsApp's templates: found, filled in, and taken back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.accessibility import barriers
from tests.browser.conftest import Product, set_time_to_undo
from tests.browser.test_main_job import ROSA, write_text

pytestmark = pytest.mark.browser


def test_the_best_stream_is_chosen_until_somebody_chooses(agent: Page, product: Product) -> None:
    number = "+447700900490"
    write_text(agent, product, to=number, stream="Service texts", text="Good morning.")
    agent.goto(f"{product.web}/new/")
    chosen = agent.locator(".stream-choice:has(input:checked)")
    expect(chosen).to_contain_text("FERNHILL")
    agent.get_by_label("To", exact=True).press_sequentially(number)
    expect(chosen).to_contain_text("They talk to us here")
    expect(chosen).to_contain_text("Service texts")
    agent.get_by_label(re.compile("US support line")).check()
    agent.get_by_label("To", exact=True).fill(number[:-1])
    expect(agent.locator("#recipient")).to_contain_text("short")
    expect(chosen).to_contain_text("US support line")


def test_a_template_is_found_while_its_words_are_typed(agent: Page, product: Product) -> None:
    agent.goto(f"{product.web}/new/")
    agent.get_by_label("To", exact=True).fill(ROSA)  # who has agreed to WhatsApp
    agent.get_by_label(re.compile("Fernhill Care")).check()
    agent.get_by_role("button", name="Choose a template").click()
    choices = agent.locator(".picker-choice")
    expect(choices.nth(3)).to_be_visible()
    agent.get_by_label("Search name or wording").press_sequentially("engineer visit")
    expect(choices).to_have_count(2)
    agent.get_by_label("Language").select_option(label="Arabic")
    expect(choices).to_have_count(1)
    choices.first.click()
    expect(agent.get_by_role("heading", name="engineer_visit")).to_be_visible()
    expect(choices).to_have_count(1)
    expect(agent.get_by_label("Language")).to_have_value("ar")
    assert barriers(agent) == []


def test_a_template_is_taken_back_with_its_values(agent: Page, product: Product) -> None:
    set_time_to_undo(agent, product, 30)
    agent.goto(f"{product.web}/new/")
    agent.get_by_label("To", exact=True).fill(ROSA)
    agent.get_by_label(re.compile("Fernhill Care")).check()
    agent.get_by_role("button", name="Choose a template").click()
    agent.get_by_role("link", name=re.compile("engineer_visit.*English")).click()
    fields = agent.locator("#template-form input[type=text]:visible")
    for number, value in enumerate(("Rosa", "Friday", "08:00", "12:00")):
        fields.nth(number).fill(value)
    agent.get_by_role("button", name=re.compile("^Send template")).click()
    agent.wait_for_url(re.compile(r"/c/\d+/"))
    agent.locator("undo-bar").get_by_role("button", name="Undo").click()
    agent.wait_for_url(re.compile("/template/"))
    expect(agent.get_by_text("Not sent. The template is filled in again.")).to_be_visible()
    assert [field.input_value() for field in fields.all()] == ["Rosa", "Friday", "08:00", "12:00"]
    agent.get_by_role("link", name="Cancel").click()
    expect(agent.get_by_text("Not sent, undone by Priya Nair").last).to_be_visible()
