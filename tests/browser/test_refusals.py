"""What a page says when the server says no, is slow, or has forgotten who sits there."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.composing import REPLY, expect_notes, new_conversation, type_text
from tests.browser.conftest import PASSWORD, Complaints, Product, come_back, open_page, sign_in
from tests.browser.test_main_job import ROSA

pytestmark = pytest.mark.browser


def test_letters_typed_before_the_scripts_came_are_searched_for(agent: Page, product: Product) -> None:
    agent.goto(f"{product.web}/new/")
    agent.get_by_label("To", exact=True).fill(ROSA)
    agent.get_by_label(re.compile("Fernhill Care")).check()
    agent.get_by_role("button", name="Choose a template").click()
    choices = agent.locator(".picker-choice")
    expect(choices.nth(3)).to_be_visible()

    late: list[Route] = []
    agent.route("**/htmx-2.min.js*", lambda route: late.append(route))
    agent.goto(agent.url, wait_until="commit")
    agent.get_by_label("Search name or wording").press_sequentially("engineer visit")
    expect(choices.nth(3)).to_be_visible()
    for script in late:
        script.continue_()
    expect(choices).to_have_count(2)


@pytest.mark.parametrize(
    ("status", "words"),
    [(503, "The server does not answer"), (429, "too often"), (500, "broke"), (400, "could not be read")],
)
def test_what_was_pressed_and_not_done_is_told(
    agent: Page, product: Product, complaints: Complaints, status: int, words: str
) -> None:
    new_conversation(agent, product)
    agent.route("**/resolve/*", lambda route: route.fulfill(status=status, body=""))
    agent.get_by_role("button", name="Resolve", exact=True).click()
    expect(agent.get_by_role("alert").filter(has_text=words)).to_be_visible()
    expect(agent.get_by_role("button", name="Resolve", exact=True)).to_be_visible()
    expect_notes(complaints, rf"{status}|resolve")


def test_a_list_goes_on_when_the_open_conversation_is_nothing_for_its_reader_any_more(
    agent: Page, product: Product, complaints: Complaints
) -> None:
    new_conversation(agent, product)
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if "open=" in route.request.url:
            route.fulfill(status=404, body="")
        else:
            route.continue_()

    agent.route("**/updates/**", answer)
    agent.evaluate("document.dispatchEvent(new CustomEvent('parley:refresh'))")
    expect(agent.get_by_role("alert").filter(has_text="This conversation is not here any more.")).to_be_visible()
    with agent.expect_response(lambda response: "updates" in response.url and "open=" not in response.url):
        agent.evaluate("document.dispatchEvent(new CustomEvent('parley:refresh'))")
    assert sum("open=" in address for address in asked) == 1, "it is not asked for again"
    expect_notes(complaints, "404")


def test_a_fault_of_the_page_is_not_told_as_one_of_the_server(
    agent: Page, product: Product, complaints: Complaints
) -> None:
    new_conversation(agent, product)
    agent.evaluate("() => { DOMParser.prototype.parseFromString = () => { throw new Error('A fault of the page') } }")
    with agent.expect_response("**/updates/**"):
        agent.evaluate("document.dispatchEvent(new CustomEvent('parley:refresh'))")
    agent.wait_for_timeout(500)
    expect(agent.get_by_text("The server does not answer")).to_have_count(0)
    assert any("A fault of the page" in line for line in complaints.lines), "whoever mends it finds it"
    expect_notes(complaints, "A fault of the page")


@pytest.mark.parametrize(
    ("status", "words", "again"),
    [(403, "You do not have access", 0), (404, "not here any more", 0), (500, "This part did not load", 1)],
)
def test_a_conversation_that_did_not_open_says_once_why(
    agent: Page, product: Product, complaints: Complaints, status: int, words: str, again: int
) -> None:
    agent.goto(f"{product.web}/?view=all")
    agent.route(re.compile(r"/c/\d+/"), lambda route: route.fulfill(status=status, body=""))
    agent.locator(".conversation-row").first.click()
    said = agent.get_by_role("alert").filter(has_text=re.compile("."))
    expect(said).to_have_count(1)
    expect(said).to_contain_text(words)
    expect(said.get_by_role("button", name="Try again")).to_have_count(again)

    agent.set_viewport_size({"width": 390, "height": 844})
    agent.locator(".conversation-row").first.click()
    expect(agent.locator(".toast-error")).to_be_visible()
    expect_notes(complaints, rf"{status}")


def test_a_list_that_is_not_kept_up_says_since_when(agent: Page, product: Product, complaints: Complaints) -> None:
    agent.goto(f"{product.web}/?view=all")
    agent.route("**/inbox/updates/*", lambda route: route.fulfill(status=503, body=""))
    agent.evaluate("document.dispatchEvent(new CustomEvent('parley:refresh'))")
    expect(agent.locator(".connection-bar")).to_contain_text("The server does not answer. The list is as it was at")
    agent.unroute("**/inbox/updates/*")
    agent.evaluate("document.dispatchEvent(new CustomEvent('parley:refresh'))")
    expect(agent.locator(".connection-bar")).to_have_count(0)
    expect_notes(complaints, "503")


def test_what_is_refused_again_is_said_once(agent: Page, product: Product, complaints: Complaints) -> None:
    new_conversation(agent, product)
    agent.route("**/canned/*", lambda route: route.fulfill(status=500, body=""))
    type_text(agent, "/ref")
    expect(agent.get_by_role("alert").filter(has_text="The canned replies did not load.")).to_have_count(1)
    expect(agent.locator(REPLY)).to_have_value("/ref")
    agent.locator(REPLY).fill("")
    expect_notes(complaints, "500")


def test_a_search_that_fails_says_so_in_its_own_dialog(agent: Page, product: Product, complaints: Complaints) -> None:
    agent.goto(f"{product.web}/")
    agent.route("**/search/palette/*", lambda route: route.fulfill(status=500, body=""))
    agent.keyboard.press("Control+k")
    dialog = agent.get_by_role("dialog", name="Search and commands")
    dialog.get_by_role("combobox").press_sequentially("rosa")
    expect(dialog.get_by_text("The search did not answer.")).to_be_visible()
    expect(agent.locator(".toast-error")).to_have_count(0)
    agent.unroute("**/search/palette/*")
    dialog.get_by_role("combobox").press_sequentially(" b")
    expect(dialog.get_by_role("option").first).to_be_visible()
    expect(dialog.get_by_text("The search did not answer.")).to_have_count(0)
    expect_notes(complaints, "500")


def test_words_over_a_slow_conversation_can_be_read(agent: Page, product: Product, complaints: Complaints) -> None:
    new_conversation(agent, product)
    held: list[Route] = []
    agent.route(re.compile(r"/c/\d+/"), lambda route: held.append(route))
    agent.locator(".conversation-row:not([aria-current])").first.click()
    expect(agent.locator("#pane[data-slow]")).to_be_attached()
    colour = agent.evaluate("getComputedStyle(document.getElementById('pane'), '::before').backgroundColor")
    assert colour == "rgb(255, 255, 255)"
    for one in held:
        one.continue_()
    expect(agent.locator("#pane[data-slow]")).to_have_count(0)


def test_a_form_sent_after_signing_out_elsewhere_comes_back_to_its_page(
    product: Product, chromium: Browser, complaints: Complaints
) -> None:
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = open_page(window, complaints)
    come_back(page, product)
    page.goto(f"{product.web}/account/")
    window.clear_cookies(name="sessionid")
    page.get_by_role("region", name="Look").get_by_role("button", name="Dark").click()
    expect(page.get_by_text("so this was not done")).to_be_visible()
    page.get_by_label("Work e-mail").fill("priya@fernhill.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{product.web}/account/")
    expect(page.get_by_role("region", name="Look").get_by_role("button", name="Light")).to_be_visible()
    expect_notes(complaints, "401")  # what the page asked for by itself meanwhile
    window.close()


def test_the_dialog_of_an_ended_session_says_that_it_is_shut_for_a_while(
    product: Product, chromium: Browser, complaints: Complaints
) -> None:
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = open_page(window, complaints)
    come_back(page, product)
    window.clear_cookies(name="sessionid")
    page.evaluate("document.dispatchEvent(new CustomEvent('parley:signed-out'))")
    dialog = page.get_by_role("dialog", name="You are signed out")
    dialog.get_by_label("Work e-mail").fill("nobody-at-all@fernhill.example")
    for said in (*["do not match"] * 4, "Too many tries"):
        dialog.get_by_label("Password").fill("wrong")
        dialog.get_by_role("button", name="Sign in").click()
        expect(dialog.get_by_role("alert")).to_contain_text(said)
        expect(dialog.get_by_role("button", name="Sign in")).to_be_enabled()
    expect_notes(complaints, "422|429|401|403|events|EventSource")
    window.close()


def test_a_list_of_five_megabytes_is_refused_at_its_field(
    product: Product, chromium: Browser, complaints: Complaints
) -> None:
    window = chromium.new_context(viewport={"width": 390, "height": 844})
    page = open_page(window, complaints)
    sign_in(page, product, "tom")
    for address in ("/contacts/import/", "/permissions/import/"):
        page.goto(f"{product.web}{address}")
        file = {"name": "people.csv", "mimeType": "text/csv", "buffer": b"phone\n" + b"07700900711\n" * 450_000}
        page.get_by_label("File", exact=True).set_input_files(files=file)
        page.get_by_role("button", name="Check the file").click()
        expect(page.locator("#id_file_error")).to_contain_text("The file is larger than 1.5 MB.")
    expect_notes(complaints, "422")
    window.close()
