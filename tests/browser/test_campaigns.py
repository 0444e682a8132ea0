"""Campaigns as a supervisor makes them: who gets it and who does not, pause, resume, stop, and the failures again."""

from __future__ import annotations

import csv
import io
import re
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.accessibility import barriers_in_both_schemes
from tests.browser.conftest import Complaints, Product, come_back, open_page
from tests.browser.customers import british
from tests.browser.sandbox import Sandbox
from tests.browser.test_main_job import write_text

pytestmark = pytest.mark.browser

TEXTS = "Service texts"
SOON, LONG = 60_000, 240_000
_TOO_WIDE = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture
def tom(product: Product, chromium: Browser, complaints: Complaints) -> Iterator[Page]:
    """The supervisor, at the inbox, in a window of his own."""
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = open_page(window, complaints)
    come_back(page, product, "tom")
    yield page
    window.close()


def make(page: Page, product: Product, *, name: str, rows: list[str], stream: str = TEXTS) -> None:
    """A new campaign on a stream with these rows, as far as its list."""
    page.goto(f"{product.web}/campaigns/")
    page.get_by_role("link", name="New campaign").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("From").select_option(label=stream)
    page.get_by_role("button", name="Continue to the list").click()
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": "\n".join(rows).encode()}
    page.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Read the list").click()
    expect(page.get_by_role("heading", name=f"{len(rows) - 1:,} rows")).to_be_visible(timeout=SOON)


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
    faults = barriers_in_both_schemes(page)
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        if (wider := page.evaluate(_TOO_WIDE)) > 0:
            faults.append(f"{width} px: wider by {wider}")
    return faults


def processed(page: Page, of: int | str, number: int | str) -> Locator:
    """The heading that says how many are done."""
    return page.get_by_role("heading", name=f"{number} of {of} processed", exact=True)


def a_third_processed(page: Page) -> Locator:
    """The heading from 10 of 30 on: a busy machine does not show every number."""
    return page.get_by_role("heading", name=re.compile(r"^[12]\d of 30 processed$"))


@pytest.fixture
def no_receipts(product: Product) -> Iterator[None]:
    """FERNHILL's provider reports nothing: ten thousand receipts would take longer than what is looked at here."""
    sandbox = Sandbox(product)
    sandbox.tell("accounts", provider="webex_interact", sends_receipts=False)
    yield
    sandbox.tell("accounts", provider="webex_interact", sends_receipts=True)


def mobile(place: int) -> str:
    """One of many numbers that no phone of the demo company has; nothing but the sandbox is ever asked for them."""
    return f"+44741{place:07}"


def stop_all(page: Page, product: Product, phones: list[str]) -> None:
    """These people text STOP, and it is on record."""
    sandbox = Sandbox(product)
    for phone in phones:
        sandbox.write(TEXTS, "STOP", phone)
    for phone in phones:
        until = time.monotonic() + 60
        address = f"{product.web}/permissions/?q={phone.lstrip('+')}"
        while "ledger-table" not in page.request.get(address).text() and time.monotonic() < until:
            time.sleep(0.5)


def results_of(page: Page) -> list[dict[str, str]]:
    """The downloaded results of the campaign that the page shows."""
    with page.expect_download() as download:
        page.get_by_role("link", name="Results (CSV)").click()
    return list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig"))))


