"""Every log line of every test is read as it would leave: with a whole number, a key or a body in it the test fails.

What our own code hands to a log must have no number before the filter either; others (Django, RQ) have the filter.
"""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Iterable
from typing import Any

from config.logs import MaskPersonalData

NUMBER = re.compile(r"\+[1-9]\d{8,14}(?!\d)|(?<![\w.:/\-])[1-9]\d{9,14}(?![\w.:/\-])|\+\d{1,3}(?: \d{2,}){2,}")
ADDRESS = re.compile(r"/hooks/[A-Za-z0-9_\-]{20,}")
OURS = ("conversations", "messaging", "config", "parley")
SHORTEST_BODY = 16  # a shorter text may be an ordinary word


class LogScan(logging.Handler):
    """Reads records and keeps what leaked, as sentences without the secret itself."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__(logging.DEBUG)
        self.secrets = {secret for secret in secrets if len(secret) >= 8}
        self.bodies: set[str] = set()
        self.leaks: list[str] = []
        self._mask = MaskPersonalData()
        self._form = logging.Formatter("{asctime} {levelname} {name} {message}", style="{")

    def begin(self) -> None:
        """Forget what an earlier test wrote."""
        self.bodies.clear()
        self.leaks.clear()

    def note_body(self, instance: Any, **kwargs: Any) -> None:
        """A message was saved: its words belong in no log (a receiver of post_save)."""
        if len(instance.body) >= SHORTEST_BODY:
            self.bodies.add(instance.body)

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] in OURS and NUMBER.search(record.getMessage()):
            self._leaked(record, "a whole number, which only the filter covers")
        leaving = copy.copy(record)
        self._mask.filter(leaving)
        line = self._form.format(leaving)
        if NUMBER.search(line.partition(" ")[2].partition(" ")[2]):
            self._leaked(record, "a whole number")
        if ADDRESS.search(line) or any(secret in line for secret in self.secrets):
            self._leaked(record, "a key")
        if any(body in line for body in self.bodies):
            self._leaked(record, "the words of a message")

    def _leaked(self, record: logging.LogRecord, what: str) -> None:
        self.leaks.append(f"{what}: logger {record.name}, {record.pathname}:{record.lineno}, {str(record.msg)[:80]!r}")
