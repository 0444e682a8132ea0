"""Drafts as agents have them: kept through everything, in two windows, and without a connection."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.composing import REMARK, REPLY, expect_notes, new_conversation, type_text
from tests.browser.conftest import PASSWORD, Complaints, Product, open_page, sign_in

pytestmark = pytest.mark.browser

AWAY = "INTERNET_DISCONNECTED|htmx:"


def test_a_draft_survives_reload_sign_out_and_another_computer(
    agent: Page, product: Product, chromium: Browser, complaints: Complaints
) -> None:
    conversation = new_conversation(agent, product)
    type_text(agent, "I have looked at your bill and")
    expect(agent.get_by_text("Draft saved")).to_be_visible()
    agent.reload()
    expect(agent.locator(REPLY)).to_have_value("I have looked at your bill and")

    # Typed, and at once away: nothing waits for the pause after the last key.
    type_text(agent, " will write")
    agent.goto(f"{product.web}/")
    agent.goto(conversation)
    expect(agent.locator(REPLY)).to_have_value("I have looked at your bill and will write")

    agent.locator(".user-button").click()
    agent.get_by_role("button", name="Sign out").click()
    agent.wait_for_url(re.compile("/sign-in/"))
    assert agent.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('parley:draft'))") == []
    other = chromium.new_context()
    page = open_page(other, complaints)
    sign_in(page, product)
    page.goto(conversation)
    expect(page.locator(REPLY)).to_have_value("I have looked at your bill and will write")
    page.locator(REPLY).press("Control+Enter")
    expect(page.get_by_role("log").get_by_text("I have looked at your bill and will write")).to_be_visible()
    expect(page.locator(REPLY)).to_have_value("")
    page.reload()
    expect(page.locator(REPLY)).to_have_value("")
    other.close()


def test_the_end_of_a_session_loses_no_letter(agent: Page, product: Product, complaints: Complaints) -> None:
    conversation = new_conversation(agent, product)
    type_text(agent, "Before the end.")
    expect(agent.get_by_text("Draft saved")).to_be_visible()
    agent.context.clear_cookies()
    # The list asks for news meanwhile and learns of the end: its dialog waits for a pause in the writing.
    agent.evaluate("document.dispatchEvent(new CustomEvent('parley:refresh'))")
    agent.keyboard.type(" And after it.", delay=60)
    expect(agent.locator("draft-saver").get_by_text("Kept on this device")).to_be_visible()
    dialog = agent.get_by_role("dialog", name="You are signed out")
    dialog.get_by_label("Work e-mail").fill("priya@fernhill.example")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_be_hidden()
    expect(agent.get_by_text("Draft saved")).to_be_visible()
    # What was asked of the session before may be answered late: the new one stands, and nobody is asked again.
    agent.evaluate("document.dispatchEvent(new CustomEvent('parley:signed-out'))")
    with agent.expect_response(lambda one: "/inbox/updates/" in one.url):
        pass
    expect(dialog).to_be_hidden()
    agent.goto(conversation)
    expect(agent.locator(REPLY)).to_have_value("Before the end. And after it.")
    # The events of a session that is over are refused, and Chromium notes it.
    expect_notes(complaints, "403|401|redirect|EventSource")


def test_a_first_message_is_kept_until_it_is_sent(agent: Page, product: Product) -> None:
    agent.goto(f"{product.web}/new/")
    agent.locator("#new-body").fill("Not sent yet")
    agent.goto(f"{product.web}/")
    agent.goto(f"{product.web}/new/")
    expect(agent.locator("#new-body")).to_have_value("Not sent yet")
    new_conversation(agent, product)
    agent.goto(f"{product.web}/new/")
    expect(agent.locator("#new-body")).to_have_value("")


def test_replies_and_remarks_are_two_texts(agent: Page, product: Product) -> None:
    conversation = new_conversation(agent, product)
    type_text(agent, "For the customer")
    agent.get_by_text("Remark", exact=False).first.click()
    type_text(agent, "For the team", REMARK)
    expect(agent.get_by_text("Draft saved")).to_be_visible()
    agent.goto(conversation)
    expect(agent.locator(REPLY)).to_have_value("For the customer")
    agent.locator("label[for=mode-remark]").click()
    expect(agent.locator(REMARK)).to_have_value("For the team")
    agent.get_by_role("button", name=re.compile("Add remark")).click()
    expect(agent.get_by_role("log").locator(".remark").get_by_text("For the team")).to_be_visible()
    agent.locator("label[for=mode-reply]").click()
    expect(agent.locator(REPLY)).to_have_value("For the customer")


def test_two_windows_keep_both_texts(agent: Page, product: Product, complaints: Complaints) -> None:
    conversation = new_conversation(agent, product)
    second = open_page(agent.context, complaints)
    second.goto(conversation)
    type_text(agent, "From the first window")
    expect(agent.get_by_text("Draft saved")).to_be_visible()
    second.evaluate("localStorage.clear()")  # as on another computer, which shares no storage
    type_text(second, "Something else")
    notice = second.locator("#composer .composer-notice")
    expect(notice).to_contain_text("From the first window")
    notice.get_by_role("button", name="Keep this one").click()
    expect(second.get_by_text("Draft saved")).to_be_visible()
    agent.reload()
    expect(agent.locator(REPLY)).to_have_value("Something else")
    expect_notes(complaints, "409")


# Without a connection


def test_what_is_written_offline_leaves_by_itself_in_order_and_once(
    agent: Page, product: Product, complaints: Complaints
) -> None:
    conversation = new_conversation(agent, product)
    mark = uuid.uuid4().hex[:8]
    type_text(agent, f"One {mark}")
    expect(agent.get_by_text("Draft saved")).to_be_visible()
    agent.context.set_offline(True)
    bar = agent.locator(".offline-bar")
    expect(bar).to_contain_text("You are offline.")
    agent.get_by_role("button", name=re.compile("^Queue")).click()
    expect(bar).to_contain_text("1 message waits on this device.")
    expect(agent.locator(REPLY)).to_have_value("")
    type_text(agent, f"Two {mark}")
    agent.locator(REPLY).press("Control+Enter")
    type_text(agent, f"Begun {mark}")
    expect(bar).to_contain_text("2 messages wait on this device.")
    agent.context.set_offline(False)
    expect(agent.get_by_text("Back online. 2 messages sent.")).to_be_visible()
    expect(bar).to_be_hidden()
    expect(agent.locator(".toast")).to_have_text([re.compile(r"^Back online. 2 messages sent\.")])
    ours = agent.locator(".message-out .bubble-text").filter(has_text=mark)
    expect(ours).to_have_text([f"One {mark}", f"Two {mark}"])
    expect(agent.get_by_text("Draft saved")).to_be_visible()
    agent.goto(conversation)
    expect(ours).to_have_count(2)
    expect(agent.locator(REPLY)).to_have_value(f"Begun {mark}")
    expect_notes(complaints, AWAY)


def test_a_conversation_that_did_not_load_offline_comes_with_the_connection(
    agent: Page, product: Product, complaints: Complaints
) -> None:
    agent.goto(f"{product.web}/?view=all")
    row = agent.locator(".conversation-row").first
    expect(row).to_be_visible()
    agent.context.set_offline(True)
    row.click()
    expect(agent.get_by_text("This part did not load.")).to_be_visible()
    expect(agent.locator(".toast-error")).to_have_count(0)
    agent.context.set_offline(False)
    expect(agent.locator("#composer")).to_be_visible()
    expect(agent.locator(".pane-failed")).to_have_count(0)
    expect_notes(complaints, AWAY)


def test_what_waited_too_long_is_a_draft_again(
    agent: Page, colleague: Page, product: Product, complaints: Complaints
) -> None:
    conversation = new_conversation(agent, product)
    mark = uuid.uuid4().hex[:8]
    type_text(agent, f"Old news {mark}")
    agent.context.set_offline(True)
    agent.get_by_role("button", name=re.compile("^Queue")).click()
    colleague.goto(conversation)
    type_text(colleague, f"Fresh news {mark}")
    colleague.locator(REPLY).press("Control+Enter")
    expect(colleague.get_by_role("log").get_by_text(f"Fresh news {mark}")).to_be_visible()
    agent.context.set_offline(False)
    agent.get_by_role("link", name="Look at it").click()
    expect(agent.locator(REPLY)).to_have_value(f"Old news {mark}")
    expect(agent.locator(".message-out").filter(has_text="Old news")).to_have_count(0)
    expect_notes(complaints, f"409|{AWAY}")
