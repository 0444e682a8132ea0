"""WhatsApp as agents use it: a template that arrives as it was shown, an answer held over a closed window, files.

Scenarios 9 to 11 of the product as far as they are WhatsApp's, and the pages of templates.
"""

from __future__ import annotations

import re
import uuid
from base64 import b64encode
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.composing import expect_notes
from tests.browser.conftest import Complaints, Product, come_back, open_page
from tests.browser.customers import british
from tests.browser.sandbox import Sandbox
from tests.browser.test_main_job import ROSA, digits
from tests.messaging.test_files import JPEG

pytestmark = pytest.mark.browser
IS_ON_TOP = """(one) => {
    const {x, y, width, height} = one.getBoundingClientRect();
    return one.contains(document.elementFromPoint(x + width / 2, y + height / 2));
}"""


@pytest.fixture
def sandbox(product: Product) -> Sandbox:
    return Sandbox(product)


@pytest.fixture
def mark() -> str:
    """What tells this test's texts from others."""
    return uuid.uuid4().hex[:8]


def choose_template(agent: Page, product: Product, *, to: str, name: str) -> None:
    """New message to a number on WhatsApp, as far as the form of a template."""
    agent.goto(f"{product.web}/new/")
    agent.get_by_label("To", exact=True).fill(to)
    agent.get_by_label(re.compile("Fernhill Care")).check()
    agent.get_by_role("button", name=re.compile("Choose a template")).click()
    agent.get_by_role("link", name=re.compile(f"^{name}.*English")).first.click()
    expect(agent.locator("#template-form")).to_be_visible()


def fill_in(agent: Page, *values: str) -> None:
    """The variables of the message, in their order."""
    fields = agent.locator("#template-form [name^=body-]")
    expect(fields).to_have_count(len(values))
    for number, value in enumerate(values):
        fields.nth(number).fill(value)


def words_on_phone(handset: Page, product: Product, phone: str, mark: str) -> dict[str, str]:
    """What the newest WhatsApp bubble with the mark says, part by part, as a reader would copy it."""
    handset.goto(f"{product.sandbox}/handset/{digits(phone)}/")
    bubble = handset.locator("#screen-whatsapp article").filter(has_text=mark).last
    expect(bubble).to_be_visible()
    parts = {"heading": ".bubble-heading", "text": ".bubble-text", "footer": ".bubble-footer"}
    return {name: bubble.locator(place).inner_text() for name, place in parts.items()}


def test_a_template_arrives_as_it_was_shown(
    agent: Page, handset: Page, product: Product, complaints: Complaints, mark: str
) -> None:
    choose_template(agent, product, to=ROSA, name="engineer_visit")
    expect(agent.locator("#template-form [name=body-1]")).to_have_value("Rosa")
    fill_in(agent, "Rosa", f"Friday {mark} <b>&amp;", "", "12:00")
    agent.get_by_role("button", name=re.compile("^Send template")).click()
    # One value is blank: it is named, and nothing has left.
    expect(agent.get_by_text("1 value to fix before sending")).to_be_visible()
    blank = agent.locator("#template-form [name=body-3]")
    expect(blank).to_have_attribute("aria-invalid", "true")
    expect(blank).to_be_focused()
    complaints.lines[:] = [line for line in complaints.lines if "422" not in line]

    blank.fill("08:00")
    shown = agent.locator("#phone")
    expect(shown.locator(".phone-words")).to_contain_text("08:00")
    seen = {
        # Without the line breaks of the source, which are there while the preview is being exchanged.
        name: shown.locator(place).inner_text().strip()
        for name, place in {"heading": ".phone-title", "text": ".phone-words", "footer": ".phone-footer"}.items()
    }
    agent.get_by_role("button", name=re.compile("^Send template")).click()
    agent.wait_for_url(re.compile(r"/c/\d+/"))
    assert words_on_phone(handset, product, ROSA, mark) == seen


