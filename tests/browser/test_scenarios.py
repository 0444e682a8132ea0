"""The acceptance scenarios of the workspace, each acted out as an agent would, on the whole product.

What a scenario shows is looked for on the page; its rows are counted in the transcript and in the administration,
its requests in the sandbox's ledger. Every page stays silent in its console, so that the policy refused nothing.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.composing import expect_notes
from tests.browser.conftest import Complaints, Product, come_back, open_page
from tests.browser.customers import american, british
from tests.browser.sandbox import Sandbox
from tests.browser.test_main_job import answer_on_phone, see_on_phone, write_text

pytestmark = pytest.mark.browser

SOON = 30_000
REPLY = "#composer-body"
LONDON, LOS_ANGELES = ZoneInfo("Europe/London"), ZoneInfo("America/Los_Angeles")


@pytest.fixture
def sandbox(product: Product) -> Sandbox:
    return Sandbox(product)


@pytest.fixture
def mark() -> str:
    """What tells this test's texts from others."""
    # No digits: seven of them in a row would be shown as a number is, with dots.
    return uuid.uuid4().hex[:8].translate(str.maketrans("0123456789", "ghijklmnop"))


def somebody(product: Product, chromium: Browser, complaints: Complaints, name: str) -> Iterator[Page]:
    """Another person, at a computer of their own."""
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = open_page(window, complaints)
    come_back(page, product, name)
    yield page
    window.close()


@pytest.fixture
def operator(product: Product, chromium: Browser, complaints: Complaints) -> Iterator[Page]:
    """Ada, who administers."""
    yield from somebody(product, chromium, complaints, "admin")


def bubble(page: Page, text: str) -> Locator:
    """The message with that text."""
    return page.get_by_role("article").filter(has_text=text).last


def send(page: Page, text: str) -> None:
    """A reply, typed and sent by keys."""
    page.locator(REPLY).fill(text)
    page.locator(REPLY).press("Control+Enter")


def open_from_list(page: Page, product: Product, text: str) -> None:
    """The conversation whose last message that is."""
    page.goto(f"{product.web}/?view=all&sort=newest")
    row = page.locator(".conversation-row").filter(has_text=text)
    expect(row).to_be_visible(timeout=SOON)
    row.click()
    expect(page.get_by_role("log").get_by_text(text)).to_be_visible()


def lines(page: Page) -> list[dict[str, Any]]:
    """The rows of the open conversation: messages, and what people did."""
    answer = page.request.get(f"{page.url.partition('?')[0].partition('#')[0]}transcript/?format=json&remarks=1")
    found: list[dict[str, Any]] = answer.json()["lines"]
    return found


def messages(page: Page, text: str) -> list[dict[str, Any]]:
    """The messages of the open conversation that hold a text."""
    return [one for one in lines(page) if one["kind"] == "message" and text in one["text"]]


def test_01_the_first_five_minutes(agent: Page, handset: Page, product: Product, sandbox: Sandbox, mark: str) -> None:
    began = time.monotonic()
    phone = british()
    write_text(agent, product, to=f"0{phone[3:]}", stream="Service texts", text=f"Hello {mark}")
    opened = agent.url
    see_on_phone(handset, product, phone=phone, stream="Service texts", text=f"Hello {mark}", channel="sms")
    agent.evaluate("window.sameDocument = true")
    answer_on_phone(handset, channel="sms", text=f"Who is this? {mark}")
    expect(agent.get_by_role("log").get_by_text(f"Who is this? {mark}")).to_be_visible(timeout=3_000)
    assert agent.evaluate("window.sameDocument") is True  # nobody loaded the page again
    assert agent.url == opened
    assert [one["direction"] for one in messages(agent, mark)] == ["out", "in"]
    assert time.monotonic() - began < 300


