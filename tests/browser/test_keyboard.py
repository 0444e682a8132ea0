"""A shift without a mouse: the keys stay where they were, whatever the page exchanges meanwhile."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.composing import new_conversation
from tests.browser.conftest import Product

pytestmark = pytest.mark.browser

REFRESHED = "document.dispatchEvent(new CustomEvent('parley:refresh'))"


def refresh(page: Page) -> None:
    """As when the event stream says that something has changed."""
    with page.expect_response(lambda answer: "/inbox/updates/" in answer.url):
        page.evaluate(REFRESHED)
    page.wait_for_timeout(300)


def test_the_focus_survives_what_the_page_exchanges(agent: Page, product: Product) -> None:
    new_conversation(agent, product)
    view = agent.locator("#views a").filter(has_text="All open")
    view.focus()
    agent.evaluate("document.querySelector('#views .view-count').textContent = '0 of 0'")  # as when a count changes
    refresh(agent)
    expect(view).to_be_focused()
    edit = agent.get_by_role("link", name="Edit contact")
    edit.focus()
    agent.evaluate("document.querySelector('#panel .panel-heading').append(' ')")
    refresh(agent)
    expect(edit).to_be_focused()


def test_escape_leads_back_to_what_opened_a_dialog_though_it_was_exchanged(agent: Page, product: Product) -> None:
    new_conversation(agent, product)
    agent.locator("#timeline").focus()
    for key, name, opener in (
        ("a", "Assign to", ".assign-button"),
        ("h", "Snooze", "#thread-menu summary"),
        ("l", "Tags", "#panel .panel-add"),
    ):
        agent.keyboard.press(key)
        dialog = agent.get_by_role("dialog", name=name)
        expect(dialog).to_be_visible()
        agent.evaluate("document.querySelector('#thread-header .thread-name').append(' ')")
        refresh(agent)
        agent.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        assert agent.evaluate(f"document.activeElement.matches({opener!r})") or name == "Tags"
        assert agent.evaluate("document.activeElement !== document.body")


def test_a_template_is_chosen_and_left_by_keys_alone(agent: Page, product: Product) -> None:
    agent.goto(f"{product.web}/?view=all&channel=whatsapp")
    agent.locator(".conversation-row").filter(has_text="Nia Edwards").first.click()
    expect(agent.locator("#composer-body")).to_be_visible()
    agent.locator("#timeline").focus()
    agent.keyboard.press("t")
    picker = agent.locator("#picker-dialog")
    expect(picker.get_by_label("Search name or wording")).to_be_focused()
    picker.get_by_role("link", name="engineer_visit").first.focus()
    agent.keyboard.press("Enter")
    first = picker.get_by_label("First name")
    expect(first).to_be_focused()

    # Escape leaves the field, and then no letter reaches the page behind; once more closes.
    agent.keyboard.press("Escape")
    expect(first).not_to_be_focused()
    agent.keyboard.press("a")
    agent.keyboard.press("n")
    expect(agent.get_by_role("dialog", name="Assign to")).to_have_count(0)
    expect(agent.locator("#mode-remark")).not_to_be_checked()
    agent.keyboard.press("Escape")
    expect(picker).to_have_count(0)


def test_the_top_of_the_page_stays_in_its_place_with_many_streams(agent: Page, product: Product) -> None:
    agent.goto(f"{product.web}/?view=all")
    agent.set_viewport_size({"width": 1440, "height": 420})  # as with more streams than fit into the pane
    assert agent.evaluate("document.documentElement.scrollHeight - innerHeight") <= 0
    agent.locator(".conversation-row").last.click()
    expect(agent.locator("#timeline")).to_be_visible()
    assert agent.evaluate("scrollY") == 0
    assert agent.evaluate("document.querySelector('.top-bar').getBoundingClientRect().top") == 0