@pytest.mark.usefixtures("no_receipts")
def test_the_check_says_who_gets_it_and_exactly_they_do(tom: Page, product: Product) -> None:
    """Scenario 13: of 10,000 rows 37 opted out, 12 stand there twice, 9 are no numbers, 5 lack a value: 9,937 leave."""
    sandbox = Sandbox(product)
    people, out = [mobile(place) for place in range(9_937)], [mobile(20_000 + place) for place in range(37)]
    unnamed = [mobile(30_000 + place) for place in range(5)]
    stop_all(tom, product, out)
    rows = ["Mobile,First name,Day", *(f"{phone},Ines,Monday" for phone in people)]
    rows += [f"{phone},Ida,Monday" for phone in out]
    rows += [f"{phone},Again,Monday" for phone in people[:12]]
    rows += [f"{wrong},Max,Monday" for wrong in ("12", "nobody", "+44770090", *(f"+4477009{one}" for one in range(6)))]
    rows += [f"{phone},Eve," for phone in unnamed]
    text = "we work in your street on Monday."
    make(tom, product, name="Area works, Epsom", rows=rows, stream="FERNHILL")
    expect(tom.get_by_role("heading", name="Not a usable number: 9 rows")).to_be_visible(timeout=LONG)  # by a worker
    assert look(tom) == []
    write(tom, "Hi ${firstname}, we work in your street on ${day}.")
    assert look(tom) == []
    tom.get_by_role("button", name="Continue to the check").click()
    counts = {"Will be sent": "9,937", "Opted out": "37", "Number stands in the list before": "12"}
    counts |= {"Not a usable number": "9", "A value is missing": "5"}
    for words, count in counts.items():
        expect(tom.get_by_role("link", name=f"{count} {words}")).to_be_visible(timeout=LONG)
    expect(tom.get_by_role("heading", name="9,937 people will get 9,937 texts from FERNHILL now.")).to_be_visible()
    assert look(tom) == []
    tom.get_by_text("Send a test to me").click()
    own = british()
    tom.get_by_label("Your number").fill(own)
    tom.get_by_role("button", name="Send the test").click()
    expect(tom.get_by_text("The test is on its way")).to_be_visible()
    sandbox.expect_on_phone(own, f"Hi Ines, {text}", 1)
    for words, rows_shown in (("Not a usable number", 9), ("A value is missing", 5), ("Opted out", 37)):
        tom.get_by_role("link", name=f"{counts[words]} {words}").click()
        expect(tom.locator(".sheet-table tbody tr")).to_have_count(rows_shown)
        assert look(tom) == []
        tom.go_back()
    tom.get_by_label("Type the number of people").fill("9,937")
    tom.get_by_role("button", name="Send to 9,937 people").click()
    expect(processed(tom, of="9,937", number="9,937")).to_be_visible(timeout=LONG)
    expect(tom.get_by_text("Done", exact=True)).to_be_visible(timeout=SOON)
    assert look(tom) == []

    listed = {*people, *out, *unnamed}
    requests = sandbox.ask("ledger", kind="request", provider="webex_interact")["entries"]
    asked = Counter(phone for one in requests for phone in one["phones"].split() if phone in listed)
    assert asked == Counter(people), "each of them once, and nobody else"
    assert sandbox.on_phone(people[0], f"Hi Ines, {text}") == 1
    results = results_of(tom)
    assert len(results) == 10_000
    assert Counter(one["result"] for one in results if one["reference"]) == {"Accepted": 9_937}
    assert Counter(one["result"] for one in results if not one["reference"]) == {
        "Opted out": 37,
        "Number stands in the list before": 12,
        "Not a usable number": 9,
        "A value is missing": 5,
    }
    tom.get_by_role("link", name="Ines").first.click()
    link = tom.get_by_role("link", name="Campaign", exact=True)
    expect(link).to_be_visible()
    link.click()
    expect(tom.get_by_role("heading", name="Area works, Epsom", level=1)).to_be_visible()


def test_a_value_that_makes_one_text_longer_is_counted_for_that_person(tom: Page, product: Product) -> None:
    """Scenario 12, its merge field: one long name of three costs a second text, and one curly quote makes Unicode."""
    names = ("Al", "Bo", "Maximiliana Featherstone")
    make(tom, product, name="Long names", rows=["phone,first name", *(f"{british()},{one}" for one in names)])
    tom.get_by_role("link", name="Continue to the message").click()
    box = tom.get_by_label("Text", exact=True)
    box.fill("Hi ${firstname}, " + "a" * 153)  # 160 characters for Al and Bo
    tom.get_by_role("button", name="Save", exact=True).click()
    card = tom.locator("#campaign-lengths")
    expect(card).to_contain_text("4 texts")
    expect(card).to_contain_text("2 people get 1 text")
    expect(card).to_contain_text("1 person gets 2 texts")
    preview = tom.locator("#campaign-preview")
    expect(preview).to_contain_text("1 text · 160 of 160 characters")
    preview.get_by_role("link", name="Longest").click()
    expect(preview).to_contain_text("Maximiliana")
    expect(preview).to_contain_text("2 texts · 182 of 2 × 153 characters")
    preview.get_by_label("Name or number").fill("bo")
    preview.get_by_role("button", name="Find").click()
    expect(preview).to_contain_text("person 2 of 3")
    assert look(tom) == []
    box.fill("Hi ${firstname}, it’s " + "a" * 40)
    expect(card).to_contain_text("3 in Unicode")
    expect(card).to_contain_text("2 people get 1 text")
    expect(preview).to_contain_text("Hi Bo, it’s")
    box.fill("Hi ${firstname}, " + "a" * 153)
    tom.get_by_role("button", name="Continue to the timing").click()
    tom.get_by_role("button", name="Continue to the check").click()
    expect(tom.get_by_role("heading", name="3 people will get 4 texts from")).to_be_visible()


