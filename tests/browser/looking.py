"""Looking at a page as everybody sees it: in light and in dark, at each width, with what it logged."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

from tests.accessibility import barriers_in_both_schemes
from tests.browser.conftest import Complaints, Product

WIDTHS = (1024, 390, 320, 1440)  # the last one is the width at which everything else is looked at
_TOO_WIDE = "document.documentElement.scrollWidth - innerWidth"
CHROMIUM_SAYS = "error: Failed to load resource: the server responded with a status of {}"


@dataclass
class Walk:
    """A window, and what its pages log."""

    page: Page
    product: Product
    complaints: Complaints

    def go(self, address: str) -> None:
        """Open a page of the product."""
        self.page.goto(self.product.web + address)

    def look(self, *, refused: str = "") -> list[str]:
        """What is wrong with the page: axe in both schemes, every width, and what was logged on the way to it.

        `refused` is the status of a page that is not meant to be 200, which Chromium logs as an error by itself.
        """
        faults = barriers_in_both_schemes(self.page)
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            if (wider := self.page.evaluate(_TOO_WIDE)) > 0:
                faults.append(f"{width} px: wider by {wider}")
        if refused:
            self.complaints.lines.remove(CHROMIUM_SAYS.format(refused))
        faults += self.complaints.lines
        self.complaints.lines.clear()
        return faults

    def first(self, words: str, *, view: str = "/?view=all") -> str:
        """The address of the first conversation of a list whose row has these words, however far down it stands."""
        self.go(view)
        row = self.page.locator(".conversation-row").filter(has_text=words).first
        older = self.page.locator("#load-older a")
        while row.count() == 0 and older.count():
            older.evaluate_all("links => links.forEach((link) => link.click())")  # it may just go by itself
            self.page.wait_for_timeout(300)
        return (row.get_attribute("href") or "").partition("?")[0]
