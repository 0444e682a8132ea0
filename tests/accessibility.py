"""What of a page shuts somebody out, as axe finds it."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

LEVELS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
# A scheme changes colours and nothing else: the rules about anything else would be asked the same twice.
_OF_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
# What is right is not brought here: it is a hundred times as much as what is wrong.
_RUN = "([part, options]) => axe.run(part ?? document, options).then((found) => found.violations)"


def barriers(page: Page, *, rules: Any = LEVELS, part: str | None = None) -> list[str]:
    """The rules that the page breaks, or the part of it that a selector names, each with the element."""
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(_RUN, [part, {"runOnly": rules, "resultTypes": ["violations"]}])
    return [f"{one['id']}: {node['html'][:300]}" for one in found for node in one["nodes"]]


def barriers_in_both_schemes(page: Page, *, part: str | None = None) -> list[str]:
    """The same, in light and in dark."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    light = barriers(page, part=part)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    dark = barriers(page, part=part, rules=_OF_COLOURS)
    return [*(f"light: {one}" for one in light), *(f"dark: {one}" for one in dark)]
