"""The composer as agents use it: drafts that stay, messages taken back, canned replies, colleagues who were quicker."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.accessibility import barriers_in_both_schemes
from tests.browser.composing import REMARK, REPLY, expect_notes, new_conversation, type_text
from tests.browser.conftest import Complaints, Product, set_time_to_undo, sign_in

pytestmark = pytest.mark.browser

# Undo


@pytest.mark.parametrize("how", ["a click", "Ctrl+Z"])
def test_a_message_is_taken_back_with_its_words(agent: Page, product: Product, how: str) -> None:
    new_conversation(agent, product)
    address = agent.url
    set_time_to_undo(agent, product, 30)
    agent.goto(address)
    mark = uuid.uuid4().hex[:8]
    type_text(agent, f"Too quick {mark}")
    agent.locator(REPLY).press("Control+Enter")
    bubble = agent.get_by_role("article").filter(has_text=mark)
    expect(bubble).to_be_visible()
    expect(agent.locator("undo-bar")).to_contain_text(re.compile(r"Sends in \d+ s"))
    expect(agent.locator(REPLY)).to_have_value("")
    if how == "a click":
        agent.locator("undo-bar").get_by_role("button", name="Undo").click()
    else:
        agent.keyboard.press("Control+z")
    expect(agent.locator(REPLY)).to_have_value(f"Too quick {mark}")
    expect(agent.locator(REPLY)).to_be_focused()
    expect(agent.locator("undo-bar")).to_have_count(0)
    expect(bubble).to_contain_text("Not sent")


def test_after_the_time_to_undo_the_message_leaves(agent: Page, handset: Page, product: Product) -> None:
    conversation = new_conversation(agent, product)
    set_time_to_undo(agent, product, 5)
    agent.goto(conversation)
    mark = uuid.uuid4().hex[:8]
    type_text(agent, f"On its way {mark}")
    agent.get_by_role("button", name="Send and resolve").click()
    bubble = agent.get_by_role("article").filter(has_text=mark)
    expect(bubble.get_by_text("Delivered")).to_be_visible(timeout=20_000)
    expect(agent.locator("undo-bar")).to_have_count(0)
    # The provider has it, so the conversation is done.
    expect(agent.get_by_role("button", name="Reopen")).to_be_visible()


# Canned replies and mentions, by keyboard


def test_a_canned_reply_by_keyboard(agent: Page, product: Product, complaints: Complaints) -> None:
    new_conversation(agent, product)
    agent.locator("#timeline").focus()
    agent.keyboard.press("r")
    expect(agent.locator(REPLY)).to_be_focused()
    agent.keyboard.type("One moment. /refund")
    options = agent.locator(".suggestion")
    expect(options).to_have_count(3)
    expect(agent.locator(REPLY)).to_have_attribute("aria-activedescendant", "suggestion-1")
    agent.keyboard.press("ArrowDown")
    agent.keyboard.press("ArrowDown")
    agent.keyboard.press("ArrowUp")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    agent.keyboard.press("ArrowUp")
    expect(options.first).to_contain_text("no postal address")
    agent.keyboard.press("Enter")
    expect(options).to_have_count(0)
    expect(agent.locator(REPLY)).to_have_value("One moment. We will post a cheque to ${postal_address}.")

    # What has no value is selected, and stops Send until somebody has written it.
    selected = "(() => { const t = document.activeElement; return t.value.slice(t.selectionStart, t.selectionEnd); })()"
    assert agent.evaluate(selected) == "${postal_address}"
    agent.keyboard.press("Control+Enter")
    expect(agent.get_by_role("alert")).to_contain_text("The postal address is missing.")
    assert agent.evaluate(selected) == "${postal_address}"
    agent.keyboard.type("4 Mill Lane, Ewell")
    agent.keyboard.press("Control+Enter")
    sent = "One moment. We will post a cheque to 4 Mill Lane, Ewell."
    expect(agent.get_by_role("log").get_by_text(sent)).to_be_visible()
    expect_notes(complaints, "422")


def test_escape_leaves_the_slash(agent: Page, product: Product) -> None:
    new_conversation(agent, product)
    type_text(agent, "either/or ")
    expect(agent.locator(".suggestion")).to_have_count(0)
    type_text(agent, "/")
    expect(agent.locator(".suggestion").first).to_be_visible()
    agent.keyboard.press("Escape")
    expect(agent.locator(".suggestion")).to_have_count(0)
    expect(agent.locator(REPLY)).to_have_value("either/or /")
    expect(agent.locator(REPLY)).to_be_focused()


def test_a_colleague_is_named_by_keyboard(agent: Page, product: Product) -> None:
    new_conversation(agent, product)
    agent.locator("#timeline").focus()
    agent.keyboard.press("n")
    expect(agent.locator(REMARK)).to_be_focused()
    agent.keyboard.type("@tom o")
    expect(agent.locator(".suggestion")).to_have_text(re.compile("Tom Okafor"))
    agent.keyboard.press("Enter")
    agent.keyboard.type("can you look?")
    agent.keyboard.press("Control+Enter")
    expect(agent.locator(".remark").get_by_text("@Tom Okafor can you look?")).to_be_visible()
    expect(agent.locator(REMARK)).to_have_value("")


# Segments

_INNER_WIDTH = "document.querySelector('.composer-field').clientWidth"


def test_plain_characters_are_one_click_away(agent: Page, product: Product) -> None:
    new_conversation(agent, product)
    agent.locator(REPLY).fill("You don’t need to do anything – we call you. " * 4)
    meter = agent.locator("seg-meter")
    expect(meter).to_contain_text("8 characters (’ –) force Unicode, so this takes 3 texts")
    expect(agent.locator(".composer-marks mark")).to_have_count(8)
    meter.get_by_role("button", name="Use plain characters").click()
    expect(agent.locator(REPLY)).to_have_value("You don't need to do anything - we call you. " * 4)
    expect(meter).to_contain_text("2 segments · GSM-7")
    expect(agent.locator(".composer-marks mark")).to_have_count(0)


def test_a_marked_text_stays_in_its_field(agent: Page, product: Product) -> None:
    """Whether it comes as a draft with its conversation, or its window becomes narrow, or it becomes shorter."""
    address = new_conversation(agent, product)
    agent.locator(REPLY).fill("You don’t need to do anything – we call you. " * 5)
    expect(agent.locator("draft-saver")).to_contain_text("Draft saved")
    agent.goto(f"{product.web}/?view=drafts")
    agent.locator(f'.conversation-row[href*="{address.removeprefix(product.web)}"]').click()
    expect(agent.locator(".composer-marks mark")).to_have_count(10)
    for width in (1440, 600, 390):
        agent.set_viewport_size({"width": width, "height": 844})
        text, marks, field = (agent.locator(f"{one}:visible") for one in (REPLY, ".composer-marks", ".composer-field"))
        expect(text).to_have_js_property("clientWidth", agent.evaluate(_INNER_WIDTH))
        expect(marks).to_have_js_property("clientWidth", agent.evaluate(_INNER_WIDTH))
        assert marks.bounding_box() == text.bounding_box(), width
        height = (field.bounding_box() or {})["height"]
    agent.locator(REPLY).fill("Don’t.")
    expect(agent.locator(".composer-marks mark")).to_have_count(1)
    assert (agent.locator(".composer-field:visible").bounding_box() or {})["height"] < height


# Somebody else wrote


def test_a_colleague_who_was_quicker_is_read_before_anything_is_sent(
    agent: Page, colleague: Page, product: Product, complaints: Complaints
) -> None:
    conversation = new_conversation(agent, product)
    mark = uuid.uuid4().hex[:8]
    type_text(agent, f"Hi Mark, it goes back to the same card. {mark}")
    colleague.goto(conversation)
    type_text(colleague, f"Same card, 3 to 5 days. {mark}")
    colleague.locator(REPLY).press("Control+Enter")
    # Shown while she writes, and not read for it: she looks at her own words.
    expect(agent.get_by_role("log").get_by_text(f"Same card, 3 to 5 days. {mark}")).to_be_visible()
    agent.locator(REPLY).press("Control+Enter")
    notice = agent.get_by_role("alert").filter(has_text="Tom Okafor replied")
    expect(notice).to_contain_text(f"Same card, 3 to 5 days. {mark}")
    expect(notice).to_contain_text("Nothing of yours was sent.")
    expect(agent.locator(REPLY)).to_have_value(f"Hi Mark, it goes back to the same card. {mark}")
    expect(agent.locator(".message-out").get_by_text(f"it goes back to the same card. {mark}")).to_have_count(0)
    resolve, anyway = (agent.get_by_role("button", name=name) for name in ("Send and resolve", "Send anyway"))
    assert (resolve.bounding_box() or {})["y"] == (anyway.bounding_box() or {})["y"], "the foot is one line"
    anyway.click()
    expect(agent.get_by_role("log").get_by_text(f"it goes back to the same card. {mark}")).to_be_visible()
    expect_notes(complaints, "409")


# Without a script


def test_everything_works_without_a_script(product: Product, chromium: Browser) -> None:
    window = chromium.new_context(java_script_enabled=False)
    page = window.new_page()
    page.set_default_timeout(15_000)
    sign_in(page, product)
    set_time_to_undo(page, product, 30)
    conversation = new_conversation(page, product)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(REPLY)).to_have_value("Good morning from Fernhill.")

    page.locator(REPLY).fill("Begun")
    page.get_by_role("button", name="Save draft").click()
    page.goto(conversation)
    expect(page.locator(REPLY)).to_have_value("Begun")
    page.get_by_role("button", name="Canned replies").click()
    page.get_by_role("button", name="Insert refund-timing").click()
    expect(page.locator(REPLY)).to_have_value(re.compile("^Begun\n\nYour refund goes back"))
    page.locator("label[for=mode-remark]").click()
    page.locator(REMARK).fill("@Tom look")
    page.get_by_role("button", name=re.compile("Add remark")).click()
    expect(page.locator(".remark").get_by_text("@Tom look")).to_be_visible()
    expect(page.locator(REPLY)).to_have_value(re.compile("^Begun"))
    page.locator("label[for=mode-reply]").click()
    page.locator("summary.composer-from-stream").click()
    page.get_by_role("link", name="Another stream").click()
    expect(page.locator("#new-body")).to_have_value(re.compile("^Begun"))
    window.close()


# For everybody


WIDER_THAN_THE_WINDOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_each_state_is_accessible_and_fits(agent: Page, product: Product) -> None:
    new_conversation(agent, product)

    def check(state: str) -> None:
        assert barriers_in_both_schemes(agent, part="#composer") == [], state
        for width in (390, 320, 1440):
            agent.set_viewport_size({"width": width, "height": 844})
            assert agent.evaluate(WIDER_THAN_THE_WINDOW) == 0, (state, width)

    check("empty")
    type_text(agent, "/")
    expect(agent.locator(".suggestion").first).to_be_visible()
    check("canned replies")
    agent.keyboard.press("Escape")
    agent.locator(REPLY).fill("You don’t need to do anything. " * 8)
    expect(agent.locator(".meter-advice")).to_be_visible()
    agent.locator(".schedule-toggle").click()
    agent.locator("schedule-presets button").last.click()
    expect(agent.get_by_label("Send at")).not_to_have_value("")
    check("schedule")
    agent.locator("label[for=mode-remark]").click()
    type_text(agent, "@", REMARK)
    expect(agent.locator(".suggestion").first).to_be_visible()
    check("remark")


# Pictures and files


def test_a_picture_goes_in_at_the_caret(agent: Page, product: Product) -> None:
    new_conversation(agent, product)
    type_text(agent, "Thank you")
    agent.locator(REPLY).evaluate("text => text.setSelectionRange(5, 5)")
    agent.locator("#composer summary").filter(has_text="Emoji").click()
    agent.get_by_role("button", name="Thumbs up sign").click()
    expect(agent.locator(REPLY)).to_have_value("Thank👍 you")
    expect(agent.locator(REPLY)).to_be_focused()
    expect(agent.locator("#composer-meter")).to_contain_text("Unicode")


BRINGS_A_FILE = """(text, kind) => {
    const brought = new DataTransfer();
    brought.items.add(new File(["x"], "bill.png"));
    const given = { bubbles: true, cancelable: true, dataTransfer: brought, clipboardData: brought };
    text.dispatchEvent(kind === "drop" ? new DragEvent(kind, given) : new ClipboardEvent(kind, given));
}"""


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_file_is_answered_and_leaves_the_page_and_its_text_alone(agent: Page, product: Product, kind: str) -> None:
    conversation = new_conversation(agent, product)
    type_text(agent, "Look at this")
    agent.locator(REPLY).evaluate(BRINGS_A_FILE, kind)
    expect(agent.get_by_role("alert")).to_contain_text("A text message cannot carry a file.")
    expect(agent.locator(REPLY)).to_have_value("Look at this")
    assert agent.url.startswith(conversation)
