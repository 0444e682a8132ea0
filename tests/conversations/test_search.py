"""Finding people and messages: every form of a name and a number, and nothing of a stream that one may not see."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations.models import Contact, Conversation, ConversationTag, Message, MessageSearch, Stream, Tag, User
from conversations.services import conversations
from conversations.services.search import Search, SearchTookTooLong, time_limit
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def care() -> Stream:
    """The stream of Priya's team."""
    return factories.make_stream(name="Fernhill Care")


@pytest.fixture
def priya(care: Stream) -> User:
    """An agent who sees one stream."""
    user = factories.make_user(name="Priya Nair")
    factories.make_team(members=[user], streams=[care])
    return user


@pytest.fixture
def rosa(care: Stream) -> Conversation:
    """A conversation with Rosa Bellini on that stream."""
    contact = factories.make_contact(
        "+447700900355", first_name="Rosa", last_name="Bellini", email="Rosa.B@post.example"
    )
    return factories.make_conversation(care, contact)


def names(text: str, user: User) -> list[str]:
    return [contact.name for contact in Search(text, user).people()]


def bodies(text: str, user: User, *, limit: int = 20, before: int = 0) -> list[str]:
    return [message.body for message in Search(text, user).messages(limit, before=before)]


@pytest.mark.parametrize(
    "typed",
    [
        *("rosa", "ROSA bell", "bellini rosa", "ros", "r", "bellini, rosa"),
        *("+447700900355", "+44 7700 900355", "07700 900 355", "0044 7700 900355", "447700900355", "7700900355"),
        *("(07700) 900-355", "٠٧٧٠٠ ٩٠٠٣٥٥", "0770090", "+44 7700", "0355", "900355", "355"),
        *("rosa 0355", "bell 07700 900355", "rosa.b@post.example", "rosa.b@po", "rosa b"),
    ],
)
def test_people_are_found_in_every_form(typed: str, rosa: Conversation, priya: User) -> None:
    assert names(typed, priya) == ["Rosa Bellini"]


@pytest.mark.parametrize(
    "typed",
    ["", " ", "osa", "rosa x", "0356", "55", "+33", "rosa 0356", "post", "post.example", "'", "\x00", "%", "@", "&|!"],
)
def test_what_fits_nobody_finds_nobody(typed: str, rosa: Conversation, priya: User) -> None:
    assert names(typed, priya) == []


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Zoë Łukasz", "zoe lukasz"),
        ("José Nuñez", "JOSE NUN"),
        ("Γιώργος", "γιωργοσ"),
        ("Ольга", "ольг"),
        ("أميرة", "اميرة"),
        ("שָׁלוֹם", "שלום"),
        ("田中", "田"),
        ("O'Neill-Smith", "oneill"),  # a mark inside of a word parts it
        ("Ａｍｙ", "amy"),
    ],
)
def test_names_are_found_without_regard_to_accents(name: str, typed: str, care: Stream, priya: User) -> None:
    factories.make_conversation(care, factories.make_contact(first_name=name))
    found = names(typed, priya)
    assert found == ([] if typed == "oneill" else [name])


def test_the_one_who_spoke_with_us_last_comes_first(care: Stream, priya: User) -> None:
    made = [
        factories.make_conversation(care, factories.make_contact(first_name="Rosa", last_name=name)).contact.name
        for name in ("Alto", "Bellini", "Conti")
    ]
    assert names("rosa", priya) == made[::-1]
    assert [contact.name for contact in Search("rosa", priya).people(2)] == made[:0:-1]


def test_a_number_of_another_country_is_found_as_its_streams_people_write_it(priya: User, care: Stream) -> None:
    abroad = factories.make_stream(region="US")
    factories.make_team(members=[priya], streams=[abroad])
    factories.make_conversation(abroad, factories.make_contact("+14155550100", first_name="Sal"))
    assert names("415 555", priya) == names("(415) 555-0100", priya) == names("0100", priya) == ["Sal"]


