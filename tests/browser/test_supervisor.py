"""Acceptance scenarios 17 and 18: what somebody of another team finds, and a supervisor's morning."""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Complaints, Product
from tests.browser.customers import Customers, british
from tests.browser.sandbox import Sandbox
from tests.browser.test_inbox import SOON, row, toast
from tests.browser.test_main_job import write_text
from tests.browser.test_scenarios import somebody

pytestmark = pytest.mark.browser

LIST = "/?view=unassigned&sort=newest"
PEOPLE, FIRST_PAGE = 25, 24  # the list has so many rows before it is asked for more


@pytest.fixture
def customers(product: Product) -> Customers:
    return Customers(Sandbox(product))


@pytest.fixture
def tom(product: Product, chromium: Browser, complaints: Complaints) -> Iterator[Page]:
    yield from somebody(product, chromium, complaints, "tom")


@pytest.fixture
def sam(product: Product, chromium: Browser, complaints: Complaints) -> Iterator[Page]:
    """Who answers FERNHILL alone."""
    yield from somebody(product, chromium, complaints, "sam")


def give_to_sam(page: Page, product: Product, mark: str) -> None:
    """Select all that wrote with this mark, from the first row to the last, and assign them."""
    page.goto(product.web + LIST)
    rows = row(page, mark)  # in the order in which workers took them in, which is nearly that of the writing
    expect(rows).to_have_count(FIRST_PAGE, timeout=SOON)
    for _ in range(40):
        if rows.count() == PEOPLE:
            break
        page.locator("#load-older a").evaluate_all("links => links.forEach((link) => link.click())")
        page.wait_for_timeout(300)
    expect(rows).to_have_count(PEOPLE)
    rows.first.get_by_role("checkbox").check()
    rows.last.get_by_role("checkbox").click(modifiers=["Shift"])
    expect(page.get_by_text(f"{PEOPLE} selected")).to_be_visible()
    page.get_by_role("button", name="Assign", exact=True).click()
    page.get_by_role("dialog", name=f"Assign {PEOPLE} to").get_by_role("searchbox").fill("sam")
    page.keyboard.press("Enter")
    expect(toast(page, f"{PEOPLE} assigned to Sam Osei")).to_be_visible()


def test_18_a_supervisors_morning(tom: Page, sam: Page, agent: Page, product: Product, customers: Customers) -> None:
    mark = uuid.uuid4().hex[:6].translate(str.maketrans("0123456789", "ghijklmnop"))
    for number in range(1, PEOPLE + 1):
        customers.write(f"{mark} {number:02}")
    give_to_sam(tom, product, mark)
    sam.get_by_text("Available", exact=True).first.click()
    sam.get_by_role("button", name="Away", exact=True).click()
    lost = british()
    customers.sandbox.fault(lost, "not_valid")
    write_text(agent, product, to=lost, stream="Service texts", text=f"Are you there? {mark}")

    tom.goto(f"{product.web}/floor/")
    away = tom.locator("tr").filter(has_text="Sam Osei")
    expect(away).to_contain_text("Away")
    expect(away.locator("td").nth(1)).to_have_text(re.compile(rf"{PEOPLE}$"))
    expect(tom.get_by_role("region", name="Waiting longest").get_by_role("listitem")).not_to_have_count(0)
    expect(tom.locator("#floor-failed"), "the page looks again by itself").not_to_have_text("0", timeout=SOON)
    expect(tom.get_by_role("region", name="Why messages failed")).to_contain_text("Service texts")
    for tile in ("Customers waiting", "Overdue", "Due in 15 minutes", "Unassigned", "Waiting to leave"):
        expect(tom.locator("#floor").get_by_text(tile, exact=True).first).to_be_visible()

    away.get_by_role("link", name="Move work").click()
    expect(tom.get_by_text(f"Sam Osei has {PEOPLE} conversations")).to_be_visible()
    tom.get_by_role("button", name=re.compile("^Billing")).click()
    expect(toast(tom, f"{PEOPLE} conversations of Sam Osei given to Billing.")).to_be_visible()
    expect(tom.locator("tr").filter(has_text="Sam Osei").locator("td").nth(1)).to_have_text(re.compile("0$"))
    tom.goto(product.web + LIST)
    row(tom, mark).first.locator(".conversation-row").click()
    expect(tom.get_by_role("log")).to_contain_text("Tom Okafor assigned this to Billing")
    first_reply_is_told_alike(tom, product)


def first_reply_is_told_alike(tom: Page, product: Product) -> None:
    """The figure on the page is that of the file, in working hours and around the clock, and leads to its rows."""
    tom.goto(f"{product.web}/reports/?period=28d")
    shown = {}
    for hours in ("Working hours", "All hours"):
        tile = tom.locator(".report-tile").filter(has_text="First reply, typical")
        shown[hours] = (tile.locator(".report-value").inner_text(), tile.locator(".report-tile-note").inner_text())
        tom.get_by_text("Export CSV", exact=True).click()
        address = tom.get_by_role("link", name="What this page shows").get_attribute("href") or ""
        text = tom.request.get(f"{product.web}{address}").body().decode("utf-8-sig")
        figures = {one[0]: one[1] for one in csv.reader(io.StringIO(text)) if len(one) > 1}
        assert figures["First reply, typical"] == shown[hours][0]
        tile.get_by_role("link").click()
        count = int(tom.locator("#row-count").inner_text().replace(",", ""))
        assert count > 0
        expect(tom.locator(".report-rows tbody tr")).to_have_count(min(count, 50))
        tom.go_back()
        if hours == "Working hours":
            tom.get_by_role("link", name="Working hours").click()
            expect(tom.get_by_role("link", name="All hours")).to_be_visible()
    assert shown["Working hours"] != shown["All hours"]


def test_17_somebody_of_another_team_finds_nothing(agent: Page, sam: Page, product: Product) -> None:
    mark = uuid.uuid4().hex[:8].translate(str.maketrans("0123456789", "ghijklmnop"))
    number = british()
    write_text(agent, product, to=number, stream="Service texts", text=f"Your meter reading is due. {mark}")
    address = agent.url.partition("?")[0]
    assert agent.request.get(address).ok
    for part in ("", "transcript/", "older/", "streams/"):
        assert sam.request.get(f"{address}{part}").status == 404
    for page in (
        f"/search/?q={mark}",
        "/?view=all",
        f"/contacts/?q={number[-6:]}",
        f"/search/palette/?q={number[-6:]}",
    ):
        words = sam.request.get(f"{product.web}{page}").text()
        assert f"due. {mark}" not in words
        assert f"{number[3:7]} {number[7:]}" not in words
    sam.goto(f"{product.web}/?view=all")
    expect(row(sam, mark)).to_have_count(0)
    reported = sam.request.get(f"{product.web}/reports/")
    assert reported.status == 403, "for supervisors"