def test_columns_are_chosen_and_a_draft_is_renamed_and_deleted(tom: Page, product: Product) -> None:
    tom.goto(f"{product.web}/campaigns/new/")
    tom.get_by_label("Name").fill("Columns")
    tom.get_by_label("From").select_option(label=TEXTS)
    tom.get_by_role("button", name="Continue to the list").click()
    rows = f"Customer,Handset,Town\nRosa,{british()},Epsom\nOlu,{british()},"
    tom.get_by_label("Or paste the rows").fill(rows)
    tom.get_by_role("button", name="Read the list").click()
    expect(tom.get_by_role("heading", name="Which column has the numbers?")).to_be_visible()
    assert look(tom) == []
    expect(tom.get_by_label("The numbers are in")).to_have_value("handset")
    tom.get_by_role("button", name="Read the numbers").click()
    expect(tom.get_by_role("heading", name="2 rows")).to_be_visible()
    tom.get_by_role("link", name="Continue to the message").click()
    tom.get_by_text("Saved text").click()
    tom.get_by_label("Which", exact=True).select_option(index=1)
    tom.get_by_role("button", name="Begin with this text").click()
    expect(tom.get_by_text("stands in the message now")).to_be_visible()
    tom.get_by_label("Text", exact=True).fill("Hello ${firstname}, we come to ${town}.")
    tom.get_by_role("button", name="Save", exact=True).click()
    tom.get_by_label("Column for firstname").select_option(label="Customer")
    expect(tom.locator("#campaign-preview")).to_contain_text("Hello Rosa, we come to Epsom.")
    tom.get_by_label("If town is empty").fill("your street")
    tom.get_by_role("button", name="Save", exact=True).click()
    tom.get_by_role("link", name="With fallback").click()
    expect(tom.locator("#campaign-preview")).to_contain_text("Hello Olu, we come to your street.")
    assert look(tom) == []
    menu = tom.get_by_label("Rename or delete this campaign")
    menu.click()
    tom.get_by_label("Name", exact=True).fill("Works in Epsom")
    tom.get_by_role("button", name="Rename").click()
    expect(tom.get_by_role("heading", name="Works in Epsom", level=1)).to_be_visible()
    menu.click()
    tom.get_by_role("button", name="Delete this draft and its list").click()
    expect(tom.get_by_text("Works in Epsom was deleted. Nobody was written to.")).to_be_visible()
    expect(tom.get_by_role("link", name="Works in Epsom")).to_have_count(0)


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
    expect(a_third_processed(tom)).to_be_visible(timeout=SOON)
    waiting = tom.locator("#people-rows tr").filter(has_text="Waiting")
    expect(waiting, "the table follows without a reload").not_to_have_count(30, timeout=SOON)
    tom.get_by_text("Pause", exact=True).click()
    tom.get_by_label("Why, for your colleagues").fill("Wrong street")
    tom.get_by_role("button", name="Pause now").click()
    expect(tom.get_by_text("Wrong street")).to_be_visible()
    paused = time.monotonic()
    time.sleep(2)
    before = len(sandbox.requests(text))
    begun = time.monotonic()
    customer = british()
    write_text(agent, product, to=customer, stream=TEXTS, text="We are on our way.")
    sandbox.expect_on_phone(customer, "We are on our way.", 1)
    assert time.monotonic() - begun < 15, "a reply does not wait for a campaign"
    time.sleep(max(0, paused + 12 - time.monotonic()))  # longer than the pace would have waited
    assert len(sandbox.requests(text)) == before < 30, "no new request"
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
    expect(tom.get_by_role("link", name="Failures of Works over")).to_be_visible()

    other = [f"{phone},Ines" for phone in everybody]
    make(tom, product, name="Works again", rows=["phone,name", *other])
    write(tom, "The works begin again.")
    tom.get_by_label("Messages a minute").fill("60")
    send(tom, 30)
    expect(a_third_processed(tom)).to_be_visible(timeout=SOON)
    tom.get_by_text("Stop…").click()
    tom.get_by_role("button", name="Stop the campaign").click()
    expect(tom.get_by_text("Stopped", exact=True)).to_be_visible()
    expect(tom.locator(".campaign-tallies")).to_contain_text("Never sent")
    assert look(tom) == []
    results = Counter(one["result"] for one in results_of(tom))
    assert results.total() == 30
    assert 1 <= results["Never sent"] <= 20, "what had not left never will"
