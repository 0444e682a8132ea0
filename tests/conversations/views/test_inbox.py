"""The inbox: which conversations a list holds, in which order, page by page, and what its numbers say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import Conversation, ConversationTag, OptIn, Tag
from conversations.models.conversation import ListOrder
from conversations.models.message import MessageStatus
from conversations.services import consent
from conversations.services.opt_in_keywords import answer_question, ask_whether_opted_out
from conversations.views.chips import Chip, chips_of
from conversations.views.counting import count_views
from conversations.views.inbox_query import InboxQuery, View
from conversations.views.listing import FIRST_PAGE, read_page, read_rows, streams_seen
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import Element, read


def rows_of(client: Client, address: str) -> list[Element]:
    """The rows of a list page."""
    return read(client.get(address)).all("a", class_="conversation-row")


def names_of(client: Client, address: str) -> list[str]:
    """The names in a list page, from the top."""
    return [row.one("bdi", class_="row-name").text for row in rows_of(client, address)]


def waiting(centre: Centre, name: str, minutes: int, **fields: Any) -> Conversation:
    """A customer of that name who has waited so long."""
    at = timezone.now() - timedelta(minutes=minutes)
    contact = factories.make_contact(first_name=name)
    return centre.conversation(
        **{"contact": contact, "assignee": centre.priya, "waiting_since": at, "last_message_at": at, **fields}
    )


def test_each_view_holds_its_conversations(centre: Centre, agent: Client) -> None:
    waiting(centre, "Mine", 1)
    waiting(centre, "Nobodys", 2, assignee=None)
    waiting(centre, "Toms", 3, assignee=centre.tom)
    waiting(centre, "Answered", 4, status="waiting", waiting_since=None)
    waiting(centre, "Done", 5, status="resolved", waiting_since=None)
    waiting(centre, "Dormant", 6, status="dormant", assignee=None, waiting_since=None)

    assert names_of(agent, "/") == ["Mine"]
    assert names_of(agent, "/?view=unassigned") == ["Nobodys"]
    assert names_of(agent, "/?view=all") == ["Toms", "Nobodys", "Mine"]
    assert names_of(agent, "/?status=waiting") == ["Answered"]
    assert names_of(agent, "/?view=all&status=resolved") == ["Done"]
    assert names_of(agent, f"/?view=all&stream={centre.care.pk}") == []


def test_a_failed_send_is_listed_until_a_later_message_leaves(centre: Centre, agent: Client) -> None:
    failed = waiting(centre, "Failed", 1)
    factories.make_message(failed, status=MessageStatus.FAILED)
    answered = waiting(centre, "Answered", 2)
    factories.make_message(answered, status=MessageStatus.FAILED)
    factories.make_message(answered, status=MessageStatus.ACCEPTED)
    assert names_of(agent, "/?view=failed") == ["Failed"]
    factories.make_message(failed, status=MessageStatus.FAILED)
    factories.make_message(failed, status=MessageStatus.CANCELLED)
    assert names_of(agent, "/?view=failed") == ["Failed"]


def test_doubtful_and_scheduled_messages_show_even_in_resolved_conversations(centre: Centre, agent: Client) -> None:
    doubtful = waiting(centre, "Doubtful", 1, status="resolved", waiting_since=None)
    factories.make_message(doubtful, status=MessageStatus.UNCONFIRMED)
    later = waiting(centre, "Later", 2)
    factories.make_message(later, status=MessageStatus.SCHEDULED, scheduled_for=timezone.now() + timedelta(hours=1))
    assert names_of(agent, "/?view=unconfirmed") == ["Doubtful"]
    assert names_of(agent, "/?view=scheduled") == ["Later"]
    counts = count_views(centre.priya)
    assert (counts["unconfirmed"], counts["scheduled"]) == (1, 1)


def test_the_numbers_are_those_of_the_lists(centre: Centre, agent: Client) -> None:
    for number in range(3):
        waiting(centre, f"Mine{number}", number, unread_count=number)
    waiting(centre, "Nobodys", 9, assignee=None, stream=centre.care)
    factories.make_message(waiting(centre, "Failed", 10, status="waiting"), status=MessageStatus.FAILED)
    waiting(centre, "Done", 11, status="resolved")
    factories.make_conversation(assignee=None)  # on a stream that Priya does not see

    counts = count_views(centre.priya)

    assert counts["mine_open"] == 3
    assert counts["mine_unread"] == 2
    assert counts["unassigned_open"] == 1
    assert counts["all_open"] == 4
    assert counts["all_waiting"] == 1
    assert counts["failed"] == 1
    page = read(agent.get("/"))
    assert "(2) Mine" in page.one("title").text
    assert [link.text for link in page.all("a", class_="stream-link")] == [
        f"Fernhill Care WhatsApp · {centre.care.account.provider_label} , working 1",
        f"Service texts SMS · {centre.texts.account.provider_label} , working 3",
    ]


def test_what_is_unread_elsewhere_is_not_counted(centre: Centre, agent: Client) -> None:
    waiting(centre, "Here", 1, unread_count=2)
    waiting(centre, "Elsewhere", 2, unread_count=1, stream=factories.make_stream())
    assert count_views(centre.priya)["mine_unread"] == 1
    assert not [name for name in count_views(centre.priya) if name.startswith("unread_on")]


def test_the_most_urgent_is_whoever_has_waited_longest(centre: Centre, agent: Client) -> None:
    waiting(centre, "Short", 5)
    waiting(centre, "Long", 50)
    waiting(centre, "Answered", 1, waiting_since=None)
    waiting(centre, "AnsweredBefore", 70, waiting_since=None)
    assert names_of(agent, "/") == ["Long", "Short", "Answered", "AnsweredBefore"]
    assert names_of(agent, "/?sort=newest") == ["Answered", "Short", "Long", "AnsweredBefore"]


@pytest.mark.parametrize("order", list(ListOrder))
def test_pages_hold_every_conversation_once(centre: Centre, order: ListOrder) -> None:
    now = timezone.now()
    same = now - timedelta(minutes=3)
    for number in range(9):
        at = same if number % 3 == 0 else now - timedelta(minutes=number)
        waiting(centre, f"N{number}", 0, last_message_at=at, waiting_since=at if number % 2 else None)
    query = InboxQuery(view=View.ALL, order=order)
    whole = [row.conversation.pk for row in read_page(query, centre.priya).rows]
    assert len(whole) == 9

    found: list[int] = []
    cursor, pages = "", 0
    while pages == 0 or cursor:
        page = read_page(query, centre.priya, cursor=cursor, size=2)
        found += [row.conversation.pk for row in page.rows]
        cursor, pages = page.next_cursor, pages + 1

    assert found == whole
    assert pages == 5


def test_load_older_works_with_and_without_a_script(centre: Centre, agent: Client) -> None:
    for number in range(52):
        waiting(centre, f"N{number:02}", 100 - number)
    page = read(agent.get("/"))
    assert len(page.all("a", class_="conversation-row")) == FIRST_PAGE
    link = page.one(id="load-older").one("a")
    older = [f"N{number}" for number in range(FIRST_PAGE, 52)]
    assert names_of(agent, link.attributes["href"]) == older
    fragment = read(agent.get(link.attributes["hx-get"]))
    assert [row.one("bdi").text for row in fragment.all("a", class_="conversation-row")] == older
    assert not fragment.all(id="load-older")


@pytest.mark.parametrize(
    "cursor", ["x", "w__", "w_2026-01-01_x", "r_never_1", "w_2026-01-01_9999999999999999999", "%00"]
)
def test_a_cursor_that_cannot_be_read_is_the_beginning(centre: Centre, agent: Client, cursor: str) -> None:
    waiting(centre, "Amira", 1)
    assert agent.get(f"/?cursor={cursor}").status_code == 200


def test_a_list_is_searched_by_name_and_number(centre: Centre, agent: Client) -> None:
    amira = factories.make_contact("+447700900042", first_name="Amira", last_name="Haddad")
    centre.conversation(contact=amira, assignee=centre.priya)
    waiting(centre, "Grace", 1)
    for text in ("haddad", "amira had", "07700 900042", "+44 7700 900042", "900042"):
        assert names_of(agent, f"/?q={text.replace('+', '%2B')}") == ["Amira Haddad"], text
    page = agent.get("/?q=<b>nobody%25_")
    assert "No match for “<bdi>&lt;b&gt;nobody%_</bdi>”" in page.content.decode()


@pytest.mark.parametrize("address", ["/?stream=999999", "/?stream=x", "/?stream=99999999999999999999999"])
def test_an_unknown_stream_is_not_found(agent: Client, address: str) -> None:
    assert agent.get(address).status_code == 404


def test_a_foreign_stream_is_not_found(centre: Centre, stranger: Client) -> None:
    assert stranger.get(f"/?stream={centre.texts.pk}").status_code == 404


def test_words_that_are_none_of_ours_give_the_first_list(centre: Centre, agent: Client) -> None:
    waiting(centre, "Amira", 1)
    assert names_of(agent, "/?view=everything&status=x&sort=backwards") == ["Amira"]


def test_a_row_says_what_decides(centre: Centre, agent: Client) -> None:
    now = timezone.now()
    contact = factories.make_contact(first_name="Rosa")
    rosa = centre.conversation(
        centre.care,
        contact=contact,
        assignee=centre.priya,
        window_closes_at=now + timedelta(minutes=42),
        unread_count=2,
    )
    factories.make_message(rosa, status=MessageStatus.FAILED)
    stopped = waiting(centre, "Stopped", 1)
    consent.record(
        OptIn(
            contact=stopped.contact,
            channel="sms",
            event="opt_out",
            source="keyword",
            wording="STOP",
            stream=centre.texts,
        )
    )
    later = waiting(centre, "Later", 2)
    at = now + timedelta(days=400)
    factories.make_message(later, status=MessageStatus.SCHEDULED, scheduled_for=at)

    chips = {row.one("bdi").text: row.one(class_="row-chips").text for row in rows_of(agent, "/")}

    assert chips["Rosa"] == "Closes in 41 m Failed"
    assert chips["Stopped"] == "Due in 3 h 58 m Opted out Opted out of SMS"
    assert chips["Later"] == f"Due in 3 h 57 m +1 Sends {timezone.localtime(at):%-d %b %Y %H:%M}"
    row = next(row for row in rows_of(agent, "/") if row.one("bdi").text == "Rosa")
    assert row.one(class_="count").text == "2 unread"


def test_chips_that_a_row_has_no_room_for_are_folded_under_their_names(centre: Centre, agent: Client) -> None:
    team = factories.make_team(members=[centre.priya], streams=[centre.texts], name="Movers")
    rosa = waiting(centre, "Rosa", 0, assignee=None, team=team)
    for name in ("billing", "moving house next month"):
        tag = Tag.objects.create(name=name)
        ConversationTag.objects.create(conversation=rosa, tag=tag)

    [row] = rows_of(agent, "/?view=unassigned")
    line = row.one(class_="row-chips")
    names = "billing, moving house next month"
    assert line.text == f"Due in 3 h 59 m {team} For the team {team} +2 {names}"
    [_, folded] = [chip for chip in line.all(class_="chip") if chip.attributes.get("title")]
    assert folded.attributes["title"] == names


def test_what_fits_a_row_depends_on_who_stands_at_its_end(centre: Centre) -> None:
    rosa = waiting(centre, "Rosa", 0, status="resolved", waiting_since=None)
    for name in ("billing", "VIP", "fault"):
        ConversationTag.objects.create(conversation=rosa, tag=Tag.objects.create(name=name))
    [row] = read_rows([rosa.pk], centre.priya, {one.pk: one for one in streams_seen(centre.priya)})
    for people, shown in ((0, 3), (3, 2), (5, 1), (20, 1)):
        line = chips_of(row, people=people)
        assert len(line.shown) == shown
        assert len(line.shown) + len(line.folded) == 4


def test_an_open_question_is_a_chip_until_somebody_answers(centre: Centre, agent: Client) -> None:
    rosa = waiting(centre, "Rosa", 0)
    message = factories.make_message(rosa, direction="in", body="Stop. Thank you")
    first, second = (ask_whether_opted_out(rosa, message) for _ in range(2))
    for question, words in ((first, "STOP? Did they mean STOP?"), (second, "STOP? Did they mean STOP?"), (None, "")):
        [row] = rows_of(agent, "/")
        assert words in row.one(class_="row-chips").text
        assert bool(words) is ("STOP" in row.one(class_="row-chips").text)
        if question is not None:
            answer_question(question, is_opt_out=False, actor=centre.priya)


def test_the_number_of_queries_does_not_grow_with_the_rows(
    centre: Centre, agent: Client, django_assert_num_queries: Any
) -> None:
    for number in range(50):
        conversation = waiting(centre, f"N{number}", number, stream=centre.care if number % 2 else centre.texts)
        factories.make_message(conversation, status=MessageStatus.FAILED if number % 3 else MessageStatus.ACCEPTED)
    # Session, user, permissions; kept numbers, small numbers; the keys of the page, its rows,
    # their tags; streams, saved filters; the bell.
    with django_assert_num_queries(11):
        page = agent.get("/")
    assert len(read(page).all("a", class_="conversation-row")) == FIRST_PAGE
    with django_assert_num_queries(7):  # of these: streams, keys, rows and their tags
        agent.get("/inbox/older/")


def test_whoever_has_nothing_is_offered_the_oldest(centre: Centre, agent: Client) -> None:
    waiting(centre, "Second", 5, assignee=None)
    first = waiting(centre, "First", 10, assignee=None)
    page = read(agent.get("/"))
    assert "2 unassigned conversations are waiting" in page.one(id="empty-list").text
    response = agent.post("/inbox/take-oldest/")
    assert response["Location"] == f"/c/{first.pk}/"
    first.refresh_from_db()
    assert first.assignee == centre.priya


def test_times_in_a_list_are_as_short_as_they_can_be(centre: Centre, agent: Client) -> None:
    noon = timezone.localtime().replace(hour=12, minute=0)
    old = datetime(2024, 3, 5, 9, 0, tzinfo=noon.tzinfo)
    waiting(centre, "Today", 0, last_message_at=noon)
    waiting(centre, "Week", 1, last_message_at=noon - timedelta(days=2))
    waiting(centre, "Old", 2, last_message_at=old)
    times = {row.one("bdi").text: row.one("time").text for row in rows_of(agent, "/")}
    assert times == {"Today": "12:00", "Week": f"{noon - timedelta(days=2):%a %H:%M}", "Old": "5 Mar 2024"}


@pytest.mark.parametrize(
    ("chip", "measured"),  # in Chromium, in px
    [
        (Chip("clock", "Due in 3 h 59 m"), 114.5),
        (Chip("timer", "23 h left"), 72.6),
        (Chip("", "Billing", "outline"), 44.4),
        (Chip("", "Appointment", "outline"), 84.3),
        (Chip("pencil", "Draft"), 53.9),
    ],
)
def test_a_chip_is_rather_thought_too_wide_than_too_narrow(chip: Chip, measured: float) -> None:
    assert measured <= chip.width < measured + 8
