"""The virtual handset in a real browser: it stays current, and leaves alone what its reader is doing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.accessibility import LEVELS, barriers

from .playing import AMIRA, MARK, PlayedSandbox, Receiver
from .reading import digits, press, send_template, stream_id, text_by_webex

pytestmark = pytest.mark.browser
WIDE, NARROW = (1440, 900), (390, 844)
SOON = 3_000  # milliseconds; a busy machine takes longer than the second that people wait


class Reader:
    """Somebody at a browser window; whatever its console says is kept."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.address = address
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str = f"/handset/{digits(AMIRA)}/") -> Page:
        """Load a page and wait until it looks for changes by itself."""
        self.page.goto(self.address + path)
        self.page.wait_for_load_state("load")
        return self.page


def window(browser: Browser, sandbox: PlayedSandbox, size: tuple[int, int], **options: object) -> Reader:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    context.set_default_timeout(5_000)
    return Reader(context, sandbox.url)


@pytest.fixture
def reader(chromium: Browser, sandbox: PlayedSandbox) -> Iterator[Reader]:
    """A wide window. The test fails when its console says anything at all."""
    someone = window(chromium, sandbox, WIDE)
    yield someone
    someone.context.close()
    assert someone.complaints == []


def test_messages_appear_within_a_second(sandbox: PlayedSandbox, reader: Reader) -> None:
    page = reader.open()
    log = page.get_by_role("log", name="Texts")
    seconds = []
    for number in range(3):
        sandbox.text_by_cirrus(f"Message {number}")
        sandbox.settle()
        began = time.monotonic()
        expect(log).to_contain_text(f"Message {number}")
        seconds.append(time.monotonic() - began)
    assert min(seconds) < 1, seconds


def test_typing_goes_on_while_a_message_arrives(sandbox: PlayedSandbox, reader: Reader) -> None:
    page = reader.open()
    box = page.get_by_label("Text as Amira Haddad")
    box.press_sequentially("Half a sen")
    box.evaluate("element => { element.dataset.same = 'yes'; element.setSelectionRange(2, 5) }")
    sandbox.text_by_cirrus("Your engineer is on the way.")
    sandbox.settle()
    expect(page.get_by_role("log", name="Texts")).to_contain_text("Your engineer is on the way.", timeout=SOON)
    expect(box).to_have_value("Half a sen")
    expect(box).to_be_focused()
    assert box.evaluate("element => [element.dataset.same, element.selectionStart, element.selectionEnd]") == [
        "yes",
        2,
        5,
    ]


def test_enter_sends_and_shift_enter_does_not(sandbox: PlayedSandbox, receiver: Receiver, reader: Reader) -> None:
    sandbox.text_by_cirrus("When may we come?")
    sandbox.settle()
    receiver.received.clear()
    page = reader.open()
    box = page.get_by_label("Text as Amira Haddad")
    box.press_sequentially("On Friday")
    box.press("Shift+Enter")
    box.press_sequentially("in the morning")
    box.press("Enter")
    log = page.get_by_role("log", name="Texts")
    expect(log).to_contain_text("On Friday\nin the morning", timeout=SOON)
    expect(log).to_contain_text("Sent", timeout=SOON)
    expect(box).to_have_value("")
    sandbox.settle()
    assert [message["text"] for message in sandbox.messages(direction="from_phone")] == ["On Friday\nin the morning"]
    assert len(receiver.received) == 1


def test_an_empty_answer_is_told_beside_the_box(sandbox: PlayedSandbox, reader: Reader) -> None:
    page = reader.open()
    page.get_by_label("Text as Amira Haddad").press("Enter")
    expect(page.locator("#composer-sms").get_by_role("alert")).to_have_text(
        "Write something first: an empty message cannot be sent."
    )
    assert sandbox.messages() == []
    reader.complaints.clear()  # the browser notes each 422 by itself


def test_a_quick_reply_and_the_sample_photo(sandbox: PlayedSandbox, receiver: Receiver, reader: Reader) -> None:
    send_template(sandbox)
    page = reader.open()
    page.get_by_role("button", name="Confirm visit").click()
    log = page.get_by_role("log", name="Messages")
    expect(log.locator(".mine")).to_contain_text("Confirm visit", timeout=SOON)
    page.get_by_role("button", name="Send a photo").click()
    picture = log.get_by_role("img", name="photo.png")
    expect(picture).to_be_visible()
    page.wait_for_function("element => element.complete && element.naturalWidth > 0", arg=picture.element_handle())


