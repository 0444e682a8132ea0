"""One conversation as it is read: messages, their states, what people did, and nothing that a customer could inject."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from conversations.models import Activity, Conversation, ConversationTag, Message, NumberCheck, Tag
from conversations.models.message import Direction, MessageStatus
from conversations.services import conversations
from conversations.views.timeline import read_timeline
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import HX, Element, read


def page_of(client: Client, conversation: Conversation, query: str = "") -> Element:
    """The page of a conversation."""
    return read(client.get(f"/c/{conversation.pk}/{query}"))


def bubbles(page: Element) -> list[str]:
    """The texts of the messages, from the top."""
    return [bubble.one("p", class_="bubble-text").text for bubble in page.all(class_="bubble")]


def test_a_conversation_shows_who_wrote_what_and_how_it_is_doing(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    factories.make_message(amira, direction=Direction.IN, body="Is it fixed?")
    factories.make_message(amira, body="Yes, since noon.", author=centre.priya, status=MessageStatus.ACCEPTED)
    page = page_of(agent, amira)
    assert bubbles(page) == ["Is it fixed?", "Yes, since noon."]
    theirs, ours = page.all("article", class_="message")
    assert "message-in" in theirs.attributes["class"]
    assert "Priya ·" in ours.text
    assert f"Accepted by {centre.texts.account.provider_label}" in ours.text
    assert page.one("h2", class_="thread-name").text == "Amira Haddad"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (MessageStatus.QUEUED, "Queued"),
        (MessageStatus.SENT, "Sent"),
        (MessageStatus.DELIVERED, "Delivered"),
        (MessageStatus.READ, "Read"),
        (MessageStatus.FAILED, "Not sent"),
        (MessageStatus.UNDELIVERED, "Not delivered"),
        (MessageStatus.EXPIRED, "Not sent, its time ran out"),
        (MessageStatus.CANCELLED, "Not sent, cancelled"),
        (MessageStatus.UNCONFIRMED, "May have been sent. Check before you resend."),
    ],
)
def test_every_state_has_its_words(centre: Centre, agent: Client, status: str, words: str) -> None:
    amira = centre.conversation()
    factories.make_message(amira, status=status)
    assert words in page_of(agent, amira).one(id="timeline").text


def test_a_queued_message_says_what_it_waits_for(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    factories.make_message(amira, status=MessageStatus.QUEUED)
    centre.texts.account.health = "unreachable"
    centre.texts.account.save()
    assert "is not answering" in page_of(agent, amira).one(id="timeline").text
    centre.texts.paused_until = timezone.now() + timedelta(hours=1)
    centre.texts.save()
    assert "Queued, Service texts is paused" in page_of(agent, amira).one(id="timeline").text


def test_a_missing_receipt_is_said_only_where_receipts_exist(centre: Centre, agent: Client) -> None:
    long_ago = timezone.now() - timedelta(hours=25)
    webex = factories.make_stream(factories.make_account("webex_interact"), "sms")
    factories.make_team(members=[centre.priya], streams=[webex])
    with_receipts, without = centre.conversation(webex), centre.conversation()
    for conversation in (with_receipts, without):
        factories.make_message(conversation, status=MessageStatus.ACCEPTED, sent_at=long_ago)
    assert "No receipt. It may not have arrived." in page_of(agent, with_receipts).one(id="timeline").text
    assert "No receipt" not in page_of(agent, without).one(id="timeline").text


NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp; {{ 7|add:7 }} \u202etxt.exe"


def test_nothing_of_a_message_name_or_remark_becomes_markup(centre: Centre, agent: Client) -> None:
    contact = factories.make_contact(first_name="<script>x()</script>", last_name='"><b>', language="<i>")
    amira = centre.conversation(centre.care, contact=contact, last_message_preview=NASTY, assignee=centre.priya)
    factories.make_message(amira, direction=Direction.IN, body=NASTY)
    factories.make_message(
        amira,
        body=NASTY,
        status=MessageStatus.FAILED,
        failure_text=NASTY,
        rendered={"header": NASTY, "footer": NASTY, "buttons": [{"kind": "url", "text": NASTY, "target": "x"}]},
        media=[{"kind": NASTY, "link": "javascript:alert(1)", "external_id": "", "filename": NASTY}],
    )
    conversations.add_remark(amira, text=NASTY, actor=centre.priya)
    conversations.set_indicator(amira, key="k", title=NASTY[:100], link="javascript:alert(3)", actor=centre.priya)
    page = page_of(agent, amira)
    assert not [one for one in page.all("script") if not one.attributes.get("src", "").startswith("/static/")]
    assert not page.all("img")
    for element in page.walk():
        assert not [name for name in element.attributes if name.startswith("on") or name == "style"]
        assert not element.attributes.get("href", "").lower().startswith("javascript:")
    words = page.one(class_="message-in").one("p", class_="bubble-text")
    assert "".join(words.pieces) == NASTY
    # What may turn the direction of writing ends inside its own element, and is pointed out.
    assert words.attributes["dir"] == "auto"
    assert words.one("bdi", class_="direction-mark").pieces == ["\u202e"]
    assert page.one(class_="message-in").one(class_="direction-chip").text == "Hidden direction marks"


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("See https://fernhill.example/a?b=1&c=2.", ["https://fernhill.example/a?b=1&c=2"]),
        ("(http://fernhill.example/x)", ["http://fernhill.example/x"]),
        ("HTTPS://FERNHILL.EXAMPLE", ["HTTPS://FERNHILL.EXAMPLE"]),
        ("javascript:alert(1) data:text/html,x ftp://x.example", []),
        ("https://", []),
        ("http://[::1", []),
        ('https://x.example/"onmouseover="alert(1)', ["https://x.example/"]),
        ("https://x.example/\u202egpj.exe", ["https://x.example/"]),
        ("https://x.example/<b>", ["https://x.example/"]),
    ],
)
def test_only_web_addresses_become_links(centre: Centre, agent: Client, text: str, links: list[str]) -> None:
    amira = centre.conversation()
    factories.make_message(amira, direction=Direction.IN, body=text)
    bubble = page_of(agent, amira).one(class_="bubble")
    assert [link.attributes["href"] for link in bubble.all("a")] == links
    assert all(link.attributes["rel"] == "noopener noreferrer nofollow" for link in bubble.all("a"))
    assert "".join(bubble.one("p").pieces) == text


def test_a_template_is_shown_as_the_customer_sees_it(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(centre.care)
    factories.make_message(
        amira,
        kind="template",
        template=factories.make_template(centre.care),
        body="Hello Amira",
        rendered={
            "header": "Your visit",
            "footer": "Fernhill",
            "buttons": [{"kind": "quick_reply", "text": "Confirm", "target": ""}],
        },
    )
    message = page_of(agent, amira).one("article")
    assert [p.text for p in message.all("p", class_="bubble-text")] == ["Your visit", "Hello Amira"]
    assert message.one(class_="bubble-footer").text == "Fernhill"
    assert message.one(class_="template-button").text == "Confirm"
    assert "Template · engineer_visit" in message.text


def test_what_people_did_stands_between_the_messages(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    factories.make_message(amira, direction=Direction.IN, body="Hello")
    conversations.assign(amira, to=centre.priya, actor=centre.tom)
    conversations.add_remark(amira, text="Be kind", actor=centre.tom)
    page = page_of(agent, amira)
    assert "Tom Reyes assigned this to Priya Nair" in page.one(class_="activity").text
    remark = page.one("article", class_="remark")
    assert "Tom Reyes" in remark.text
    assert "team only" in remark.text
    assert "Be kind" in remark.text
    assert page.one(class_="day-line").text.startswith("Today, ")


def test_a_long_run_of_changes_is_folded(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    for _ in range(3):
        conversations.resolve(amira, actor=centre.priya)
        conversations.reopen(amira, actor=centre.priya)
    fold = page_of(agent, amira).one("details", class_="activity-fold")
    assert fold.one("summary").text == "6 changes"
    assert len(fold.all(class_="activity")) == 6


def test_older_messages_come_page_by_page(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    now = timezone.now()
    for number in range(100):
        message = factories.make_message(amira, direction=Direction.IN, body=f"N{number}")
        Message.objects.filter(pk=message.pk).update(created_at=now - timedelta(hours=100 - number))
        if number % 10 == 0:
            activity = conversations.add_remark(amira, text=f"R{number}", actor=centre.priya)
            Activity.objects.filter(pk=activity.pk).update(occurred_at=now - timedelta(hours=100 - number - 0.5))
    page = page_of(agent, amira)
    assert bubbles(page) == [f"N{number}" for number in range(60, 100)]
    seen = bubbles(page)
    remarks = [one.text for one in page.all(class_="remark-text")]
    while link := page.all(id="older-messages"):
        page = read(agent.get(link[0].attributes["hx-get"]))
        whole = read(agent.get(link[0].attributes["href"]))
        assert bubbles(whole) == bubbles(page)
        assert whole.one(id="newest-messages").attributes["href"] == f"/c/{amira.pk}/"
        seen = bubbles(page) + seen
        remarks = [one.text for one in page.all(class_="remark-text")] + remarks
    assert seen == [f"N{number}" for number in range(100)]
    assert remarks == [f"R{number}" for number in range(0, 100, 10)]


def test_an_open_page_asks_for_what_it_shows_and_gets_no_less(centre: Centre) -> None:
    amira = centre.conversation()
    messages = [factories.make_message(amira, body=f"N{number}") for number in range(50)]
    since = read_timeline(amira, centre.priya, since=messages[5].pk)
    shown = [entry.message.body for entry in since.entries if entry.message]
    assert shown == [f"N{number}" for number in range(5, 50)]
    assert since.older_than == messages[5].pk


def test_an_entrys_version_changes_with_what_it_shows(centre: Centre) -> None:
    amira = centre.conversation()
    message = factories.make_message(amira, status=MessageStatus.ACCEPTED)

    def version() -> int:
        return next(entry.version for entry in read_timeline(amira, centre.priya).entries if entry.message)

    before = version()
    assert version() == before
    Message.objects.filter(pk=message.pk).update(status=MessageStatus.DELIVERED)
    assert version() != before


def test_opening_a_conversation_marks_it_as_read(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(unread_count=3)
    page_of(agent, amira)
    amira.refresh_from_db()
    assert amira.unread_count == 0


def test_htmx_gets_the_pane_and_a_browser_the_page(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    pane = read(agent.get(f"/c/{amira.pk}/", headers=HX))
    assert pane.one(id="pane").attributes["data-conversation"] == str(amira.pk)
    assert not pane.all(id="list")
    assert page_of(agent, amira).one(id="list")


def test_the_parts_of_an_open_page_come_in_one_answer(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(assignee=centre.priya, unread_count=1)
    factories.make_message(amira, body="Hello")
    parts = read(agent.get(f"/inbox/updates/?open={amira.pk}&rows=50&seen=1"))
    for part in ("views", "list-header", "list-rows", "thread-header", "timeline", "composer", "panel"):
        assert parts.one(id=part), part
    assert parts.one(id=f"row-{amira.pk}").attributes["aria-current"] == "true"
    amira.refresh_from_db()
    assert amira.unread_count == 0
    alone = read(agent.get("/inbox/updates/"))
    assert not alone.all(id="timeline")


def test_messages_of_one_second_stand_in_the_order_in_which_they_came(centre: Centre, agent: Client) -> None:
    amira = centre.conversation()
    found = [factories.make_message(amira, direction=Direction.IN, body=f"Word {number}") for number in range(12)]
    moment = timezone.now().replace(microsecond=0)
    # Ids of different lengths: as text, 10 comes before 9.
    Message.objects.filter(pk__in=[one.pk for one in found]).update(created_at=moment)
    assert bubbles(page_of(agent, amira)) == [one.body for one in found]


def test_the_panel_shows_tags_and_what_whatsapp_said_of_the_number(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(centre.care, assignee=centre.priya)
    for name in ("engineer visit", "fault"):
        ConversationTag.objects.create(conversation=amira, tag=Tag.objects.create(name=name))
    NumberCheck.objects.create(stream=centre.care, phone=amira.contact.phone, on_whatsapp=True, checked_by=centre.priya)
    panel = page_of(agent, amira).one(id="panel")
    assert [chip.text for chip in panel.all("span", class_="chip")] == ["engineer visit", "fault"]
    assert panel.one("a", class_="panel-add").attributes["href"] == f"/c/{amira.pk}/tags/"
    assert f"Yes, asked {timezone.localdate():%-d %b}" in panel.one("dl", class_="facts").text


def test_what_a_provider_tells_says_whose_words_they_are(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(assignee=centre.priya)
    Activity.objects.create(conversation=amira, kind="provider", text="participant joined")
    assert "The provider noted: participant joined" in page_of(agent, amira).one(class_="activity").text


def test_the_panel_shows_what_the_sites_own_systems_say(centre: Centre, agent: Client, settings: Any) -> None:
    amira = centre.conversation(assignee=centre.priya)
    assert "Customer record" not in page_of(agent, amira).one(id="panel").text
    amira.contact.record = "Account: FB-118204\nVisit: Friday, 08:00\nrings twice"
    amira.contact.save()
    settings.CRM_URL = "https://crm.example.org/find?phone={phone}"
    section = page_of(agent, amira).one(aria_labelledby="record-heading")
    assert [one.text for one in section.all("dt")] == ["Account", "Visit", "Noted"]
    assert [one.text for one in section.all("dd")] == ["FB-118204", "Friday, 08:00", "rings twice"]
    number = quote(amira.contact.phone, safe="")
    assert section.one("a").attributes["href"] == f"https://crm.example.org/find?phone={number}"
    centre.priya.groups.clear()
    centre.priya.user_permissions.set(Permission.objects.filter(codename="send_messages"))
    section = page_of(agent, amira).one(aria_labelledby="record-heading")
    assert section.all("a") == []  # whoever reads masked numbers gets none in an address either


def test_the_panel_counts_the_other_conversations(centre: Centre, agent: Client) -> None:
    amira = centre.conversation(assignee=centre.priya)
    for _ in range(2):
        centre.conversation(contact=amira.contact, status="resolved")
    heading = page_of(agent, amira).one(id="earlier-heading")
    assert heading.text == "Other conversations 2"
    for _ in range(4):
        centre.conversation(contact=amira.contact, status="resolved")
    assert page_of(agent, amira).one(id="earlier-heading").text == "Other conversations 5+"


def test_the_number_of_queries_does_not_grow_with_the_messages(
    centre: Centre, agent: Client, django_assert_max_num_queries: Any
) -> None:
    amira = centre.conversation(assignee=centre.priya)
    for number in range(40):
        factories.make_message(amira, body=f"N{number}", author=centre.priya, status=MessageStatus.FAILED)
        conversations.add_remark(amira, text="Remark", actor=centre.tom)
    with django_assert_max_num_queries(30):
        page_of(agent, amira)


@pytest.mark.parametrize("part", ["", "older/", "template/"])
def test_a_foreign_conversation_is_not_found(centre: Centre, stranger: Client, part: str) -> None:
    assert stranger.get(f"/c/{centre.conversation(centre.care).pk}/{part}").status_code == 404


@pytest.mark.parametrize("pk", ["0", "9" * 18, "9" * 30, "9" * 5000, "-1", "1e9"])
def test_an_id_that_is_none_is_not_found(agent: Client, pk: str) -> None:
    assert agent.get(f"/c/{pk}/").status_code == 404
    assert agent.get(f"/m/{pk}/attempts/").status_code == 404
    assert agent.get(f"/inbox/updates/?open={pk}").status_code in (200, 404)