def test_zeros_alone_are_nobodys_number(rosa: Conversation, priya: User) -> None:
    for zeros in ("000", "0000000"):
        assert names(zeros, priya) == []


def test_what_was_tagged_is_read_by_tags_that_fit(rosa: Conversation, priya: User) -> None:
    rosa.tags.add(Tag.objects.create(name="Refund"))
    for text, found in (("refu", [rosa]), ("complaint", [])):
        with CaptureQueriesContext(connection) as captured:
            assert Search(text, priya).conversations(5) == found
        tagged = [one["sql"] for one in captured if 'FROM "conversations_conversationtag"' in one["sql"]]
        assert len(tagged) == len(found)


def test_the_words_follow_the_contact(rosa: Conversation, priya: User) -> None:
    Contact.objects.filter(pk=rosa.contact_id).update(first_name="Rosanna", email="")
    assert names("rosann", priya) == ["Rosanna Bellini"]
    assert names("rosa.b@post", priya) == []


def test_messages_are_found_by_all_their_words_newest_first(rosa: Conversation, priya: User) -> None:
    for body in ("The label FB-20417 won't print", "Print the label again", "Do I print it at home?"):
        factories.make_message(rosa, direction="in", body=body)
    assert bodies("label print", priya) == ["Print the label again", "The label FB-20417 won't print"]
    assert bodies("PRI", priya) == [
        "Do I print it at home?",
        "Print the label again",
        "The label FB-20417 won't print",
    ]
    for typed in ("fb-20417", "FB 204", "20417", "won't"):
        assert bodies(typed, priya) == ["The label FB-20417 won't print"], typed
    assert bodies("d", priya) == []  # a single letter is a word of its own
    assert bodies("ho", priya) == bodies("i", priya) == ["Do I print it at home?"]
    assert bodies("", priya) == bodies("&", priya) == []


def test_older_messages_follow_the_last_one_shown(rosa: Conversation, priya: User) -> None:
    made = [factories.make_message(rosa, direction="in", body=f"Router {number}") for number in range(5)]
    assert bodies("router", priya, limit=2) == ["Router 4", "Router 3"]
    assert bodies("router", priya, limit=2, before=made[3].pk) == ["Router 2", "Router 1"]


def test_the_name_may_stand_for_some_of_the_words(rosa: Conversation, priya: User, care: Stream) -> None:
    other = factories.make_conversation(care, factories.make_contact(first_name="Mark"))
    factories.make_message(rosa, direction="in", body="The return label is lost")
    factories.make_message(other, direction="in", body="Returning it on Monday")
    factories.make_message(other, direction="in", body="Rosa said: return it")
    assert bodies("rosa ret", priya) == ["Rosa said: return it", "The return label is lost"]
    assert bodies("rosa bellini", priya) == []
    assert bodies("rosa", priya) == ["Rosa said: return it"]


def test_what_customers_and_agents_wrote_is_found_and_nothing_automatic(rosa: Conversation, priya: User) -> None:
    factories.make_message(rosa, direction="in", body="router one")
    factories.make_message(rosa, author=priya, body="router two")
    factories.make_message(rosa, body="router three")  # a campaign, a confirmation, a command
    assert bodies("router", priya) == ["router two", "router one"]


def test_the_words_follow_the_message(rosa: Conversation, priya: User) -> None:
    message = factories.make_message(rosa, direction="in", body="router")
    Message.objects.filter(pk=message.pk).update(body="modem")
    assert bodies("router", priya) == []
    assert bodies("modem", priya) == ["modem"]
    Message.objects.filter(pk=message.pk).update(body="")
    assert not MessageSearch.objects.exists()
    Message.objects.filter(pk=message.pk).update(body="switch")
    message.delete()
    assert not MessageSearch.objects.exists()


def test_an_endless_text_is_stored_and_its_beginning_is_found(rosa: Conversation, priya: User) -> None:
    factories.make_message(rosa, direction="in", body="router " + "x" * 300_000)
    factories.make_message(rosa, direction="in", body=" ".join(f"w{number}" for number in range(60_000)))
    assert len(bodies("router", priya)) == len(bodies("w77", priya)) == 1