def test_what_is_mended_is_no_longer_marked_and_a_date_comes_from_the_calendar(
    agent: Page, product: Product, complaints: Complaints
) -> None:
    choose_template(agent, product, to=ROSA, name="engineer_visit")
    fill_in(agent, "Rosa", "", "", "12:00")
    agent.get_by_role("button", name=re.compile("^Send template")).click()
    expect(agent.get_by_text("2 values to fix before sending")).to_be_visible()
    complaints.lines[:] = [line for line in complaints.lines if "422" not in line]
    date = agent.locator("#template-form [name=body-2]")
    agent.locator(".picker-calendar").evaluate(
        "(field) => { field.value = '2026-11-26'; field.dispatchEvent(new Event('change', { bubbles: true })); }"
    )
    expect(date).to_have_value("Thursday 26 November")  # as the template's sample is written
    expect(date).to_be_focused()
    expect(agent.get_by_text("1 value to fix before sending")).to_be_visible()
    expect(date).not_to_have_attribute("aria-invalid", "true")
    expect(agent.locator("#id_body-2_error")).to_have_count(0)
    expect(agent.locator("#template-form [name=body-3]")).to_have_attribute("aria-invalid", "true")
    ground = "getComputedStyle(document.querySelector('.phone-screen')).backgroundColor"
    light = agent.evaluate(ground)
    agent.get_by_role("radio", name="Dark").check(force=True)
    assert agent.evaluate(ground) != light


def test_the_picker_over_a_conversation_closes_with_escape_and_opens_again(
    agent: Page, product: Product, complaints: Complaints
) -> None:
    phone = british()
    permit(agent, product, phone)
    choose_template(agent, product, to=phone, name="engineer_visit")
    fill_in(agent, "Ivy", "Friday", "08:00", "12:00")
    agent.get_by_role("button", name=re.compile("^Send template")).click()
    agent.wait_for_url(re.compile(r"/c/\d+/"))
    opener = agent.get_by_role("link", name="All templates")
    opener.click()
    dialog = agent.get_by_role("dialog", name="Send a WhatsApp template to Ivy")
    expect(dialog).to_be_visible()
    agent.route("**/template/**", lambda route: route.abort())
    dialog.get_by_role("link", name=re.compile("^engineer_visit.*English")).first.click()
    notice = agent.get_by_role("alert").filter(has_text="The templates did not load")
    expect(notice).to_be_visible()
    assert notice.evaluate(IS_ON_TOP), "not behind the dialog"
    notice.get_by_role("button", name="Dismiss").click()
    agent.unroute("**/template/**")
    expect_notes(complaints, "ERR_FAILED")
    dialog.get_by_role("link", name=re.compile("^engineer_visit.*English")).first.click()
    words = dialog.locator("[name=body-2]")
    words.fill("Saturday")
    agent.keyboard.press("Escape")
    expect(words).to_have_value("Saturday")
    expect(words).not_to_be_focused()
    agent.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    assert "/template/" not in agent.url

    agent.keyboard.press("Enter")
    expect(dialog).to_have_count(1)
    dialog.get_by_role("link", name=re.compile("^engineer_visit.*English")).first.click()
    expect(words).to_have_value("")
    expect(dialog.locator("#phone")).not_to_contain_text("Saturday")
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_have_count(0)
    expect(opener).to_be_visible()


def test_a_template_that_is_paused_cannot_be_chosen(agent: Page, product: Product) -> None:
    agent.goto(f"{product.web}/new/")
    agent.get_by_label("To", exact=True).fill(ROSA)
    agent.get_by_label(re.compile("Fernhill Care")).check()
    agent.get_by_role("button", name=re.compile("Choose a template")).click()
    paused = agent.locator(".picker-choice").filter(has_text="return_reminder")
    expect(paused).to_contain_text("Paused")
    assert agent.get_by_role("link", name=re.compile("return_reminder")).count() == 0


