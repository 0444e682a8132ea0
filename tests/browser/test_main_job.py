"""The main job, as people do it: an agent writes, a phone shows it, the customer answers, the inbox shows that."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Product

pytestmark = pytest.mark.browser

MARK, ROSA, US_PHONE = "+447700900267", "+447700900355", "+14155550100"


def digits(phone: str) -> str:
    return phone.lstrip("+")


def write_text(agent: Page, product: Product, *, to: str, stream: str, text: str) -> None:
    """New message, as far as the conversation that shows it."""
    agent.goto(f"{product.web}/new/")
    agent.get_by_label("To", exact=True).fill(to)
    agent.get_by_label(re.compile(stream)).check()
    agent.get_by_role("textbox", name="Message").fill(text)
    agent.get_by_role("button", name=re.compile("^Send")).click()
    agent.wait_for_url(re.compile(r"/c/\d+/"))
    expect(agent.get_by_role("log").get_by_text(text).first).to_be_visible()  # a form to send it again holds it too


def see_on_phone(handset: Page, product: Product, *, phone: str, stream: str, text: str, channel: str) -> None:
    """The phone's page shows the message in the thread of that business."""
    handset.goto(f"{product.sandbox}/handset/{digits(phone)}/")
    tab = handset.get_by_role("link", name=re.compile(f"^{stream}"))
    screen = handset.locator(f"#screen-{channel}")
    expect(screen).to_be_visible()
    if tab.count() and screen.get_by_role("link", name=re.compile(f"^{stream}")).count():
        screen.get_by_role("link", name=re.compile(f"^{stream}")).first.click()
    expect(handset.locator(f"#screen-{channel}").get_by_text(text)).to_be_visible()


def answer_on_phone(handset: Page, *, channel: str, text: str) -> None:
    """Type as the customer and press Enter."""
    box = handset.locator(f"#composer-{channel} [name=text]")
    box.fill(text)
    box.press("Enter")
    expect(handset.locator(f"#screen-{channel}").get_by_text(text)).to_be_visible()


@pytest.mark.parametrize(
    ("stream", "phone", "final"),
    [
        ("Service texts", MARK, "Delivered"),
        ("FERNHILL", MARK, "Delivered"),
        ("US support line", US_PHONE, "Delivered"),
    ],
)
def test_a_text_and_its_answer(
    agent: Page, handset: Page, product: Product, stream: str, phone: str, final: str
) -> None:
    mark = uuid.uuid4().hex[:8]
    question, answer = f"Are you at home on Friday? {mark}", f"Yes, all day. {mark}"
    write_text(agent, product, to=phone, stream=stream, text=question)
    conversation = agent.url

    see_on_phone(handset, product, phone=phone, stream=stream, text=question, channel="sms")
    bubble = agent.get_by_role("article").filter(has_text=question)
    expect(bubble.get_by_text(final)).to_be_visible()

    answer_on_phone(handset, channel="sms", text=answer)
    # The page is not loaded again: the answer comes to it.
    expect(agent.get_by_role("log").get_by_text(answer)).to_be_visible()
    assert agent.url == conversation
    expect(agent.get_by_label("Conversations", exact=True).get_by_text(answer)).to_be_visible()


def test_a_whatsapp_template_and_a_free_answer(agent: Page, handset: Page, product: Product) -> None:
    mark = uuid.uuid4().hex[:8]
    agent.goto(f"{product.web}/new/")
    agent.get_by_label("To", exact=True).fill(ROSA)
    agent.get_by_label(re.compile("Fernhill Care")).check()
    agent.get_by_role("button", name=re.compile("Choose a template")).click()
    agent.get_by_role("link", name=re.compile("engineer_visit.*English")).click()
    fields = agent.locator("#template-form input[type=text]:visible")
    expect(fields.first).to_be_visible()
    for number in range(fields.count()):
        fields.nth(number).fill(("Rosa", f"Friday {mark}", "08:00", "12:00")[number])
    agent.get_by_role("button", name=re.compile("^Send template")).click()
    agent.wait_for_url(re.compile(r"/c/\d+/"))
    expect(agent.get_by_role("log").get_by_text(f"Friday {mark}")).to_be_visible()

    see_on_phone(handset, product, phone=ROSA, stream="Fernhill Care", text=f"Friday {mark}", channel="whatsapp")
    expect(agent.get_by_role("article").filter(has_text=mark).get_by_text("Read")).to_be_visible()
    handset.locator("#screen-whatsapp").get_by_role("button", name="Confirm visit").last.click()
    expect(agent.get_by_role("log").get_by_text("Confirm visit").last).to_be_visible()

    # The customer wrote, so free text may follow: the composer says so without a reload.
    body = agent.locator("#composer-body")
    expect(body).to_be_visible()
    body.fill(f"See you then. {mark}")
    body.press("Control+Enter")
    expect(handset.locator("#screen-whatsapp").get_by_text(f"See you then. {mark}")).to_be_visible()


def test_a_double_click_sends_once(agent: Page, handset: Page, product: Product) -> None:
    mark = uuid.uuid4().hex[:8]
    agent.goto(f"{product.web}/new/")
    agent.get_by_label("To", exact=True).fill(MARK)
    agent.get_by_label(re.compile("FERNHILL")).check()
    agent.get_by_role("textbox", name="Message").fill(f"Only once {mark}")
    agent.get_by_role("button", name=re.compile("^Send")).dblclick()
    agent.wait_for_url(re.compile(r"/c/\d+/"))
    see_on_phone(handset, product, phone=MARK, stream="FERNHILL", text=f"Only once {mark}", channel="sms")
    expect(handset.locator("#screen-sms").get_by_text(f"Only once {mark}")).to_have_count(1)
    expect(agent.get_by_role("log").get_by_text(f"Only once {mark}")).to_have_count(1)


def test_a_number_that_cannot_be_one_is_refused_at_the_field(agent: Page, product: Product, complaints) -> None:
    agent.goto(f"{product.web}/new/")
    agent.get_by_label("To", exact=True).fill("+4474512XXXXX")
    agent.get_by_label(re.compile("FERNHILL")).check()
    agent.get_by_role("textbox", name="Message").fill("Hello")
    agent.get_by_role("button", name=re.compile("^Send")).click()
    expect(agent.get_by_label("To", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(agent.get_by_role("textbox", name="Message")).to_have_value("Hello")
    # Chromium itself notes the 422; the page must log nothing more.
    assert all("422" in line for line in complaints.lines), complaints.lines
    complaints.lines.clear()
