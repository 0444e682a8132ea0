"""The reports page: every number leads to as many rows, the file holds what the screen shows, others see nothing."""

from __future__ import annotations

import csv
import io
import random
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from conversations.models import AuditEntry, ConversationTimes, Message, OptIn, Stream, Tag, User, WorkingHours
from conversations.models.working_hours import WorkingPeriod
from conversations.services import consent, conversations
from tests import factories
from tests.conversations.reports.test_keeping import Walk

pytestmark = pytest.mark.django_db

TABLES = ("days", "delivery", "times", "hours", "busy", "agents", "streams", "templates", "campaigns", "tags")
TABLES += ("opt-outs",)
MOST_STATEMENTS = 40


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def centre() -> Walk:
    """A centre in which a lot has happened, seen by its supervisor; some of it today."""
    walk = Walk(7)
    for _ in range(160):
        walk.step()
    tags = [Tag.objects.create(name=name) for name in ("Roof", "Gutter")]
    for number, stream in enumerate(walk.streams):
        for _ in range(4):
            one = factories.make_conversation(stream, assignee=walk.people[0])
            asked = timezone.now() - timedelta(hours=2 + number)
            question = factories.make_message(one, direction="in")
            Message.objects.filter(pk=question.pk).update(created_at=asked)
            for status in ("delivered", "read") if number else ("accepted", "failed"):
                sent_at = asked + timedelta(minutes=walk.dice.randrange(1, 60))
                factories.make_message(one, status=status, author=walk.people[number], sent_at=sent_at)
            again = factories.make_message(one, direction="in")
            Message.objects.filter(pk=again.pk).update(created_at=asked + timedelta(minutes=70))
            factories.make_message(one, author=walk.people[0], sent_at=asked + timedelta(minutes=75), status="sent")
            one.tags.add(tags[0], *tags[1 + number :])
            if not number:
                conversations.resolve(one, actor=None)
    soon_done = factories.make_conversation(walk.streams[0], assignee=walk.people[0])  # on one day, whatever the hour
    factories.make_message(soon_done, direction="in")
    conversations.resolve(soon_done, actor=None)
    told = {"channel": "sms", "event": "opt_out", "source": "keyword", "wording": "STOP"}
    consent.record(OptIn(contact=factories.make_contact(), stream=walk.streams[0], **told))
    return walk


@pytest.fixture
def supervisor(centre: Walk) -> User:
    user = factories.make_user("supervisor", name="Tom Okafor")
    factories.make_team(members=[user], streams=centre.streams, name="Care")
    return user


def text_of(html: str) -> str:
    """The words of a piece of a page."""
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).split())


def cells(row: str) -> Iterator[str]:
    """The pieces of a row, but for drawings."""
    for _, attributes, inner in re.findall(r"<(t[hd])([^>]*)>(.*?)</\1>", row, flags=re.S):
        if "data-drawing" not in attributes:
            yield re.sub(r"<span[^>]*data-drawing.*?</span>", "", inner, flags=re.S)


def tables_of(page: str) -> dict[str, list[list[str]]]:
    """The tables of a page, as pieces of HTML."""
    found = {}
    for key, inner in re.findall(r'<table class="report-table" data-report="([^"]+)">(.*?)</table>', page, flags=re.S):
        found[key] = [list(cells(row)) for row in re.findall(r"<tr>(.*?)</tr>", inner, flags=re.S)]
    return found


def tiles_of(page: str) -> list[list[str]]:
    """Title, value, change and note of each tile."""
    found = []
    for tile in re.findall(r'<section class="card report-tile">(.*?)</section>', page, flags=re.S):
        parts = (
            r'<h2 class="report-tile-title">(.*?)</h2>',
            r'<p class="report-value">(.*?)</p>',
            r'<b class="report-change[^"]*">(.*?)</b>',
            r'<span class="report-note">(.*?)</span>',
        )
        matches = [re.search(part, tile, flags=re.S) for part in parts]
        found.append([text_of(match[1]) if match else "" for match in matches])
    return found


def read_csv(response: Any) -> list[list[str]]:
    """The rows of a download."""
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


ADDRESSES = ("", "?hours=all", "?period=28d", "?period=today", "?period=month")


def test_the_file_holds_what_the_screen_shows(supervisor: User, subtests: pytest.Subtests) -> None:
    client = signed_in(supervisor)
    for words in ADDRESSES:
        with subtests.test(words):
            page = client.get(reverse("reports") + words).content.decode()
            tables = {key: [[text_of(one) for one in row] for row in rows] for key, rows in tables_of(page).items()}
            assert set(tables) == set(TABLES)
            told = AuditEntry.objects.filter(action="exported").count()
            whole = read_csv(client.get(reverse("report-file") + words))
            begins = whole.index(["Figure", "Value", "Change", "Note"]) + 1
            assert whole[begins : begins + 6] == tiles_of(page)
            position = begins + 6
            for key, rows in tables.items():
                one = client.get(reverse("report-file") + f"{words or '?'}&table={key}")
                assert read_csv(one) == rows, key
                position = whole.index(rows[0], position)
                assert whole[position : position + len(rows)] == rows, key
            assert AuditEntry.objects.filter(action="exported").count() == told + len(TABLES) + 1