def test_02_a_double_click_and_a_form_sent_twice(
    agent: Page, handset: Page, product: Product, sandbox: Sandbox, complaints: Complaints, mark: str
) -> None:
    phone = british()
    write_text(agent, product, to=phone, stream="FERNHILL", text=f"Good morning {mark}")
    agent.locator(REPLY).fill(f"Only once {mark}")
    agent.get_by_role("button", name=re.compile("^Send Ctrl")).dblclick()
    sandbox.expect_on_phone(phone, f"Only once {mark}", 1)
    expect(bubble(agent, f"Only once {mark}").get_by_text("Delivered")).to_be_visible()

    # The server takes the form, and the network drops before the page hears of it.
    def drop(route: Route) -> None:
        route.fetch()
        route.abort()

    agent.route(re.compile(r"/reply/"), drop, times=1)
    send(agent, f"And this once {mark}")
    bar = agent.locator(".offline-bar")
    expect(bar).to_contain_text("1 message waits on this device.")
    bar.get_by_role("button", name="Try now").click()
    expect(agent.get_by_text("Back online. 1 message sent.")).to_be_visible()
    expect(bar).to_be_hidden()
    sandbox.expect_on_phone(phone, f"And this once {mark}", 1)
    expect(bubble(agent, f"And this once {mark}").get_by_text("Delivered")).to_be_visible()
    for text in (f"Only once {mark}", f"And this once {mark}"):
        assert len(messages(agent, text)) == 1
        assert len(sandbox.requests(text)) == 1
        see_on_phone(handset, product, phone=phone, stream="FERNHILL", text=text, channel="sms")
        expect(handset.locator("#screen-sms").get_by_text(text)).to_have_count(1)
    expect_notes(complaints, "ERR_FAILED|htmx:")


def test_04_an_outcome_that_nobody_knows(agent: Page, product: Product, sandbox: Sandbox, mark: str) -> None:
    phone, text = british(), f"Are you at home? {mark}"
    sandbox.tell("accounts", provider="webex_interact", delivered_after=12)
    try:
        sandbox.fault(phone, "reset_after")
        write_text(agent, product, to=phone, stream="FERNHILL", text=text)
        expect(bubble(agent, text).get_by_text("Not confirmed")).to_be_visible(timeout=SOON)
        expect(bubble(agent, text)).to_contain_text("May have been sent. Check before you resend.")
        expect(bubble(agent, text)).to_have_class(re.compile("message-unconfirmed"))
        assert len(sandbox.requests(text)) == 1
        expect(bubble(agent, text).get_by_text("Delivered")).to_be_visible(timeout=SOON)
        expect(bubble(agent, text).get_by_text("May have been sent")).to_have_count(0)
    finally:
        sandbox.tell("accounts", provider="webex_interact", delivered_after=0.4)
    assert len(sandbox.requests(text)) == 1  # nothing was sent again
    sandbox.expect_on_phone(phone, text, 1)
    assert [one["status"] for one in messages(agent, text)] == ["delivered"]