def test_nothing_of_a_hidden_stream_is_found(rosa: Conversation) -> None:
    sam = factories.make_user(name="Sam Elsewhere")
    own = factories.make_stream()
    factories.make_team(members=[sam], streams=[own])
    factories.make_message(rosa, direction="in", body="The router is broken")
    conversations.set_indicator(rosa, key="vip", title="VIP router", actor=None)
    for user in (sam, factories.make_user(), factories.make_user("supervisor")):
        for typed in ("rosa", "900355", "router", "rosa router", "vip"):
            search = Search(typed, user)
            assert search.people() == search.messages(20) == search.conversations(20) == []
    # The same customer, on a stream that Sam sees: the person is found, what was said elsewhere is not.
    factories.make_conversation(own, rosa.contact)
    assert names("rosa", sam) == ["Rosa Bellini"]
    assert Search("rosa router", sam).messages(20) == Search("router", sam).messages(20) == []
    everything = factories.make_user("administrator")
    assert bodies("router", everything) == ["The router is broken"]
    assert names("0355", everything) == ["Rosa Bellini"]


def test_somebody_who_left_finds_nothing(rosa: Conversation) -> None:
    gone = factories.make_user("administrator", is_active=False)
    factories.make_message(rosa, direction="in", body="router")
    assert names("rosa", gone) == bodies("router", gone) == []


def test_conversations_are_found_by_people_and_by_indicators(rosa: Conversation, priya: User, care: Stream) -> None:
    flagged = factories.make_conversation(care)
    conversations.set_indicator(flagged, key="fault", title="Line fault open", actor=priya)
    search = Search("fault line", priya)
    assert search.conversations(5) == [flagged]
    assert search.conversations(5, people=[rosa.contact]) == [flagged, rosa]
    assert search.conversations(1, people=[rosa.contact]) == [flagged]
    conversations.remove_indicator(flagged.indicators.get(), actor=priya)
    assert Search("fault", priya).conversations(5) == []


def test_conversations_are_found_by_tags(rosa: Conversation, priya: User) -> None:
    ConversationTag.objects.create(conversation=rosa, tag=Tag.objects.create(name="Engineer visit"))
    assert Search("visit eng", priya).conversations(5) == [rosa]
    assert Search("visit", factories.make_user()).conversations(5) == []


def test_a_search_that_takes_too_long_is_stopped_and_the_page_goes_on(rosa: Conversation, priya: User) -> None:
    with pytest.raises(SearchTookTooLong), time_limit(0.05), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    assert names("rosa", priya) == ["Rosa Bellini"]
    with time_limit(0.05):
        assert names("rosa", priya) == ["Rosa Bellini"]
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_the_index_finds_what_a_walk_through_all_rows_finds(care: Stream, priya: User) -> None:
    words = ("label", "router", "print", "returns", "bill", "Łódź", "42.50")
    rows = [
        factories.make_message(
            factories.make_conversation(care, factories.make_contact(first_name=words[number % 5])),
            direction="in",
            body=" ".join(words[index] for index in range(len(words)) if number >> index & 1),
        )
        for number in range(40)
    ]
    for typed in ("label", "lab pri", "lodz", "42", "return bill", "router router"):
        found = {message.pk for message in Search(typed, priya).messages(100)}
        folded = [one.replace("ł", "l").replace("ó", "o").replace("ź", "z") for one in typed.split()]
        expected = set()
        for message in rows:
            own = message.body.lower().replace("ł", "l").replace("ó", "o").replace("ź", "z").replace(".", " ").split()
            name = message.conversation.contact.first_name.lower().split()
            in_body = [any(word.startswith(one) for word in own) for one in folded]
            in_name = [any(word.startswith(one) for word in name) for one in folded]
            if all(in_body) or (any(in_body) and all(a or b for a, b in zip(in_body, in_name, strict=True))):
                expected.add(message.pk)
        assert found == expected, typed
