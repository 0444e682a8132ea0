"""Campaigns as a supervisor makes them: who gets it and who does not, pause, resume, stop, and the failures again."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Complaints, Product, open_page, sign_in
from tests.browser.customers import british
from tests.browser.sandbox import Sandbox
from tests.browser.test_main_job import write_text

pytestmark = pytest.mark.browser

TEXTS = "Service texts"
SOON = 60_000
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
_TOO_WIDE = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture
def tom(product: Product, chromium: Browser, complaints: Complaints) -> Iterator[Page]:
    """The supervisor, at the inbox, in a window of his own."""
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = open_page(window, complaints)
    sign_in(page, product, "tom")
    yield page
    window.close()


def make(page: Page, product: Product, *, name: str, rows: list[str]) -> None:
    """A new campaign on the stream for texts with these rows, as far as its list."""
    page.goto(f"{product.web}/campaigns/")
    page.get_by_role("link", name="New campaign").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("From").select_option(label=TEXTS)
    page.get_by_role("button", name="Continue to the list").click()
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": "\n".join(rows).encode()}
    page.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Read the list").click()
    expect(page.get_by_role("heading", name=f"{len(rows) - 1} rows")).to_be_visible()


def write(page: Page, text: str) -> None:
    """From the list over the message to the timing."""
    page.get_by_role("link", name="Continue to the message").click()
    page.get_by_label("Text", exact=True).fill(text)
    page.get_by_role("button", name="Continue to the timing").click()
    expect(page.get_by_role("heading", name="Pace and safety")).to_be_visible()


def send(page: Page, people: int) -> None:
    """From the timing over the check to the progress."""
    page.get_by_role("button", name="Continue to the check").click()
    page.get_by_role("button", name=f"Send to {people} people").click()
    expect(page.get_by_role("heading", name="People")).to_be_visible()


def look(page: Page) -> list[str]:
    """What is wrong with the page in both schemes and at two widths."""
    faults = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for fault in Axe().run(page, options=RULES).response["violations"]:
            faults += [f"{scheme}: {fault['id']}: {node['html'][:200]}" for node in fault["nodes"]]
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        if (wider := page.evaluate(_TOO_WIDE)) > 0:
            faults.append(f"{width} px: wider by {wider}")
    return faults


def processed(page: Page, of: int, number: int) -> Locator:
    """The heading that says how many are done."""
    return page.get_by_role("heading", name=f"{number} of {of} processed")


def test_the_check_says_who_gets_it_and_exactly_they_do(tom: Page, product: Product) -> None:
    """Scenario 13, with 60 rows: 5 opted out, 4 twice, 3 not usable, 2 without a value, and 46 to be sent."""
    sandbox = Sandbox(product)
    out = [british() for _ in range(5)]
    for phone in out:
        sandbox.write(TEXTS, "STOP", phone)
    tom.goto(f"{product.web}/permissions/?q={out[-1].lstrip('+')}")
    until = time.monotonic() + 30
    while tom.locator(".ledger-table tbody tr").count() == 0 and time.monotonic() < until:
        time.sleep(0.5)
        tom.reload()
    sent = [british() for _ in range(46)]
    rows = ["Mobile,First name,Day", *(f"{phone},Ines,Monday" for phone in sent)]
    rows += [f"{phone},Ida,Monday" for phone in out]
    rows += [f"{phone},Again,Monday" for phone in sent[:4]]
    rows += ["12,Max,Monday", "nobody,Max,Monday", "+44770090,Max,Monday"]
    unnamed = [british() for _ in range(2)]
    rows += [f"{phone},Eve," for phone in unnamed]
    make(tom, product, name="Area works, Epsom", rows=rows)
    assert look(tom) == []
    write(tom, "Hi ${firstname}, we work in your street on ${day}.")
    tom.locator(".campaign-foot").get_by_role("link", name="Message").click()
    expect(tom.locator("#campaign-preview")).to_contain_text("Hi Ines, we work in your street on Monday.")
    box = tom.get_by_label("Text", exact=True)
    box.press("End")
    tom.get_by_role("button", name="Insert the field day").click()
    expect(box).to_have_value("Hi ${firstname}, we work in your street on ${day}.${day}")
    expect(tom.locator("#campaign-preview")).to_contain_text("on Monday.Monday")
    assert look(tom) == []
    box.fill("Hi ${firstname}, we work in your street on ${day}.")
    tom.get_by_role("button", name="Continue to the timing").click()
    assert look(tom) == []
    tom.get_by_role("button", name="Continue to the check").click()
    for count, words in ((46, "Will be sent"), (5, "Opted out"), (4, "Number stands in the list before")):
        expect(tom.get_by_role("link", name=f"{count} {words}")).to_be_visible()
    expect(tom.get_by_role("link", name="2 A value is missing")).to_be_visible()
    expect(tom.get_by_role("heading", name="46 people will get 46 texts from")).to_be_visible()
    assert look(tom) == []
    tom.get_by_text("Send a test to me").click()
    own = british()
    tom.get_by_label("Your number").fill(own)
    tom.get_by_role("button", name="Send the test").click()
    expect(tom.get_by_text("The test is on its way")).to_be_visible()
    sandbox.expect_on_phone(own, "Hi Ines, we work in your street on Monday.", 1)
    tom.get_by_role("link", name="3 Not a usable number").click()
    expect(tom.locator(".campaign-table tbody tr")).to_have_count(3)
    assert look(tom) == []
    tom.go_back()
    tom.get_by_role("button", name="Send to 46 people").click()
    expect(processed(tom, of=46, number=46)).to_be_visible(timeout=SOON)
    expect(tom.get_by_text("Done", exact=True)).to_be_visible(timeout=SOON)
    assert look(tom) == []
    for phone in sent:
        sandbox.expect_on_phone(phone, "we work in your street on Monday.", 1)
    for phone in (*out, *unnamed):
        assert sandbox.on_phone(phone, "we work in your street") == 0

    with tom.expect_download() as download:
        tom.get_by_role("link", name="Results (CSV)").click()
    text = download.value.path().read_text("utf-8-sig")
    results = list(csv.DictReader(io.StringIO(text)))
    assert len(results) == 60
    assert all(one["result"] for one in results)
    left_out = Counter(one["result"] for one in results if not one["reference"])
    assert left_out == {
        "Opted out": 5,
        "Number stands in the list before": 4,
        "Not a usable number": 3,
        "A value is missing": 2,
    }
    tom.get_by_role("link", name="Ines").first.click()
    link = tom.get_by_role("link", name="Campaign", exact=True)
    expect(link).to_be_visible()
    link.click()
    expect(tom.get_by_role("heading", name="Area works, Epsom", level=1)).to_be_visible()


def test_pause_resume_stop_and_again_those_that_failed(tom: Page, agent: Page, product: Product) -> None:
    """Scenario 14: pause at a third, a reply leaves meanwhile, resume finishes, stop ends, failures become a run."""
    sandbox = Sandbox(product)
    everybody = [british() for _ in range(30)]
    sandbox.fault(everybody[0], "not_valid")
    rows = ["phone,name", *(f"{phone},Ines" for phone in everybody)]
    text = "The works are over."
    make(tom, product, name="Works over", rows=rows)
    write(tom, text)
    tom.get_by_label("Messages a minute").fill("60")
    send(tom, 30)
    expect(processed(tom, of=30, number=10)).to_be_visible(timeout=SOON)
    tom.get_by_text("Pause", exact=True).click()
    tom.get_by_label("Why, for your colleagues").fill("Wrong street")
    tom.get_by_role("button", name="Pause now").click()
    expect(tom.get_by_text("Wrong street")).to_be_visible()
    time.sleep(5)
    before = sum(sandbox.on_phone(phone, text) for phone in everybody)
    begun = time.monotonic()
    customer = british()
    write_text(agent, product, to=customer, stream=TEXTS, text="We are on our way.")
    sandbox.expect_on_phone(customer, "We are on our way.", 1)
    assert time.monotonic() - begun < 15, "a reply does not wait for a campaign"
    time.sleep(7)  # longer than the pace would have waited
    assert sum(sandbox.on_phone(phone, text) for phone in everybody) == before < 30
    tom.get_by_role("button", name="Resume").click()
    expect(processed(tom, of=30, number=30)).to_be_visible(timeout=SOON)
    expect(tom.get_by_text("Done", exact=True)).to_be_visible(timeout=SOON)
    for phone in everybody[1:]:
        sandbox.expect_on_phone(phone, text, 1)
    expect(tom.get_by_role("region", name="Failures", exact=True)).to_contain_text("1")
    assert look(tom) == []
    tom.get_by_role("button", name="New campaign from this failure").click()
    expect(tom.get_by_role("heading", name="Works over, failures")).to_be_visible()
    expect(tom.get_by_text("1 can be written to")).to_be_visible()

    other = [f"{phone},Ines" for phone in everybody]
    make(tom, product, name="Works again", rows=["phone,name", *other])
    write(tom, "The works begin again.")
    tom.get_by_label("Messages a minute").fill("60")
    send(tom, 30)
    expect(processed(tom, of=30, number=10)).to_be_visible(timeout=SOON)
    tom.get_by_text("Stop…").click()
    tom.get_by_role("button", name="Stop the campaign").click()
    expect(tom.get_by_text("Stopped", exact=True)).to_be_visible()
    expect(tom.locator(".campaign-tallies")).to_contain_text("Never sent")
    assert look(tom) == []
