"""`/search/`: what a text finds, as a page that needs no script."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from conversations.services import conversations
from conversations.views.highlight import highlighted, wanted_words
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import Element, read

MOST_QUERIES = 20


def page(client: Client, typed: str, **words: object) -> Element:
    more = "".join(f"&{name}={value}" for name, value in words.items())
    response = client.get(f"{reverse('search')}?q={quote(typed)}{more}")
    assert response.status_code == 200
    return read(response)


def words_of(one: Element) -> str:
    """What is read, marks and all: the pieces as they stand beside each other."""
    return " ".join("".join(one.pieces).split())


def headings(found: Element) -> list[str]:
    return [one.text for one in found.all("h2", class_="search-heading")]


def hits(found: Element, heading: str) -> list[Element]:
    section = found.one("section", aria_labelledby=f"{heading}-heading")
    return section.all("a", class_="hit-link")


def test_a_name_finds_the_person_and_the_conversation(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(centre.care, last_message_preview="The red light")
    factories.opt_in(amira.contact)
    found = page(agent, "amira")
    assert headings(found) == ["People", "Conversations"]
    (person,) = hits(found, "people")
    assert person.attributes["href"] == f"/c/{amira.pk}/"
    assert words_of(person.one(class_="hit-line")) == "Amira Haddad"
    assert [one.text for one in person.all("mark")] == ["Amira"]
    assert f"{amira.contact.phone_display} · WhatsApp opted in · The red light" in words_of(person)
    assert person.one(class_="chip").text == "Window closed"
    (conversation,) = hits(found, "conversations")
    assert conversation.attributes["href"] == f"/c/{amira.pk}/"


def test_somebody_without_a_conversation_is_written_to(centre: Centre) -> None:
    factories.make_contact("+447700900355", first_name="Rosa")
    client = Client()
    client.force_login(factories.make_user("administrator"))
    (person,) = hits(page(client, "rosa"), "people")
    assert person.attributes["href"] == "/new/?to=%2B447700900355"
    assert person.one(class_="chip").text == "No conversation yet"


def test_words_find_messages_and_lead_to_them(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(status="resolved")
    first = factories.make_message(amira, direction="in", body="Where is the return label? " + "It is lost. " * 30)
    factories.make_message(amira, author=centre.priya, body="A <b>new</b> label is on its way")
    found = page(agent, "LABEL")
    assert headings(found) == ["Messages"]
    newest, oldest = hits(found, "messages")
    assert [one.text for one in oldest.all("mark")] == ["label"]
    assert len(oldest.one(class_="hit-words").text) < 160
    assert "A <b>new</b> label is on its way" in words_of(newest)
    assert "Priya Nair to Amira Haddad · Service texts" in words_of(newest)
    assert oldest.attributes["href"] == f"/m/{first.pk}/"
    assert agent.get(f"/m/{first.pk}/").headers["Location"] == f"/c/{amira.pk}/#message-{first.pk}"


def test_an_old_message_is_shown_in_the_middle_of_a_page(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    made = [factories.make_message(amira, direction="in", body=f"Number {number}") for number in range(100)]
    address = agent.get(f"/m/{made[30].pk}/").headers["Location"]
    timeline = read(agent.get(address))
    shown = [one.attributes["id"] for one in timeline.all("article")]
    assert 10 < shown.index(f"message-{made[30].pk}") < 30
    near_the_end = agent.get(f"/m/{made[61].pk}/").headers["Location"]
    assert f"message-{made[61].pk}" in [one.attributes["id"] for one in read(agent.get(near_the_end)).all("article")]
    assert "before" not in near_the_end


def test_older_messages_are_a_page_of_their_own(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    for number in range(60):
        factories.make_message(amira, direction="in", body=f"Label {number}")
    first = page(agent, "label")
    assert len(hits(first, "messages")) == 25
    second = read(agent.get(first.one("a", class_="button-small").attributes["href"]))
    assert len(hits(second, "messages")) == 25
    third = read(agent.get(second.one("a", class_="button-small").attributes["href"]))
    assert [words_of(one.one(class_="hit-words")) for one in hits(third, "messages")] == [
        f"Label {number}" for number in range(9, -1, -1)
    ]
    assert third.all("a", class_="button-small") == []
    assert headings(third) == ["Messages"]


def test_signs_narrow_the_search(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    factories.make_message(amira, direction="in", body="Amira here")
    conversations.set_indicator(amira, key="a", title="Amira's line", actor=None)
    assert headings(page(agent, "amira")) == ["People", "Messages", "Conversations"]
    assert headings(page(agent, "@amira")) == headings(page(agent, "@ amira")) == ["People"]
    assert headings(page(agent, "#amira")) == ["Conversations"]
    assert headings(page(agent, "#nothing")) == []


def test_without_a_match_it_says_where_it_looked(agent: Client) -> None:
    assert "No match for “rosa ret”. Search also looks in resolved conversations." in words_of(page(agent, "rosa ret"))
    narrow = page(agent, "@rosa")
    assert "No match for “rosa”. Search everything" in words_of(narrow)
    assert "Search also looks in resolved conversations." in page(agent, "").text
    for typed in ("<script>alert(1)</script>", "%", "'\"", "@", ">", "\x00", "a" * 500):
        page(agent, typed)


def test_nothing_of_another_team_is_shown(centre: Centre, stranger: Client) -> None:
    amira = centre.conversation()
    message = factories.make_message(amira, direction="in", body="The label is lost")
    for typed in ("amira", "label", amira.contact.phone, amira.contact.phone[-4:]):
        found = page(stranger, typed)
        assert headings(found) == []
        assert "Haddad" not in found.text
    assert stranger.get(f"/m/{message.pk}/").status_code == 404


def test_the_number_of_queries_does_not_depend_on_what_is_found(centre: Centre, agent: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            page(agent, "amira label")
        return len(captured)

    def write(number: int) -> None:
        for _ in range(number):
            amira = centre.conversation(last_message_at=timezone.now() - timedelta(days=1))
            factories.make_message(amira, direction="in", body="Amira wants a label")

    write(1)
    queries()
    few = queries()
    write(12)
    assert queries() == few <= MOST_QUERIES


@pytest.mark.parametrize(
    ("text", "typed", "marked"),
    [
        ("The return label", "ret", "The [ret]urn label"),
        ("Zoë Łukasz", "zoe luk", "[Zoë] [Łuk]asz"),
        ("Print, printer", "print", "[Print], [print]er"),
        ("FB-20417", "fb 204", "[FB]-[204]17"),
        ("أَميرة", "اميرة", "[أَميرة]"),
        ("a < b & c", "b", "a &lt; [b] &amp; c"),
        ("nothing here", "x", "nothing here"),
        ("", "x", ""),
    ],
)
def test_the_beginnings_of_found_words_are_marked(text: str, typed: str, marked: str) -> None:
    found = highlighted(text, wanted_words(typed))
    assert found.replace("<mark>", "[").replace("</mark>", "]") == marked


def test_a_long_text_is_cut_around_the_first_mark() -> None:
    text = "word " * 100 + "router is broken " + "word " * 100
    found = highlighted(text, ["router"], longest=80)
    assert found.startswith("…word")
    assert found.endswith("…")
    assert "<mark>router</mark> is broken" in found
    assert len(found) < 110
    assert highlighted(text, ["absent"], longest=80).startswith("word word")
    assert "<mark>end</mark>" in highlighted("word " * 100 + "end", ["end"], longest=80)