@pytest.mark.parametrize("words", ["", "?hours=all&period=28d"])
def test_every_number_leads_to_as_many_rows(supervisor: User, words: str) -> None:
    client = signed_in(supervisor)
    page = client.get(reverse("reports") + words).content.decode()
    figures = {
        "taken",
        "received",
        "arrived",
        "failed",
        "begun",
        "answered",
        "opt-outs",
        "same-day",
        "again",
        "in-time",
    }
    assert figures | {"again", "in-time"} <= set(re.findall(r"[?;]rows=([a-z-]+)", page))
    links = {
        (unescape(address), text_of(inner))
        for address, inner in re.findall(r'<a[^>]*href="(/reports/rows/[^"]*)"[^>]*>(.*?)</a>', page, flags=re.S)
    }
    counted = 0
    for address, words_shown in links:
        rows = client.get(address).content.decode()
        match = re.search(r'id="row-count">([\d,]+)<', rows)
        assert match, address
        table = re.search(r'<table class="report-table report-rows">(.*?)</table>', rows, flags=re.S)
        listed = len(re.findall(r'<th scope="row">', table[1])) if table else 0
        number = int(match[1].replace(",", ""))
        assert listed == min(number, 50) > 0, address
        if re.fullmatch(r"[\d,]+", words_shown):
            assert number == int(words_shown.replace(",", "")), address
            counted += 1
    assert counted > 20


