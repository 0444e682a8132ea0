"""Search, the command palette and contacts in a real browser: by keyboard, without a script, and open to everybody."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from urllib.parse import quote_plus

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.accessibility import barriers_in_both_schemes
from tests.browser.conftest import Complaints, Product, come_back, open_page

pytestmark = pytest.mark.browser

WIDTHS = (1440, 1024, 390, 320)
ROSA = re.compile(r"\+44 7700 900355")


@pytest.fixture
def supervisor(product: Product, chromium: Browser, complaints: Complaints) -> Iterator[Page]:
    """Tom, signed in, in a window of his own."""
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = open_page(window, complaints)
    come_back(page, product, "tom")
    yield page
    window.close()


def asked(page: Page, text: str) -> None:
    """Open the palette, type, and wait for what it finds."""
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search people, messages, actions")
    expect(field).to_be_focused()
    find(page, text)


def find(page: Page, text: str) -> None:
    """Type into the open palette, and wait for what it finds."""
    query = f"q={quote_plus(text)}"
    with page.expect_response(lambda response: response.url.endswith(query) and response.ok):
        page.locator("#palette-text").fill(text)
    expect(page.locator("#palette-options")).not_to_have_attribute("aria-busy", "true")


def chosen(page: Page) -> str:
    """The option that Enter would follow, as a screen reader hears it."""
    field = page.locator("#palette-text")
    option = page.locator(f"#{field.get_attribute('aria-activedescendant')}")
    expect(option).to_have_attribute("aria-selected", "true")
    return " ".join(option.inner_text().split())


def test_a_person_is_opened_by_keyboard_alone(agent: Page, product: Product) -> None:
    asked(agent, "900355")  # of ten thousand people of a campaign some end in 0355 too
    expect(agent.locator("#palette-count")).to_have_text(re.compile(r"\d+ results"))
    assert "Rosa Bellini" in chosen(agent)
    expect(agent.get_by_role("group", name="For Rosa Bellini")).to_be_visible()
    agent.keyboard.press("ArrowDown")
    assert chosen(agent).startswith("Send a template")
    agent.keyboard.press("ArrowUp")
    agent.keyboard.press("ArrowUp")
    assert chosen(agent).startswith("Show all results")
    agent.keyboard.press("ArrowDown")
    agent.keyboard.press("Enter")
    agent.wait_for_url(re.compile(r"/c/\d+/"))
    expect(agent.get_by_role("heading", name="Rosa Bellini")).to_be_visible()


def test_esc_closes_it_and_gives_the_focus_back(agent: Page, product: Product) -> None:
    agent.goto(f"{product.web}/?view=all")
    agent.locator(".conversation-row").first.focus()
    asked(agent, "rosa")
    agent.keyboard.press("Escape")
    expect(agent.locator("#palette")).to_be_hidden()
    expect(agent.locator(".conversation-row").first).to_be_focused()
    agent.keyboard.press("Control+k")
    expect(agent.locator("#palette-text")).to_have_value("rosa")  # selected, to be typed over


def test_an_action_uses_the_control_of_the_page(agent: Page, product: Product) -> None:
    agent.goto(f"{product.web}/?view=all")
    asked(agent, ">remark")
    expect(agent.get_by_role("option", name="Add a remark")).to_have_count(0)  # no conversation is open
    agent.keyboard.press("Escape")
    agent.locator(".conversation-row").first.click()
    expect(agent.locator("#composer")).to_be_visible()
    asked(agent, ">remark")
    assert chosen(agent) == "Add a remark , key N"
    agent.keyboard.press("Enter")
    expect(agent.locator("#composer-remark")).to_be_focused()


def test_a_link_of_a_person_leads_to_the_remark(agent: Page) -> None:
    asked(agent, "@rosa")
    agent.get_by_role("option", name="Add a remark").click()
    agent.wait_for_url(re.compile(r"/c/\d+/#write-remark"))
    expect(agent.locator("#composer-remark")).to_be_focused()


def test_a_found_message_is_shown_where_it_stands(agent: Page, product: Product) -> None:
    asked(agent, "refund same card")
    agent.keyboard.press("Enter")
    agent.wait_for_url(re.compile(r"#message-\d+"))
    message = agent.locator("article:target")
    expect(message).to_contain_text("Is the refund coming to the same card?")
    expect(message).to_be_in_viewport()
    expect(message).to_be_focused()


def test_a_slash_searches_the_list(agent: Page, product: Product) -> None:
    agent.goto(f"{product.web}/?view=all")
    agent.locator(".conversation-row").first.wait_for()
    agent.keyboard.press("/")
    expect(agent.get_by_label("Name or number")).to_be_focused()
    agent.goto(f"{product.web}/account/")
    agent.keyboard.press("/")
    expect(agent.locator("#palette-text")).to_be_focused()


def test_search_and_contacts_need_no_script(product: Product, chromium: Browser, complaints: Complaints) -> None:
    window = chromium.new_context(viewport={"width": 1440, "height": 900}, java_script_enabled=False)
    page = open_page(window, complaints)
    come_back(page, product)
    page.get_by_role("link", name="Search people, messages, actions").click()
    page.get_by_label("People, messages, numbers").fill("rosa")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=ROSA).first.click()
    expect(page.get_by_role("heading", name="Rosa Bellini")).to_be_visible()
    page.get_by_role("link", name="Rosa Bellini").last.click()
    page.wait_for_url(re.compile(r"/contacts/\d+/"))
    page.get_by_role("link", name="Messages", exact=True).click()
    expect(page.get_by_text("Do I send the old one back?")).to_be_visible()
    window.close()


def test_contacts_are_imported_merged_and_parted(supervisor: Page, product: Product) -> None:
    page = supervisor
    last = f"Test{uuid.uuid4().hex[:6]}"
    numbers = [f"+1212555{uuid.uuid4().int % 8000 + 2000}" for _ in range(2)]
    rows = "".join(f"{number},Ann {last}\n" for number in numbers)
    page.goto(f"{product.web}/contacts/import/")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": f"mobile,name\n{rows}".encode()}
    )
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("heading", name="2 rows read")).to_be_visible()
    page.get_by_role("button", name="Import these contacts").click()
    expect(page.get_by_text("Contacts imported: 2 new, 0 changed.")).to_be_visible()

    page.get_by_label("Name or number").fill(last)
    page.get_by_role("button", name="Show").click()
    people = page.locator(".contact-name")
    expect(people).to_have_count(2)
    people.first.click()
    page.get_by_role("link", name="Merge").click()
    page.get_by_role("link", name=re.compile(last)).last.click()
    page.get_by_role("button", name="Merge the two").click()
    expect(page.get_by_text("was merged into")).to_be_visible()
    page.get_by_role("button", name="Undo the merge").click()
    expect(page.get_by_text("is a contact of their own again")).to_be_visible()
    page.goto(f"{product.web}/contacts/?q={last}")
    expect(page.locator(".contact-name")).to_have_count(2)


def test_what_is_found_and_chosen_shuts_nobody_out_and_is_not_too_wide(supervisor: Page, product: Product) -> None:
    """Beside what test_every_page.py looks at: two who are to be one, and what a palette finds."""
    page = supervisor
    page.goto(f"{product.web}/contacts/?q=rosa")
    rosa = page.locator(".contact-name").first.get_attribute("href")
    page.goto(f"{product.web}/contacts/?q=amira")
    amira = (page.locator(".contact-name").first.get_attribute("href") or "").split("/")[2]
    page.goto(f"{product.web}{rosa}merge/?with={amira}")
    faults = [("merge", one) for one in barriers_in_both_schemes(page)]
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wider > 0:
            faults.append(("merge", f"{width} px: wider by {wider}"))
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{product.web}/?view=all")
    asked(page, "x")
    for text in ("", "rosa ret", "@a", "#refund", "nothing-like-this"):
        find(page, text)
        faults += [(f"palette {text}", one) for one in barriers_in_both_schemes(page)]
    assert faults == []