def test_05_an_honest_resend(agent: Page, colleague: Page, product: Product, sandbox: Sandbox, mark: str) -> None:
    phone, text = american(), f"Your refund is on its way. {mark}"
    write_text(colleague, product, to=phone, stream="US support line", text=f"Tom here. {mark}")
    expect(bubble(colleague, f"Tom here. {mark}").get_by_text("Delivered")).to_be_visible(timeout=SOON)
    agent.goto(colleague.url)
    send(agent, text)
    first = agent.get_by_role("article").filter(has_text=text).first
    expect(first).to_contain_text("The customer is already in a text conversation at CCAI Platform.", timeout=SOON)
    expect(first).to_contain_text("Nothing reached the customer.")
    (refused,) = sandbox.requests(text)
    assert refused["status"] == 400

    session = sandbox.end_session(phone)
    first.get_by_text("Send again", exact=True).click()
    first.get_by_role("button", name="Send again now").click()
    expect(bubble(agent, text).get_by_text("Delivered")).to_be_visible(timeout=SOON)
    assert [one["status"] for one in sandbox.requests(text)] == [400, 200]
    expect(first).to_contain_text("It was sent again as a new message.")
    answers = (("400", "Consumer is already in an active SMS session."), ("200", "Messaging (SMS)"))
    for message, (status, words) in zip((first, bubble(agent, text)), answers, strict=True):
        toggle = message.locator(".details-toggle > summary")
        toggle.click()
        attempt = message.locator(".history-step").filter(has_text="Attempt 1:")
        expect(attempt.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
        expect(attempt.locator("dd").filter(has_text=re.compile(f"^{status}$"))).to_be_visible()
        attempt.get_by_text("Request and answer").click()
        expect(attempt.locator("pre").first).to_contain_text(text)
        expect(attempt.locator("pre").last).to_contain_text(words)

    # A failure that is told too late is about the session of before.
    report = {"event_type": "message_status", "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"}
    numbers = {"end_user_number": phone, "outbound_number": "+16285550199"}
    chat = {"chat_id": session, "body": {"status": "failed", "reason": "The session was still open", **numbers}}
    sandbox.call_product("ccai_platform", report | chat)
    agent.wait_for_timeout(2_000)
    agent.reload()
    expect(bubble(agent, text).get_by_text("Delivered")).to_be_visible()
    assert [one["status"] for one in messages(agent, text)] == ["failed", "delivered"]


WATCH_STATES = """(text) => {
  window.states = [];
  const look = () => {
    const message = [...document.querySelectorAll("article.message-out")].find((one) => one.textContent.includes(text));
    const words = message?.querySelector(".delivery")?.textContent.trim();
    if (words && window.states.at(-1) !== words) window.states.push(words);
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


def test_06_receipts_in_another_order(
    agent: Page, operator: Page, product: Product, sandbox: Sandbox, mark: str
) -> None:
    phone, text = british(), f"See you at nine. {mark}"
    sandbox.write("Fernhill Care", f"When do you come? {mark}", phone)
    open_from_list(agent, product, f"When do you come? {mark}")
    before = sandbox.ask("ledger", kind="hook")["entries"]
    sandbox.fault(phone, "out_of_order")
    agent.evaluate(WATCH_STATES, text)
    send(agent, text)
    expect(bubble(agent, text).get_by_text(re.compile("^Read"))).to_be_visible(timeout=SOON)
    sandbox.rest()
    agent.wait_for_timeout(2_000)  # for whatever a late receipt would still change
    states = agent.evaluate("window.states")
    assert [words for words in states if words.startswith(("Read", "Delivered", "Sent"))] == [states[-1]]
    assert states[-1].startswith("Read")
    told = sandbox.ask("ledger", kind="hook", after=before[-1]["id"] if before else 0)["entries"]
    reports = [one["summary"] for one in told if f" {phone} " in one["phones"] and "report" in one["summary"]]
    assert len(reports) == 4, reports
    for summary, word in zip(reports, ("read", "delivered", "sent", "delivered"), strict=True):
        assert word in summary

    operator.goto(f"{product.web}/admin/conversations/receipt/?q={phone.lstrip('+')}")
    kept = operator.locator("#result_list tbody tr")
    expect(kept).to_have_count(3)
    for word in ("Read", "Delivered", "Sent"):
        expect(kept.locator(".field-status").filter(has_text=re.compile(f"^{word}$", re.IGNORECASE))).to_have_count(1)

    # A receipt for what nobody sent waits for its message, and stands where the operator looks.
    unknown = f"tid_{uuid.uuid4().hex[:27]}"
    event = {"specversion": "1.0", "type": "com.interact.messages.sms.status", "id": f"evt_{uuid.uuid4().hex[:27]}"}
    event |= {"source": "https://api.webexinteract.com/v1/sms", "transaction_id": unknown}
    event |= {"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "datacontenttype": "application/json"}
    report = {"data": {"status": "delivered", "channel": "sms", "phone_number": british()}}
    sandbox.call_product("webex_interact", event | report)
    for _ in range(30):
        operator.goto(f"{product.web}/admin/conversations/receipt/?q={unknown}")
        if kept.count():
            break
        operator.wait_for_timeout(500)
    expect(kept).to_have_count(1)
    expect(kept).to_contain_text("Expected")


def test_12_what_a_text_costs(agent: Page, product: Product) -> None:
    write_text(agent, product, to=british(), stream="Service texts", text="Good morning.")
    meter = agent.locator("seg-meter")
    plain = ("We will post your refund to you on Monday morning. " * 4)[:161]
    agent.locator(REPLY).press_sequentially(plain, delay=0)
    expect(meter).to_contain_text("2 segments · GSM-7")
    expect(meter).to_contain_text("161 characters")
    curly = f"{plain[:100]}’{plain[101:160]}"
    agent.locator(REPLY).fill("")
    agent.locator(REPLY).focus()
    agent.keyboard.insert_text(curly)  # as pasting does
    expect(meter).to_contain_text("3 segments · Unicode")
    expect(meter).to_contain_text(
        "1 character (’) forces Unicode, so this takes 3 texts. In plain characters it takes 1."
    )
    expect(agent.locator(".composer-marks mark")).to_have_text("’")
    meter.get_by_role("button", name="Use plain characters").click()
    expect(agent.locator(REPLY)).to_have_value(curly.replace("’", "'"))
    expect(meter).to_contain_text("1 segment · GSM-7")


def tomorrow_at(hour: int, zone: ZoneInfo, *, days: int = 1) -> str:
    """That hour of tomorrow there, as a field in the site's time shows it."""
    there = (datetime.now(zone) + timedelta(days=days)).replace(hour=hour, minute=0)
    return f"{there.astimezone(LONDON):%Y-%m-%dT%H:%M}"


def schedule(page: Page, text: str, at: str) -> None:
    """Write a message for later, to be cancelled if the customer writes first."""
    page.locator(REPLY).fill(text)
    if not page.locator("[name=later]").is_checked():
        page.locator(".schedule-toggle").click()
    page.locator("#composer [name=scheduled_for]").fill(at)
    page.get_by_label("Cancel it if the customer writes first").check()
    page.get_by_role("button", name=re.compile("^Schedule")).last.click()


def test_15_scheduled_and_cancelled_by_the_reply(
    agent: Page, product: Product, sandbox: Sandbox, complaints: Complaints, mark: str
) -> None:
    phone, text = american(), f"Shall I call you? {mark}"
    sandbox.write("US support line", f"Not today {mark}", phone)
    open_from_list(agent, product, f"Not today {mark}")
    schedule(agent, text, tomorrow_at(8, LOS_ANGELES))
    message = bubble(agent, text)
    at = datetime.fromisoformat(tomorrow_at(8, LOS_ANGELES))
    expect(message).to_contain_text(f"{at:%A %-d %B}, {at:%H:%M} London time")

    message.get_by_text("Edit", exact=True).click()
    message.get_by_label("Message").fill(f"{text} At home?")
    message.get_by_role("button", name="Change message").click()
    expect(message).to_contain_text("Changed: words")
    expect(message.locator(".bubble-text")).to_have_text(f"{text} At home?")

    sandbox.write("US support line", f"Call me now {mark}", phone)
    expect(agent.get_by_role("log").get_by_text(f"Call me now {mark}")).to_be_visible(timeout=SOON)
    expect(message).to_contain_text("Not sent: the customer wrote first")
    line = agent.locator(".activity").filter(has_text="The customer wrote first: a message was not sent")
    expect(line).to_have_count(1)
    assert [one["status"] for one in messages(agent, text)] == ["cancelled"]
    assert sandbox.requests(text) == []
    assert sandbox.on_phone(phone, text) == 0

    # Times that the provider would not take are refused before it is asked.
    phone = british()
    write_text(agent, product, to=phone, stream="FERNHILL", text=f"Good morning {mark}")
    expect(bubble(agent, f"Good morning {mark}").get_by_text("Delivered")).to_be_visible(timeout=SOON)
    asked = len(sandbox.ask("ledger", kind="request", provider="webex_interact")["entries"])
    schedule(agent, f"Too far {mark}", tomorrow_at(9, LONDON, days=8))
    expect(agent.locator("#composer .field-error")).to_contain_text("Webex Interact allows 7 days")
    schedule(agent, f"In time {mark}", tomorrow_at(9, LONDON))
    waiting = bubble(agent, f"In time {mark}")
    waiting.get_by_text("Edit", exact=True).click()
    waiting.locator("[name=valid_until]").fill(tomorrow_at(10, LONDON, days=5))
    waiting.get_by_role("button", name="Change message").click()
    expect(waiting.locator(".field-error")).to_contain_text("Webex Interact allows 3 days after sending")
    assert len(sandbox.ask("ledger", kind="request", provider="webex_interact")["entries"]) == asked
    assert messages(agent, f"Too far {mark}") == []
    expect_notes(complaints, "422")


AT_ONCE = """at => new Promise((resolve) => setTimeout(() => {
  [...document.querySelectorAll("button")].find((one) => one.textContent.trim() === "Take").click();
  resolve(Date.now());
}, at - Date.now()))"""


def test_16_two_agents_claim_and_answer(
    agent: Page, colleague: Page, product: Product, sandbox: Sandbox, complaints: Complaints, mark: str
) -> None:
    phone = british()
    sandbox.write("FERNHILL", f"Anybody there? {mark}", phone)
    pages = {"Priya Nair": agent, "Tom Okafor": colleague}
    for page in pages.values():
        open_from_list(page, product, f"Anybody there? {mark}")
        expect(page.get_by_role("button", name="Take", exact=True)).to_be_visible()
    for page in pages.values():  # the same moment for both
        page.evaluate(f"at => {{ window.taken = ({AT_ONCE})(at); }}", time.time() * 1000 + 1_500)
    agent.wait_for_timeout(2_000)
    owner = next(line["who"] for line in lines(agent) if line["kind"] == "activity" and "ssign" in line["text"])
    loser = pages["Tom Okafor" if owner == "Priya Nair" else "Priya Nair"]
    expect(pages[owner].locator(".toast").filter(has_text="This conversation is yours")).to_be_visible()
    expect(loser.locator(".toast").filter(has_text=f"Taken by {owner} just now.")).to_be_visible()
    assigned = [line for line in lines(agent) if line["kind"] == "activity" and "ssign" in line["text"]]
    assert len(assigned) == 1

    agent.locator(REPLY).press_sequentially(f"Yes, I am. {mark}", delay=200)  # as long as people take
    expect(colleague.locator("#thread-presence")).to_contain_text("is typing", timeout=5_000)
    expect(colleague.locator("#thread-presence")).to_contain_text("Priya")
    colleague.locator(REPLY).fill(f"Here is Tom. {mark}")
    colleague.locator(REPLY).press("Control+Enter")
    expect(bubble(colleague, f"Here is Tom. {mark}").get_by_text("Delivered")).to_be_visible(timeout=SOON)
    agent.wait_for_timeout(5_000)
    agent.locator(REPLY).press("Control+Enter")
    notice = agent.get_by_role("alert").filter(has_text="Nothing of yours was sent.")
    expect(notice).to_contain_text(re.compile(r"Tom Okafor replied \d+ s ago:"))
    expect(notice).to_contain_text(f"Here is Tom. {mark}")
    assert messages(agent, f"Yes, I am. {mark}") == []
    assert sandbox.requests(f"Yes, I am. {mark}") == []
    expect(agent.locator(REPLY)).to_have_value(f"Yes, I am. {mark}")
    expect_notes(complaints, "409|422")
