"""The pages of rows behind a number: in order over all streams, and what they say of more than can be counted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import Message
from conversations.services.search import SearchTookTooLong
from conversations.views import report_rows
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def supervisor() -> Client:
    """Of three streams with 130 messages of customers, by turns, two at each moment."""
    streams = [factories.make_stream() for _ in range(3)]
    user = factories.make_user("supervisor")
    factories.make_team(members=[user], streams=streams)
    conversations = [factories.make_conversation(stream) for stream in streams]
    now = timezone.now()
    for place in range(130):
        message = factories.make_message(conversations[place % 3], direction="in")
        Message.objects.filter(pk=message.pk).update(created_at=now - timedelta(minutes=place // 2))
    client = Client()
    client.force_login(user)
    return client


def shown_in(text: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'<th scope="row"><a href="/m/(\d+)/', text)]


def test_all_pages_together_are_all_messages_newest_first(supervisor: Client) -> None:
    addresses = [f"/reports/rows/?rows=received&page={page}" for page in (1, 2, 3, 4)]
    pages = [shown_in(supervisor.get(address).content.decode()) for address in addresses]
    assert [len(page) for page in pages] == [50, 50, 30, 0]
    in_order = Message.objects.order_by("-created_at", "-pk").values_list("pk", flat=True)
    assert [pk for page in pages for pk in page] == list(in_order)


def test_what_takes_too_long_to_count_is_listed_all_the_same(
    supervisor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limits() -> Iterator[AbstractContextManager[None]]:
        yield nullcontext()  # for the list
        raise SearchTookTooLong

    given = limits()
    monkeypatch.setattr(report_rows, "time_limit", lambda: next(given))
    text = supervisor.get("/reports/rows/?rows=received").content.decode()
    assert "Too many to count here; the report has their number. 1 to 50 are shown." in text
    assert len(shown_in(text)) == 50
    assert "page=2" in text