def test_shares_and_times_are_those_of_the_rows(supervisor: User, centre: Walk) -> None:
    client = signed_in(supervisor)
    page = client.get(reverse("reports") + "?hours=all").content.decode()
    tiles = {one[0]: one[1:] for one in tiles_of(page)}
    since = timezone.localtime() - timedelta(days=6)
    since = since.replace(hour=0, minute=0, second=0, microsecond=0)
    begun = list(ConversationTimes.objects.filter(started_at__gte=since))
    assert tiles["Conversations"][0] == f"{len(begun):,}"
    seconds = sorted((one.replied_at - one.asked_at).total_seconds() for one in begun if one.replied_at)
    half = int(seconds[-(-len(seconds) // 2) - 1])
    assert tiles["First reply, typical"][0] == shown(half)
    same = [
        one
        for one in begun
        if one.resolved_at and timezone.localdate(one.resolved_at) == timezone.localdate(one.started_at)
    ]
    assert tiles["Resolved same day"][2] == f"{len(same)} of {len(begun)}"


def shown(seconds: int) -> str:
    if seconds < 3600:
        return f"{seconds // 60} m" if seconds >= 60 else f"{seconds} s"
    if seconds < 2 * 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02} m"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"


def test_delivered_is_a_share_of_what_receipts_tell_of_and_names_the_rest() -> None:
    user = factories.make_user("supervisor")
    silent, talking, half = (factories.make_stream(name=name) for name in ("Bulk", "Care", "Half"))
    factories.make_team(members=[user], streams=[silent, talking, half])
    for stream, statuses in (
        (silent, ["accepted"] * 3),
        (talking, ["delivered", "delivered", "delivered", "sent"]),
        (half, ["delivered", "accepted", "accepted"]),  # one receipt is no reason to count the others as lost
    ):
        conversation = factories.make_conversation(stream)
        for status in statuses:
            factories.make_message(conversation, status=status, author=user)
    page = signed_in(user).get(reverse("reports")).content.decode()
    assert tiles_of(page)[2][:2] == ["Delivered", "80.0%"]
    assert tiles_of(page)[2][3] == "5 without a receipt"
    rows = {text_of(row[0]): [text_of(one) for one in row] for row in tables_of(page)["streams"]}
    assert [rows[name][4] for name in ("Bulk", "Care", "Half")] == ["No receipts", "75.0%", "100% of 1"]
    assert "No receipt came for 3 on Bulk, 2 on Half: nobody knows" in text_of(page)


def test_working_hours_change_screen_file_and_rows_alike() -> None:
    user = factories.make_user("supervisor")
    hours = WorkingHours.objects.create(name="Never on weekdays", time_zone="Europe/London")
    WorkingPeriod.objects.create(
        hours=hours, weekday=timezone.localdate().weekday(), opens_at="00:00", closes_at="00:01"
    )
    stream = factories.make_stream(working_hours=hours)
    factories.make_team(members=[user], streams=[stream])
    conversation = factories.make_conversation(stream)
    question = factories.make_message(conversation, direction="in")
    asked = timezone.now() - timedelta(minutes=50)
    Message.objects.filter(pk=question.pk).update(created_at=asked)
    factories.make_message(conversation, author=user, sent_at=asked + timedelta(minutes=30))
    client = signed_in(user)
    for words, expected in (("?period=28d", "0 s"), ("?period=28d&hours=all", "30 m")):
        page = client.get(reverse("reports") + words).content.decode()
        tile = next(one for one in tiles_of(page) if one[0] == "First reply, typical")
        assert tile[1] == expected
        assert tile in read_csv(client.get(reverse("report-file") + words))
        (address,) = re.findall(r'<p class="report-value"><a href="([^"]*rows=answered[^"]*)"', page)
        assert f">{expected}<" in client.get(unescape(address)).content.decode()


def test_what_others_do_is_in_no_number_and_no_row(supervisor: User) -> None:
    elsewhere = factories.make_conversation(factories.make_stream(name="Secret stream"))
    factories.make_message(elsewhere, direction="in", body="Nobody of Care reads this")
    mine = signed_in(supervisor)
    before = mine.get(reverse("reports")).content.decode()
    for _ in range(5):
        factories.make_message(elsewhere, direction="in")
        factories.make_message(elsewhere, author=factories.make_user(name="Una Elsewhere"))
    after = mine.get(reverse("reports")).content.decode()
    assert tiles_of(before) == tiles_of(after)
    assert "Secret stream" not in after
    assert "Una Elsewhere" not in after
    for name in ("reports", "report-rows", "report-file", "report-conversations"):
        assert mine.get(reverse(name), {"stream": elsewhere.stream_id, "rows": "begun"}).status_code == 404
    exported = read_csv(mine.get(reverse("report-conversations")))
    assert str(elsewhere.pk) not in {row[0] for row in exported}


def test_agents_see_no_reports(centre: Walk) -> None:
    agent = factories.make_user()
    factories.make_team(members=[agent], streams=centre.streams)
    client = signed_in(agent)
    for name in ("reports", "report-rows", "report-file", "report-conversations"):
        assert client.get(reverse(name), {"rows": "begun"}).status_code == 403
    assert reverse("reports") not in client.get(reverse("inbox")).content.decode()


def test_one_row_a_conversation_is_all_that_began(supervisor: User, centre: Walk) -> None:
    client = signed_in(supervisor)
    header, *rows = read_csv(client.get(reverse("report-conversations") + "?period=28d"))
    assert header[0] == "conversation"
    assert sorted(int(row[0]) for row in rows) == sorted(ConversationTimes.objects.values_list("pk", flat=True))
    assert {len(row) for row in rows} == {len(header)}


def test_the_page_asks_as_often_however_much_there_is(supervisor: User, centre: Walk) -> None:
    client = signed_in(supervisor)
    client.get(reverse("reports"))
    with CaptureQueriesContext(connection) as few:
        client.get(reverse("reports"))
    dice = random.Random(1)
    for _ in range(30):
        conversation = factories.make_conversation(dice.choice(centre.streams))
        factories.make_message(conversation, direction="in")
        factories.make_message(conversation, author=factories.make_user(), sent_at=timezone.now())
    client.get(reverse("reports"))
    with CaptureQueriesContext(connection) as many:
        client.get(reverse("reports"))
    assert len(many) == len(few) <= MOST_STATEMENTS


NOBODY_MEANT = (
    *("period=nonsense", "period=chosen", "period=chosen&from=2026-02-31", "period=chosen&from=0001-01-01"),
    *("period=chosen&from=2026-12-01&to=2020-01-01", "hours=%00", "stream=0", "team=x", "table=", "rows=begun&hour=99"),
    *("rows=received&weekday=9&hour=-3", "rows=begun&page=99999999", "period=chosen&from=2999-12-31"),
)


def test_words_that_nobody_meant_do_no_harm(supervisor: User, subtests: pytest.Subtests) -> None:
    client = signed_in(supervisor)
    for words in NOBODY_MEANT:
        with subtests.test(words):
            assert client.get(f"{reverse('reports')}?{words}").status_code == 200
            assert client.get(f"{reverse('report-rows')}?{words}").status_code in (200, 404)


def test_chosen_days_streams_and_teams_narrow_the_page(supervisor: User, centre: Walk) -> None:
    client = signed_in(supervisor)
    stream: Stream = centre.streams[1]
    page = client.get(reverse("reports"), {"stream": stream.pk, "period": "28d"}).content.decode()
    assert [text_of(row[0]) for row in tables_of(page)["streams"][1:]] == [stream.name]
    yesterday = timezone.localdate() - timedelta(days=1)
    page = client.get(reverse("reports"), {"period": "chosen", "from": yesterday, "to": yesterday}).content.decode()
    assert len(tables_of(page)["days"]) == 2
    other = factories.make_team(members=[supervisor], streams=[stream], name="Only WhatsApp")
    page = client.get(reverse("reports"), {"team": other.pk}).content.decode()
    assert [text_of(row[0]) for row in tables_of(page)["streams"][1:]] == [stream.name]
