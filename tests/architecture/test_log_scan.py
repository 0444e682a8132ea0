"""The scan of log lines that watches over every test finds what it is there for, and nothing else."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from tests.log_scan import LogScan

KEY = "aky_live_abcdefghijklmnop"


def leaks(name: str, text: str, *args: object, body: str = "") -> list[str]:
    scan = LogScan([KEY])
    scan.note_body(SimpleNamespace(body=body))
    scan.emit(logging.LogRecord(name, logging.INFO, __file__, 1, text, args, None))
    return [leak.partition(":")[0] for leak in scan.leaks]


@pytest.mark.parametrize("number", ["+447700900142", "+44 7700 900142", "447700900142"])
def test_our_own_code_hands_no_number_to_a_log(number: str) -> None:
    assert leaks("conversations.services", "Sent to %s", number) == ["a whole number, which only the filter covers"]
    assert leaks("django.request", "Not Found: %s", number) == []


def test_keys_and_words_are_found() -> None:
    assert leaks("django", f"key {KEY}") == ["a key"]
    assert leaks("django", "Failed: %s", "The meter is in the cellar", body="The meter is in the cellar") == [
        "the words of a message"
    ]


@pytest.mark.parametrize("text", ["Message 1234567 sent in 12 ms", "at 2026-11-22 10:00:00", "Hello", ""])
def test_ordinary_lines_pass(text: str) -> None:
    assert leaks("conversations.services", text, body="Hello") == []
