"""People who text FERNHILL, from numbers that no other test of the run uses."""

from __future__ import annotations

import itertools

from tests.browser.sandbox import Sandbox

# Of those kept for films. The demo company, its past customers too, and tests that name their numbers have lower ones.
_in_britain, _in_america = itertools.count(720), itertools.count(40)


def british() -> str:
    """A number that nobody has used yet in this run."""
    return f"+447700900{next(_in_britain)}"


def american() -> str:
    """The same, of California."""
    return f"+141555501{next(_in_america)}"


class Customers:
    """Who writes; each is known by a number."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def write(self, text: str, phone: str = "") -> str:
        """A text from a customer, by default a new one; returns the number."""
        phone = phone or british()
        self.sandbox.write("FERNHILL", text, phone)
        return phone