def test_an_answer_waits_for_the_customer_and_leaves_once(
    agent: Page, product: Product, sandbox: Sandbox, mark: str, complaints: Complaints
) -> None:
    phone = british()
    # Nobody asked this person: the template is refused with the reason, and with permission it goes.
    choose_template(agent, product, to=phone, name="engineer_visit")
    expect(agent.get_by_role("alert").filter(has_text="No WhatsApp permission")).to_be_visible()
    expect(agent.get_by_role("button", name=re.compile("^Send template"))).to_have_count(0)
    permit(agent, product, phone)
    choose_template(agent, product, to=phone, name="engineer_visit")
    fill_in(agent, "there", f"Friday {mark}", "08:00", "12:00")
    agent.get_by_role("button", name=re.compile("^Send template")).click()
    agent.wait_for_url(re.compile(r"/c/\d+/"))
    conversation = agent.url

    # The customer has not written: free text is refused on the page, and by a request that goes around it.
    expect(agent.get_by_role("link", name="Hold and send a template")).to_be_visible()
    refused = agent.evaluate(
        """async (text) => {
            const form = new FormData(document.querySelector("#composer"));
            form.set("mode", "reply");
            form.set("body", text);
            return (await fetch(document.querySelector("#composer").action, {method: "POST", body: form})).status;
        }""",
        f"Around the page {mark}",
    )
    assert refused == 422
    complaints.lines[:] = [line for line in complaints.lines if "422" not in line]

    agent.get_by_role("link", name="Hold and send a template").click()
    answer = f"Mo comes on Friday. {mark}"
    agent.get_by_label("Your answer, if you have one already").fill(answer)
    fields = agent.locator("#template-form [name^=body-]")
    for number in range(fields.count()):
        fields.nth(number).fill(f"again {mark} {number}")
    agent.get_by_role("button", name=re.compile("^Send template")).click()
    agent.wait_for_url(re.compile(r"/c/\d+/"))
    held = agent.get_by_role("article").filter(has_text=answer)
    expect(held.get_by_text("Held until the customer writes")).to_be_visible()
    sandbox.expect_on_phone(phone, f"again {mark} 0", 1)
    assert sandbox.on_phone(phone, answer) == 0

    sandbox.write("Fernhill Care", f"Is it still on? {mark}", phone)
    sandbox.expect_on_phone(phone, answer, 1)
    sandbox.write("Fernhill Care", f"Thank you. {mark}", phone)
    expect(agent.get_by_role("log").get_by_text(f"Thank you. {mark}")).to_be_visible()
    expect(held.get_by_text(re.compile("Read|Delivered"))).to_be_visible()
    sandbox.expect_on_phone(phone, answer, 1)
    assert sandbox.on_phone(phone, f"Around the page {mark}") == 0
    assert agent.url.split("?")[0] == conversation.split("?")[0]


def permit(agent: Page, product: Product, phone: str) -> None:
    """Record that somebody agreed, with the form of their contact's page; they are a contact afterwards."""
    agent.goto(f"{product.web}/contacts/new/")
    agent.get_by_label("Number", exact=True).fill(phone)
    agent.get_by_label("First name").fill("Ivy")
    agent.get_by_role("button", name="Add contact").click()
    agent.wait_for_url(re.compile(r"/contacts/\d+/"))
    agent.get_by_role("link", name="Record a decision").click()
    form = agent.locator("form.permission-form")
    form.get_by_label("Channel").select_option("whatsapp")
    form.get_by_label("Words the customer agreed to").fill("Fernhill Broadband may write to me about my service.")
    form.get_by_label("Business named in them").fill("Fernhill Broadband")
    for box in form.get_by_role("checkbox").all():
        box.check()
    form.get_by_label("Proof", exact=True).fill("Told on the phone")
    form.get_by_role("button", name="Record decision").click()
    agent.wait_for_url(re.compile(r"/contacts/\d+/$"))


