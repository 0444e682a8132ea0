"""What a page reads of the database does not grow with the centre: rows are counted in PostgreSQL's own plans."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.models import Contact, Conversation
from conversations.views.listing import FIRST_PAGE
from tests import factories
from tests.conversations.views.conftest import Centre

CUSTOMERS = 3000
MOST_ROWS = 20 * FIRST_PAGE  # of one table, in one statement


@pytest.fixture
def crowd(centre: Centre) -> None:
    """So many customers: a third of them on each stream that Priya sees, a third elsewhere; half are nobody's."""
    now = timezone.now()
    elsewhere = factories.make_stream()
    contacts = Contact.objects.bulk_create(
        Contact(phone=f"+4479{number:08}", first_name=f"First{number % 50}", last_name=f"Last{number % 70}")
        for number in range(CUSTOMERS)
    )
    Conversation.objects.bulk_create(
        Conversation(
            stream=(centre.texts, centre.care, elsewhere)[number % 3],
            contact=contact,
            assignee=centre.priya if number % 2 else None,
            last_message_at=now - timedelta(minutes=number),
            waiting_since=now - timedelta(minutes=number) if number % 7 else None,
            status="open" if number % 5 else "waiting",
        )
        for number, contact in enumerate(contacts)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


ADDRESSES = (
    "/inbox/older/?view=mine",
    "/inbox/older/?view=unassigned",
    "/inbox/older/?view=all",
    "/inbox/older/?view=all&status=waiting",
    "/inbox/older/?view=all&sort=oldest",
    "/contacts/",
    "/contacts/?sort=name",
)


@pytest.mark.usefixtures("crowd")
def test_a_page_reads_as_many_rows_as_it_shows(agent: Client, subtests: pytest.Subtests) -> None:
    for address in ADDRESSES:
        with subtests.test(address):
            agent.get(address)
            with CaptureQueriesContext(connection) as captured:
                assert agent.get(address).status_code == 200
            for query in captured:
                if query["sql"].startswith("SELECT "):
                    for node in _nodes(_plan(query["sql"])):
                        assert _rows_read(node) <= MOST_ROWS, (query["sql"], node)


def _plan(sql: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql.replace('%', '%%')}", [])
        (found,) = cursor.fetchone()
    plans = json.loads(found) if isinstance(found, str) else found
    plan: dict[str, Any] = plans[0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _rows_read(node: dict[str, Any]) -> float:
    """The rows that a step read of a table, whether it kept them or not."""
    if "Relation Name" not in node:
        return 0
    kept_and_removed = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return float(kept_and_removed * node["Actual Loops"])


def test_no_secret_is_deciphered_to_show_rows(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(assignee=centre.priya, waiting_since=timezone.now())
    factories.make_message(amira, author=centre.priya)
    for address, most in (("/", 0), ("/inbox/older/", 0), (f"/c/{amira.pk}/older/", 1), (f"/c/{amira.pk}/", 1)):
        with CaptureQueriesContext(connection) as captured:
            agent.get(address)
        reading = [query["sql"] for query in captured if '"credentials"' in query["sql"]]
        assert len(reading) <= most, reading  # that of the open conversation itself
