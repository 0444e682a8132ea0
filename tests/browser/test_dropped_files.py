"""Files that are dropped on a page, by Chromium's own drag."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Complaints, Product, come_back, open_page

pytestmark = pytest.mark.browser

BESIDE_THE_FIELD = (1000, 700)


def drag(page: Page, *files: Path, until: str = "drop") -> None:
    """Bring these from outside the browser over the page; by default let go of them."""
    session = page.context.new_cdp_session(page)
    x, y = BESIDE_THE_FIELD
    data = {"items": [], "files": [str(one) for one in files], "dragOperationsMask": 1}
    for step in ("dragEnter", "dragOver", until):
        session.send("Input.dispatchDragEvent", {"type": step, "x": x, "y": y, "data": data})
    session.detach()


@pytest.mark.parametrize("address", ["/contacts/import/", "/permissions/import/", "/templates/import/"])
def test_a_file_dropped_beside_its_field_is_chosen(
    product: Product, chromium: Browser, complaints: Complaints, tmp_path: Path, address: str
) -> None:
    window = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = open_page(window, complaints)
    come_back(page, product, "tom")
    people, others = tmp_path / "people.csv", tmp_path / "others.csv"
    for file in (people, others):
        file.write_text("phone\n07700900711\n")
    page.goto(product.web + address)
    field = page.get_by_label("File", exact=True)

    drag(page, people, until="dragOver")
    expect(page.locator("[data-drop-here]")).to_have_count(1)
    drag(page, people)
    assert field.evaluate("(one) => one.files[0].name") == "people.csv"
    expect(field).to_be_focused()
    expect(page.locator("[data-drop-here]")).to_have_count(0)

    drag(page, people, others)
    expect(page.get_by_role("alert").filter(has_text="These are 2 files. Drop one.")).to_be_visible()
    drag(page, tmp_path)
    expect(page.get_by_role("alert").filter(has_text="That is a folder.")).to_be_visible()
    assert field.evaluate("(one) => one.files[0].name") == "people.csv"
    assert page.url == product.web + address
    window.close()


def test_a_file_dropped_where_none_is_taken_does_not_leave_the_page(
    agent: Page, product: Product, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("phone\n")
    agent.goto(f"{product.web}/contacts/")
    drag(agent, file)
    expect(agent.get_by_role("alert").filter(has_text="No file is taken here.")).to_be_visible()
    assert agent.url == f"{product.web}/contacts/"
