"""People who text FERNHILL, from numbers that no other test of the run uses."""

from __future__ import annotations

import itertools

from tests.browser.sandbox import Sandbox

_numbers = itertools.count(800)  # of those kept for films; the demo company and the other tests have lower ones


class Customers:
    """Who writes; each is known by a number."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def write(self, text: str, phone: str = "") -> str:
        """A text from a customer, by default a new one; returns the number."""
        phone = phone or f"+447700900{next(_numbers)}"
        self.sandbox.write("FERNHILL", text, phone)
        return phone