def test_a_chosen_outcome_stays(sandbox: PlayedSandbox, reader: Reader) -> None:
    page = reader.open()
    page.get_by_role("radio", name="Number not valid").check()
    expect(page.get_by_role("radio", name="Number not valid")).to_be_focused()
    page.wait_for_timeout(1_000)
    page.reload()
    expect(page.get_by_role("radio", name="Number not valid")).to_be_checked()
    sandbox.control("faults", phone=AMIRA, fault="garbage")
    more = page.get_by_text("19 more, one chosen: Garbage")
    more.click(timeout=SOON)
    expect(page.get_by_role("radio", name="Garbage")).to_be_checked()
    sandbox.text_by_cirrus("Hello")
    expect(page.locator(".exchanges li")).to_have_count(1, timeout=SOON)
    expect(page.get_by_role("radio", name="Garbage")).to_be_visible()


def test_an_opened_request_stays_open_while_others_arrive(sandbox: PlayedSandbox, reader: Reader) -> None:
    sandbox.text_by_cirrus("First")
    sandbox.settle()
    page = reader.open()
    row = page.locator(".exchanges li").last
    row.locator("summary").click()
    expect(row.locator("pre")).to_contain_text("First")
    identity = row.get_attribute("id")
    for number in range(3):
        sandbox.cirrus("GET", "core/systemstatus")
        expect(page.locator(".exchanges li")).to_have_count(2 + number, timeout=SOON)
    expect(page.locator(f"#{identity} pre")).to_be_visible()


def test_a_thread_being_typed_in_stays_and_an_idle_phone_follows(sandbox: PlayedSandbox, reader: Reader) -> None:
    sandbox.text_by_cirrus("From the service number")
    sandbox.settle()
    page = reader.open()
    log = page.get_by_role("log", name="Texts")
    expect(log).to_contain_text("From the service number")
    text_by_webex(sandbox, "From the named sender")
    expect(log).to_contain_text("From the named sender", timeout=SOON)
    page.get_by_label("Text as Amira Haddad").fill("To the named sender")
    sandbox.text_by_cirrus("The service number again")
    sandbox.settle()
    expect(page.get_by_role("link", name="Service texts 1 new")).to_be_visible(timeout=SOON)
    expect(log).to_contain_text("From the named sender")
    page.get_by_label("Text as Amira Haddad").press("Enter")
    expect(page.get_by_label("Text as Amira Haddad")).to_have_value("")
    sandbox.settle()
    assert sandbox.messages(direction="from_phone")[0]["provider"] == "webex_interact"


def test_a_reader_of_old_messages_is_not_moved(sandbox: PlayedSandbox, reader: Reader) -> None:
    recipients = [{"phone": [AMIRA]}] * 50
    sandbox.webex("POST", "v1/sms", {"message_body": "Offers every day", "from": "FERNHILL", "to": recipients})
    sandbox.settle()
    page = reader.open()
    chat = page.locator(".phone.sms .chat")
    newest = page.locator(".phone.sms .message").last
    expect(newest).to_be_in_viewport()
    text_by_webex(sandbox, "The newest")
    expect(page.get_by_text("The newest", exact=True)).to_be_in_viewport(timeout=SOON)
    old = page.locator(".phone.sms .message").nth(10)
    old.scroll_into_view_if_needed()
    before = old.bounding_box()
    text_by_webex(sandbox, "And one more")
    expect(page.locator(".phone.sms .log")).to_contain_text("And one more", timeout=SOON)
    after = old.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) < 2
    assert chat.evaluate("element => element.scrollTop") != 0


def test_hostile_text_runs_nothing(sandbox: PlayedSandbox, reader: Reader) -> None:
    page = reader.open()
    hostile = "<img src=x onerror=\"document.title='ran'\"><script>document.title='ran'</script>"
    sandbox.text_by_cirrus(hostile)
    sandbox.settle()
    expect(page.get_by_role("log", name="Texts")).to_contain_text(hostile, timeout=SOON)
    assert "ran" not in page.title().split()


def test_a_page_whose_sandbox_is_gone_says_so(sandbox: PlayedSandbox, reader: Reader) -> None:
    page = reader.open()
    notice = page.get_by_text("The sandbox does not answer, so this page stands still.")
    expect(notice).to_be_hidden()
    reader.context.set_offline(True)
    expect(notice).to_be_visible(timeout=3 * SOON)
    reader.context.set_offline(False)
    expect(notice).to_be_hidden(timeout=3 * SOON)
    reader.complaints.clear()  # the browser notes each failed request by itself


