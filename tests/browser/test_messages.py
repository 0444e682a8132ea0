"""What people do with a message where it stands: by keyboard, while the page stays open, against the sandbox."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.accessibility import barriers
from tests.browser.conftest import Complaints, Product, come_back, open_page
from tests.browser.sandbox import Sandbox
from tests.browser.test_main_job import write_text

pytestmark = pytest.mark.browser

OLU = "+447700900301"
TAKEN = re.compile("^(Accepted by|Sent|Delivered|Read)")
DELIVERY = 45_000  # a worker, the answer


@pytest.fixture
def sandbox(product: Product) -> Sandbox:
    return Sandbox(product)


@pytest.fixture
def supervisor(product: Product, chromium: Browser, complaints: Complaints) -> Iterator[Page]:
    """Tom, signed in, in a window of his own."""
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = open_page(window, complaints)
    come_back(page, product, "tom")
    yield page
    window.close()


def bubble(page: Page, text: str) -> Locator:
    """The message with that text."""
    return page.get_by_role("article").filter(has_text=text)


def troubled(agent: Page, product: Product, sandbox: Sandbox, fault: str) -> str:
    """Priya writes to Olu while the provider misbehaves; the text of the message.

    What Cirrus holds is found there and settled at once: a doubt that stays is about what it does not hold.
    """
    text = f"Are you at home? {uuid.uuid4().hex[:8]}"
    sandbox.fault(OLU, fault)
    write_text(agent, product, to=OLU, stream="Service texts", text=text)
    expect(bubble(agent, text).locator(".message-notice")).to_be_visible(timeout=DELIVERY)
    return text


def test_what_happened_to_the_last_message_is_seen_without_scrolling(agent: Page, product: Product) -> None:
    text = f"The last one {uuid.uuid4().hex[:8]}"
    write_text(agent, product, to=OLU, stream="Service texts", text=text)
    expect(bubble(agent, text).get_by_text(TAKEN)).to_be_visible(timeout=DELIVERY)
    summary = bubble(agent, text).locator(".details-toggle > summary")
    for _ in range(2):  # fetched, and as it was fetched
        summary.click()
        expect(bubble(agent, text).locator(".history-step").last).to_be_in_viewport(ratio=0.9)
        summary.click()
        agent.locator("#timeline").evaluate("(log) => { log.scrollTop = log.scrollHeight; }")


def test_a_doubt_is_settled_by_keyboard_and_the_agent_sees_it(
    agent: Page, supervisor: Page, product: Product, sandbox: Sandbox, complaints: Complaints
) -> None:
    text = troubled(agent, product, sandbox, "reset_before")
    expect(bubble(agent, text)).to_contain_text("May have been sent. Check before you resend.")
    expect(bubble(agent, text)).to_contain_text("Tom Okafor can decide whether it is sent again.")
    expect(bubble(agent, text).get_by_text("Send again, accept a possible double")).to_have_count(0)
    sandbox.expect_on_phone(OLU, text, 0)

    supervisor.goto(agent.url)
    message = bubble(supervisor, text)
    message.locator("summary", has_text="It arrived").focus()
    supervisor.keyboard.press("Enter")
    supervisor.keyboard.press("Tab")
    supervisor.keyboard.press("Tab")
    supervisor.keyboard.press("Enter")  # without a reason
    expect(message.get_by_text("Write down how you know")).to_be_visible()
    expect(message.get_by_label("How do you know?")).to_be_focused()
    assert [line for line in complaints.lines if "422" not in line] == []  # the browser tells the refusal too
    complaints.lines.clear()
    supervisor.keyboard.type("She said so by phone")
    supervisor.keyboard.press("Tab")
    supervisor.keyboard.press("Enter")
    expect(message.get_by_text("Arrived, says Tom Okafor")).to_be_visible()
    expect(message).to_be_focused()
    expect(supervisor.get_by_text("Noted: it arrived")).to_be_visible()
    # The agent's page was not loaded again.
    expect(bubble(agent, text).get_by_text("Arrived, says Tom Okafor")).to_be_visible()
    sandbox.expect_on_phone(OLU, text, 0)


def test_a_doubtful_message_is_sent_once_more(
    agent: Page, supervisor: Page, product: Product, sandbox: Sandbox
) -> None:
    text = troubled(agent, product, sandbox, "reset_before")
    expect(bubble(agent, text)).to_contain_text("May have been sent.")
    supervisor.goto(agent.url)
    message = bubble(supervisor, text)
    message.get_by_text("Send again, accept a possible double").click()
    message.get_by_label("Why send it again?").fill("She says nothing came")
    message.get_by_role("button", name="Send again").click()
    expect(message.locator(".delivery")).to_contain_text(TAKEN, timeout=DELIVERY)
    expect(message).to_contain_text("Sent again, possibly twice: She says nothing came")
    sandbox.expect_on_phone(OLU, text, 1)
    message.get_by_title(re.compile("What happened to it")).click()
    expect(message.get_by_text("Queued again, a possible double accepted")).to_be_visible()
    expect(message.get_by_text("Attempt 2:")).to_be_visible()
    message.get_by_text("Request and answer").first.click()
    expect(message.locator("pre").first).to_contain_text("•••0301")
    expect(message.locator("pre").first).not_to_contain_text(OLU[1:])


def test_a_refused_message_is_mended_and_sent_again(agent: Page, product: Product, sandbox: Sandbox) -> None:
    text = troubled(agent, product, sandbox, "not_valid")
    message = bubble(agent, text).first
    expect(message.get_by_text("Nothing reached the customer.")).to_be_visible()
    message.get_by_text("Send again", exact=True).click()
    message.get_by_label("Message").fill(f"{text}, mended")
    message.get_by_role("button", name="Send again now").click()
    expect(message).to_be_focused()
    expect(bubble(agent, text).first).to_contain_text("It was sent again as a new message.")
    expect(bubble(agent, f"{text}, mended").locator(".delivery")).to_contain_text(TAKEN, timeout=DELIVERY)
    sandbox.expect_on_phone(OLU, f"{text}, mended", 1)


@pytest.mark.parametrize("width", [1440, 390])
def test_a_scheduled_message_is_changed_and_sent_at_once(
    agent: Page, product: Product, sandbox: Sandbox, width: int
) -> None:
    text = f"Your refund is on its way. {uuid.uuid4().hex[:8]}"
    agent.set_viewport_size({"width": width, "height": 900})
    agent.goto(f"{product.web}/new/")
    agent.get_by_label("To", exact=True).fill(OLU)
    agent.get_by_label(re.compile("Service texts")).check()
    agent.get_by_role("textbox", name="Message").fill(text)
    agent.locator(".schedule-toggle").click()
    agent.locator("[name=scheduled_for]").fill(agent.evaluate(IN_THREE_DAYS))
    agent.get_by_role("button", name=re.compile("^Schedule")).click()
    agent.wait_for_url(re.compile(r"/c/\d+/"))
    message = bubble(agent, text[:20]).last
    expect(message).to_contain_text("London time")
    message.get_by_text("Edit", exact=True).click()
    assert barriers(agent) == []
    field = message.get_by_label("Message")
    field.fill(f"{text} (changed)")
    # A live update comes in between: what was typed stays.
    agent.evaluate("document.dispatchEvent(new CustomEvent('parley:refresh'))")
    agent.wait_for_timeout(800)
    expect(field).to_have_value(f"{text} (changed)")
    message.get_by_role("button", name="Change message").click()
    expect(message.locator(".bubble-text")).to_have_text(f"{text} (changed)")
    expect(message).to_be_focused()
    agent.locator("#timeline").focus()
    agent.keyboard.press("PageDown")  # to the last message, this one
    expect(message).to_be_focused()
    expect(message).to_contain_text("Changed: words")
    message.get_by_text("Send now", exact=True).click()
    message.get_by_role("button", name="Send it now").click()
    expect(message.locator(".delivery")).to_contain_text(TAKEN, timeout=DELIVERY)
    sandbox.expect_on_phone(OLU, f"{text} (changed)", 1)
    assert agent.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


IN_THREE_DAYS = """() => {
  const day = new Date(Date.now() + 3 * 86400000);
  const two = (number) => String(number).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}T09:30`;
}"""
