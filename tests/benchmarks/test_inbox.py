"""`benchmark inbox`, small: the rows are as triggers would keep them, pages show the right ones, nothing is left."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import psutil
import pytest
from django.conf import settings

from config import local_services
from conversations.management.benchmark import inbox_words
from conversations.management.benchmark.inbox import BY_HAND, LIST_TIME
from conversations.management.benchmark.inbox_pages import pages

PATIENCE = 400  # seconds
SMALL, LARGE = "1,000", "1,500"


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "benchmark", "inbox", *arguments]
    return subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.fixture(scope="module")
def report() -> Any:
    """A run in which each page is asked for twice in two small centres."""
    done = _run("--conversations", "1500,1000", "--messages", "3", "--requests", "2", "--rounds", "1", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_was_filled_and_shown_is_right(report: Any) -> None:
    assert {count["name"]: count["found"] for count in report["counts"] if not count["ok"]} == {}
    found = {count["name"]: count["found"] for count in report["counts"]}
    for size in (SMALL, LARGE):
        assert found[f"{size}: failures that are not noted"] == 0
        assert found[f"{size}: first pages that show what a scan of everything finds"] == 6
        assert found[f"{size}: searches that show what a scan of everything finds"] == 27


def test_every_page_is_measured_in_each_centre_and_beside_its_floor(report: Any) -> None:
    by_unit: dict[str, dict[str, Any]] = {"ms": {}, "statements": {}}
    for measure in report["measures"]:
        by_unit[measure["unit"]][measure["name"]] = measure["sides"]
    for page in pages():
        assert list(by_unit["statements"][page.name]) == [SMALL, LARGE]
        growth = by_unit["ms"][page.name]
        assert list(growth) == [f"{size} {what}" for size in (SMALL, LARGE) for what in ("median", "95 of 100")]
        assert all(side["median"] > 0 for side in growth.values())
        parts = by_unit["ms"][f"{page.name}, at {LARGE}"]
        assert {"page", "processor", "SQL", "longest page"} <= set(parts)
        assert parts["page"]["median"] > parts["SQL"]["median"] > 0
        if page.name.startswith(("list", "search")):
            assert {LIST_TIME, BY_HAND} <= set(parts)


def test_nothing_is_left_of_it(report: Any) -> None:
    name = f"benchmark-{local_services.profile()}"
    left = [one for one in psutil.process_iter() if f"/{name}/" in " ".join(_words(one))]
    assert left == []


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_words_are_the_same_for_a_seed_and_the_first_are_the_most_common() -> None:
    texts = inbox_words.phrases(7)[:20_000]
    assert texts == inbox_words.phrases(7)[:20_000] != inbox_words.phrases(8)[:20_000]
    words = inbox_words.vocabulary(7)
    assert len(set(words)) == inbox_words.VOCABULARY
    counts = [sum(f" {word} " in f" {text.lower()} " for text in texts) for word in (words[0], words[9], words[999])]
    assert counts[0] > 3 * counts[1] > 30 * counts[2]
