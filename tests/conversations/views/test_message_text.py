"""Words that are very long, or that would turn the page around."""

from __future__ import annotations

import unicodedata
import uuid

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from conversations.templatetags.parley import linked, remark_words
from conversations.views.message_text import LONGEST, MOST_LINES, shortened, turns_direction
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import HX, read


@pytest.mark.parametrize("text", ["", "Hello", "x" * LONGEST, "\n" * (MOST_LINES - 1), "a\nb\nc"])
def test_what_is_not_long_is_shown_whole(text: str) -> None:
    assert shortened(text) == (text, "")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("x" * (LONGEST + 1), "1,601 characters"),
        ("\n" * 10_000, "10,001 lines"),
        ("line\n" * 60, "61 lines"),
        ("x" * 5000 + "\n" * 60, "61 lines"),
    ],
)
def test_the_rest_is_counted(text: str, rest: str) -> None:
    begin = shortened(text)
    assert begin.rest == rest
    assert text.startswith(begin.text)
    assert len(begin.text) <= LONGEST
    assert begin.text.count("\n") < MOST_LINES


@pytest.mark.parametrize("cluster", ["e\u0301", "👩\u200d👩\u200d👧", "❤\ufe0f"])
@pytest.mark.parametrize("before", range(LONGEST - 5, LONGEST))
def test_no_character_is_cut_in_two(cluster: str, before: int) -> None:
    end = len(shortened("x" * before + cluster + "y" * 20).text)
    assert end <= before or end >= before + len(cluster)


def test_a_heap_of_accents_is_cut_all_the_same() -> None:
    heap = "e" + "\u0301" * 10_000
    assert unicodedata.combining(heap[LONGEST])
    assert 0 < len(shortened(heap).text) <= LONGEST


@given(st.text(max_size=4000))
def test_the_beginning_is_a_beginning(text: str) -> None:
    begin = shortened(text)
    assert text.startswith(begin.text)
    assert (begin.rest == "") == (begin.text == text)


def test_marks_of_plain_right_to_left_writing_are_no_reason_to_warn() -> None:
    assert not turns_direction("שלום\u200f 12 \u200eabc مرحبا")
    assert turns_direction("invoice\u202efdp.exe")
    assert turns_direction("\u2067x\u2069")


def test_what_turns_the_direction_is_shut_in_and_stays_in_the_text() -> None:
    assert linked("a\u202e<b>") == 'a<bdi class="direction-mark">\u202e</bdi>&lt;b&gt;'


def test_a_remark_marks_those_it_mentions_and_nothing_else(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    text = "@Tom  Reyes <b>look</b>, @priya too. @Somebody, a@tom.example, https://fernhill.example/@Tom?x=1"
    agent.post(f"/c/{amira.pk}/reply/", {"mode": "remark", "remark": text, "client_key": str(uuid.uuid4())})
    remark = amira.activities.get(kind="remark")
    assert set(remark.mentions.all()) == {centre.tom, centre.priya}
    shown = remark_words(remark)
    assert shown == (
        '<b class="mention">@Tom  Reyes</b> &lt;b&gt;look&lt;/b&gt;, <b class="mention">@priya</b> too. @Somebody, '
        'a@tom.example, <a href="https://fernhill.example/@Tom?x=1" rel="noopener noreferrer nofollow" '
        'target="_blank">https://fernhill.example/@Tom?x=1</a>'
    )
    assert shown in agent.get(f"/c/{amira.pk}/").content.decode()


def test_a_long_message_is_shown_on_demand(centre: Centre, agent: Client, stranger: Client) -> None:
    amira = centre.conversation()
    words = "Line <b>\n" * 100
    message = factories.make_message(amira, direction="in", body=words)
    bubble = read(agent.get(f"/c/{amira.pk}/")).one(class_="bubble")
    link = bubble.one("a", class_="show-all")
    assert link.text == "Show all 101 lines"
    assert len(bubble.one("p", class_="bubble-text").text) < len(words) / 2 + 10
    whole = read(agent.get(link.attributes["hx-get"], headers=HX)).one("p")
    assert "".join(whole.pieces) == words
    page = read(agent.get(link.attributes["href"]))
    assert "".join(page.one("p", class_="bubble-text").pieces) == words
    assert stranger.get(f"/m/{message.pk}/text/").status_code == 404