def test_a_page_that_cannot_show_what_changed_says_so_and_that_the_sandbox_answers(
    sandbox: PlayedSandbox, reader: Reader
) -> None:
    page = reader.open()
    stuck = page.get_by_text("The sandbox answers, but this page cannot show what changed.")
    page.route("**/live/**", lambda route: route.fulfill(status=500))
    expect(stuck).to_be_visible(timeout=3 * SOON)
    expect(page.get_by_text("The sandbox does not answer")).to_be_hidden()
    page.unroute("**/live/**")
    expect(stuck).to_be_hidden(timeout=3 * SOON)
    reader.complaints.clear()  # the browser notes each 500 by itself

    page.evaluate("() => { Node.prototype.isEqualNode = () => { throw new Error('A fault of the page') } }")
    sandbox.text_by_cirrus("Hello")
    expect(stuck).to_be_visible(timeout=3 * SOON)
    expect(page.get_by_text("The sandbox does not answer")).to_be_hidden()
    assert [one for one in reader.complaints if "A fault of the page" in one], "and whoever mends it finds it"
    reader.complaints.clear()


def test_everything_works_without_scripts(sandbox: PlayedSandbox, receiver: Receiver, chromium: Browser) -> None:
    sandbox.text_by_cirrus("When may we come?")
    sandbox.settle()
    someone = window(chromium, sandbox, WIDE, java_script_enabled=False)
    page = someone.open()
    page.get_by_label("Text as Amira Haddad").fill("On Friday")
    page.locator("#composer-sms").get_by_role("button", name="Send").click()
    expect(page.get_by_role("log", name="Texts")).to_contain_text("On Friday")
    page.locator(".outcome", has_text="Delivered only").click()
    page.get_by_role("button", name="Set the outcome").click()
    expect(page.get_by_role("radio", name="Delivered only")).to_be_checked()
    page.get_by_role("link", name="Mark Ellis").click()
    expect(page.get_by_label("Text as Mark Ellis")).to_be_visible()
    someone.context.close()


def test_on_a_narrow_screen_one_pane_is_shown_at_a_time(sandbox: PlayedSandbox, chromium: Browser) -> None:
    sandbox.text_by_cirrus("Hello")
    sandbox.settle()
    someone = window(chromium, sandbox, NARROW)
    page = someone.open()
    panes = page.get_by_role("navigation", name="Panes")
    box = page.get_by_label("Text as Amira Haddad")
    expect(box).to_be_visible()
    box.fill("Half a sentence")
    for name, seen in (("Phones", "Mark Ellis"), ("Outcome", "What happens to the next message"), ("Requests", "POST")):
        panes.get_by_role("link", name=name).click()
        expect(page.get_by_text(seen).first).to_be_visible()
        expect(box).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW[0]
    panes.get_by_role("link", name="Texts").click()
    expect(box).to_have_value("Half a sentence")
    assert someone.complaints == []
    someone.context.close()


SMALL = """
() => [...document.querySelectorAll('a, button, input, select, summary, textarea')]
  .filter(element => element.checkVisibility() && !element.matches('.unseen, .skip-link'))
  .map(element => ['radio', 'file'].includes(element.type) ? element.closest('label') : element)
  .map(element => [element.outerHTML.slice(0, 90), element.getBoundingClientRect()])
  .filter(([, box]) => box.width < 24 || box.height < 24)
  .map(([html, box]) => `${box.width}x${box.height} ${html}`)
"""


@pytest.mark.parametrize(("size", "theme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide-light", "narrow-dark"])
def test_the_pages_are_accessible(
    sandbox: PlayedSandbox, receiver: Receiver, chromium: Browser, size: tuple[int, int], theme: str
) -> None:
    send_template(sandbox)
    sandbox.text_by_cirrus("Hello")
    text_by_webex(sandbox, "Hello")
    sandbox.text_by_cirrus("For Mark", MARK)
    press(sandbox, "reply", sample="1", stream=stream_id(sandbox, "Fernhill Care"))
    sandbox.settle()
    entry = sandbox.ledger()[0]["id"]
    someone = window(chromium, sandbox, size, color_scheme=theme)
    paths = [f"/handset/{digits(AMIRA)}/?pane={pane}" for pane in ("phones", "whatsapp", "sms", "network", "requests")]
    for path in [*paths, "/ledger/", f"/ledger/{entry}/", "/about/"]:
        page = someone.open(path)
        if "pane=requests" in path:
            page.locator(".exchanges summary").first.click()
        assert barriers(page, rules=(*LEVELS, "best-practice")) == [], path
        assert page.evaluate(SMALL) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") == size[0], path
    assert someone.complaints == []
    someone.context.close()