def test_a_file_goes_up_with_progress_and_down_to_those_who_may_see_it(
    agent: Page, handset: Page, product: Product, mark: str, tmp_path: Path
) -> None:
    document = tmp_path / f"Bill {mark}.pdf"
    document.write_bytes(b"%PDF-1.7\n" + bytes(300_000))
    choose_template(agent, product, to=ROSA, name="bill_ready")
    agent.get_by_label(re.compile("^Document")).set_input_files(document)
    expect(agent.locator(".upload")).to_contain_text("uploaded")
    expect(agent.locator("#phone")).to_contain_text(f"Bill {mark}.pdf")
    fill_in(agent, "Rosa", f"£38.00 {mark}")
    agent.locator("#template-form [name^=buttons-]").first.fill("2026-11")
    agent.get_by_role("button", name=re.compile("^Send template")).click()
    agent.wait_for_url(re.compile(r"/c/\d+/"))
    message = agent.get_by_role("article").filter(has_text=mark)
    link = message.get_by_role("link", name=f"Bill {mark}.pdf")
    expect(link).to_be_visible()
    kept = agent.request.get(f"{product.web}{link.get_attribute('href')}")
    assert kept.headers["content-disposition"].startswith("attachment")
    assert kept.headers["content-type"] == "application/octet-stream"
    handset.goto(f"{product.sandbox}/handset/{digits(ROSA)}/")
    expect(handset.locator("#screen-whatsapp").get_by_text(f"Bill {mark}.pdf")).to_be_visible()


def test_a_customers_photo_is_shown_in_the_conversation(
    agent: Page, product: Product, sandbox: Sandbox, mark: str
) -> None:
    phone = british()
    sandbox.tell("phones", number=phone, on_whatsapp=True)
    stream = next(
        one["id"]
        for account in sandbox.ask("accounts")["accounts"]
        for one in account["streams"]
        if one["name"] == "Fernhill Care"
    )
    sandbox.tell("reply", phone=phone, text=f"My router {mark}", stream=stream, photo=b64encode(JPEG).decode())
    agent.goto(f"{product.web}/?view=all&sort=newest")
    agent.get_by_label("Conversations", exact=True).get_by_text(f"My router {mark}").first.click()
    message = agent.get_by_role("article").filter(has_text=mark)
    picture = message.locator(".bubble-picture img")
    expect(picture).to_have_attribute("src", re.compile(r"^/files/[0-9a-f-]+/$"))


def test_a_draft_is_checked_while_it_is_typed(
    product: Product, chromium: Browser, complaints: Complaints, mark: str
) -> None:
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    tom = open_page(window, complaints)
    come_back(tom, product, "tom")
    tom.goto(f"{product.web}/templates/new/")
    name = tom.get_by_label("Name", exact=True)
    name.fill(f"Visit {mark}")
    expect(tom.locator("#notes-name")).to_contain_text("Use lower-case letters")
    name.fill(f"visit_{mark}")
    expect(tom.locator("#notes-name")).not_to_contain_text("Use lower-case letters")
    body = tom.get_by_label("Message", exact=True)
    body.fill("Hello {{1}}, we come tomorrow.")
    sample = tom.get_by_label("{{1}}", exact=True)
    sample.press_sequentially("Rosa", delay=120)
    # The answers of the server come meanwhile and take nothing of what is typed.
    expect(sample).to_have_value("Rosa")
    expect(sample).to_be_focused()
    expect(tom.locator("#phone")).to_contain_text("Hello Rosa, we come tomorrow.")
    expect(tom.locator("#draft-count")).to_contain_text("Nothing that WhatsApp would refuse")
    tom.get_by_role("button", name="Save the draft").click()
    tom.wait_for_url(re.compile(r"/templates/\d+/$"))
    expect(tom.get_by_text("Version 1", exact=True)).to_be_visible()
    window.close()


@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_of_templates_fit(product: Product, chromium: Browser, complaints: Complaints, width: int) -> None:
    window = chromium.new_context(viewport={"width": width, "height": 900}, java_script_enabled=width > 390)
    tom = open_page(window, complaints)
    come_back(tom, product, "tom")
    for path in ("/templates/", "/templates/new/", "/templates/import/"):
        tom.goto(f"{product.web}{path}")
        room = tom.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert room[0] <= room[1], path
    window.close()
