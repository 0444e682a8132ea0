"""Messages: what a person sees of one, and the two things they may do to it."""

from __future__ import annotations

import re
from typing import Any

import django_rq
import pytest
from django.contrib.admin import site
from django.db import models
from django.test import Client
from django.urls import reverse

from conversations.admin import filters
from conversations.admin.mixins import LedgerAdmin
from conversations.models import Conversation, Indicator, Message, MessageEvent, SendAttempt, User
from conversations.models.message import MessageStatus
from conversations.services.operations import note_tick
from tests import factories
from tests.conversations.admin.browsing import act, page, signed_in, told
from tests.conversations.admin.rows import make_rows

pytestmark = pytest.mark.django_db


def listed(browser: Client, **query: Any) -> set[int]:
    """The messages of the list."""
    answer = browser.get(page(Message, "changelist"), query)
    return {row.pk for row in answer.context["cl"].result_list}


def test_a_message_shows_its_whole_story(admin_browser: Client) -> None:
    message: Any = make_rows(text="Words of everybody")[Message]
    text = admin_browser.get(page(Message, "change", message.pk)).content.decode()
    for part in ("Words of everybody", "recipient_refused", "POST http://127.0.0.1:8100/cirrus/send", "refused"):
        assert part in text
    assert f'href="{reverse("conversation", args=[message.conversation_id])}"' in text
    assert "Open in inbox" in text
    assert 'name="_save"' not in text


@pytest.mark.parametrize(
    ("message", "offered"),
    [
        ({"direction": "in"}, set()),
        ({"status": "queued"}, {"cancel"}),
        ({"status": "failed", "failure_code": "timeout"}, {"send_again"}),
        ({"status": "unconfirmed"}, {"it_arrived", "send_in_spite"}),
        ({"status": "accepted"}, set()),
    ],
    ids=["in", "queued", "failed", "unconfirmed", "accepted"],
)
def test_a_message_offers_what_can_be_done_to_it(
    admin_browser: Client, message: dict[str, str], offered: set[str]
) -> None:
    one = factories.make_message(**message)
    answer = admin_browser.get(page(Message, "change", one.pk))
    assert {address.split("/")[-2] for address, _label in answer.context["object_buttons"]} == offered


def test_messages_are_filtered(admin_browser: Client) -> None:
    priya = factories.make_user(name="Priya Nair")
    unconfirmed = factories.make_message(status="unconfirmed", author=priya)
    failed = factories.make_message(status="failed", failure_code="opted_out")
    received = factories.make_message(direction="in")
    assert listed(admin_browser) == {unconfirmed.pk, failed.pk, received.pk}
    assert listed(admin_browser, status__exact="unconfirmed") == {unconfirmed.pk}
    assert listed(admin_browser, direction__exact="in") == {received.pk}
    assert listed(admin_browser, failure="opted_out") == {failed.pk}
    assert listed(admin_browser, stream=failed.stream.name) == {failed.pk}
    assert listed(admin_browser, author="nair") == {unconfirmed.pk}
    assert listed(admin_browser, author=priya.email.upper()) == {unconfirmed.pk}
    assert listed(admin_browser, author="nobody of that name") == set()
    assert listed(admin_browser, author=" ") == {unconfirmed.pk, failed.pk, received.pk}
    assert listed(admin_browser, conversation__id__exact=received.conversation_id) == {received.pk}
    assert listed(admin_browser, created_at__lt="2000-01-02 00:00:00+00:00") == set()
    assert listed(admin_browser, q=received.conversation.contact.phone) == {received.pk}


def test_a_person_is_found_though_only_some_are_suggested(
    admin_browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "SUGGESTED", 2)
    people = [factories.make_user(name=f"Aaron {letter}") for letter in "ABCD"]
    written = [factories.make_message(author=person) for person in people]
    page_of_list = admin_browser.get(page(Message, "changelist"), {"author": "aaron d", "direction__exact": "out"})
    text = page_of_list.content.decode()
    assert [person.name for person in people if f">{person.name}</option>" in text] == ["Aaron A", "Aaron B"]
    assert 'value="aaron d"' in text
    assert '<input type="hidden" name="direction__exact" value="out">' in text, "searching keeps the other filters"
    assert '<a href="?direction__exact=out">Everybody</a>' in text
    assert [row.pk for row in page_of_list.context["cl"].result_list] == [written[-1].pk]


def test_a_stream_is_found_though_only_some_are_suggested(
    admin_browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "SUGGESTED", 2)
    sales, north, service = [
        factories.make_message(factories.make_conversation(factories.make_stream(name=name))).pk
        for name in ("Sales", "Sales North", "Service")
    ]
    text = admin_browser.get(page(Message, "changelist")).content.decode()
    assert re.findall(r'<option value="(S[^"]*)"></option>', text) == ["Sales", "Sales North"]
    assert listed(admin_browser, stream="sales") == {sales}, "one of just that name is meant"
    assert listed(admin_browser, stream="sal") == {sales, north}
    assert listed(admin_browser, stream="serv") == {service}
    assert listed(admin_browser, stream="nothing") == set()


def test_a_supervisor_is_offered_the_streams_of_their_teams() -> None:
    message, other = factories.make_message(), factories.make_message()
    tom = factories.make_user("supervisor", name="Tom Reyes")
    factories.make_team(members=[tom], streams=[message.stream])
    text = signed_in(tom).get(page(Message, "changelist")).content.decode()
    assert f'<option value="{message.stream.name}">' in text
    assert other.stream.name not in text


def test_a_supervisor_finds_whoever_wrote_and_guesses_no_address() -> None:
    message = factories.make_message(author=factories.make_user(name="Zoe Adler", email="zoe.secret@fernhill.example"))
    tom = factories.make_user("supervisor", name="Tom Reyes")
    factories.make_team(members=[tom], streams=[message.stream])
    browser = signed_in(tom)
    assert listed(browser, author="zoe") == {message.pk}, "rows show the name"
    assert listed(browser, author="zoe.sec") == set()
    text = browser.get(page(Message, "changelist")).content.decode()
    assert "zoe.secret" not in text
    assert f'<option value="{tom.email}">Tom Reyes</option>' in text


def test_no_long_list_reads_all_its_rows_to_offer_a_filter() -> None:
    reading: list[tuple[str, str]] = []
    for model, shown in site._registry.items():
        if isinstance(shown, LedgerAdmin):
            names = [one for one in shown.list_filter if isinstance(one, str) and "__" not in one]
            fields = [model._meta.get_field(name) for name in names]
            reading += [
                (model.__name__, field.name)
                for field in fields
                if isinstance(field, models.CharField | models.IntegerField) and not field.choices
            ]
    assert reading == []


def test_events_and_attempts_are_filtered(admin_browser: Client) -> None:
    failed = factories.make_message(status="failed")
    event = MessageEvent.objects.create(message=failed, from_status="sending", to_status="failed")
    MessageEvent.objects.create(message=failed, from_status="", to_status="queued")
    found = admin_browser.get(page(MessageEvent, "changelist"), {"to_status": "failed"})
    assert [row.pk for row in found.context["cl"].result_list] == [event.pk]
    attempt: Any = make_rows(text="Words")[SendAttempt]
    shown = admin_browser.get(page(SendAttempt, "changelist"), {"operation": attempt.operation})
    assert attempt in shown.context["cl"].result_list
    other = admin_browser.get(page(SendAttempt, "changelist"), {"operation": "an operation that no row has"})
    assert attempt in other.context["cl"].result_list, "a value that is no choice filters nothing"


def test_the_first_page_names_what_to_look_at(admin_browser: Client) -> None:
    note_tick(leads=True)
    assert "To look at" not in admin_browser.get(reverse("admin:index")).content.decode()
    factories.make_message(status="unconfirmed")
    factories.make_account(health="needs_credentials")
    text = admin_browser.get(reverse("admin:index")).content.decode()
    assert "Messages that nobody confirmed: 1" in text
    assert "Accounts whose credentials were refused: 1" in text
    assert f'href="{page(Message, "changelist")}?status__exact=unconfirmed"' in text


def test_messages_are_cancelled_one_by_one(admin_browser: Client) -> None:
    queued = factories.make_message(status="queued")
    accepted = factories.make_message(status="accepted")
    answer = act(admin_browser, "cancel", queued, accepted)
    assert {sentence.partition(":")[0] for sentence in told(answer)} == {
        f"#{accepted.pk} to {accepted.conversation.contact}",
        "1 message cancelled.",
    }
    assert "too late" in " ".join(told(answer))
    assert list(Message.objects.order_by("pk").values_list("status", flat=True)) == ["cancelled", "accepted"]
    event = queued.events.latest("pk")
    assert (event.to_status, event.reason) == ("cancelled", "Cancelled in the administration")


def test_a_failed_message_is_sent_again_once(admin_browser: Client) -> None:
    failed = factories.make_message(status="failed", body="Your visit is on Friday.")
    delivered = factories.make_message(status="delivered")
    unconfirmed = factories.make_message(status="unconfirmed")
    answer = act(admin_browser, "send_again", failed, delivered, unconfirmed)
    sentences = " ".join(told(answer))
    assert "1 message queued again." in sentences
    assert sentences.count("This one may have arrived.") == 2
    again = Message.objects.get(status=MessageStatus.QUEUED)
    assert (again.body, again.conversation) == ("Your visit is on Friday.", failed.conversation)
    act(admin_browser, "send_again", failed)
    assert Message.objects.filter(body="Your visit is on Friday.").count() == 2


def test_a_person_decides_on_an_unconfirmed_message(admin_browser: Client, administrator: User) -> None:
    known, unknown, failed = (factories.make_message(status=one) for one in ("unconfirmed", "unconfirmed", "failed"))
    asked = act(admin_browser, "it_arrived", known)
    assert "How you know" in asked.content.decode()
    assert told(act(admin_browser, "it_arrived", known, reason=" "))[0].endswith("Write down how you know.")
    answer = act(admin_browser, "it_arrived", known, failed, reason="She rang us")
    assert "1 message settled." in told(answer)
    assert "It is settled already." in " ".join(told(answer))
    act(admin_browser, "send_in_spite", unknown, reason="She rang us")
    assert [Message.objects.get(pk=one.pk).status for one in (known, unknown, failed)] == [
        "delivered",
        "queued",
        "failed",
    ]
    event = known.events.latest("pk")
    assert (event.actor, event.reason) == (administrator, "It arrived: She rang us")


def test_whoever_may_not_write_on_a_stream_sends_nothing_again() -> None:
    failed = factories.make_message(status="failed")
    tom = factories.make_user("supervisor")
    team = factories.make_team(members=[tom], streams=[failed.stream])
    team.team_streams.update(can_send=False)  # type: ignore[attr-defined]
    answer = act(signed_in(tom), "send_again", failed)
    assert "You can read this stream but not send from it." in told(answer)[0]
    assert Message.objects.count() == 1


def test_the_buttons_of_one_message_do_the_same(admin_browser: Client) -> None:
    queued = factories.make_message(status="queued")
    answer = admin_browser.post(page(Message, "do", queued.pk, "cancel"))
    assert answer.headers["Location"] == page(Message, "change", queued.pk)
    queued.refresh_from_db()
    assert queued.status == "cancelled"
    for unknown in ("delete_selected", "_each", "report", "cancel_all"):
        assert admin_browser.post(page(Message, "do", queued.pk, unknown)).status_code == 403


def test_too_many_rows_at_once_are_refused(admin_browser: Client) -> None:
    conversation = factories.make_conversation()
    rows = [factories.make_message(conversation, status="queued") for _ in range(201)]
    answer = act(admin_browser, "cancel", *rows)
    assert told(answer) == ["Choose at most 200 rows at a time. Nothing was done."]
    assert not Message.objects.filter(status="cancelled").exists()


def test_conversations_are_resolved_and_opened_again(admin_browser: Client) -> None:
    conversation = factories.make_conversation()
    assert told(act(admin_browser, "resolve", conversation)) == ["1 conversation resolved."]
    conversation.refresh_from_db()
    assert conversation.status == "resolved"
    assert "resolved before" in told(act(admin_browser, "resolve", conversation))[-1]
    act(admin_browser, "reopen", conversation)
    conversation.refresh_from_db()
    assert conversation.status == "open"
    act(admin_browser, "resolve", conversation)
    factories.make_conversation(conversation.stream, conversation.contact)
    assert "already has an open conversation" in told(act(admin_browser, "reopen", conversation))[-1]


def test_an_indicator_is_taken_off_and_stays_in_the_history(admin_browser: Client) -> None:
    indicator: Any = make_rows()[Indicator]
    assert told(act(admin_browser, "remove", indicator)) == ["1 indicator removed."]
    indicator.refresh_from_db()
    assert indicator.removed_at is not None
    conversation: Conversation = indicator.conversation
    assert conversation.activities.latest("pk").kind == "indicator_removed"


def test_no_action_goes_past_the_queue(admin_browser: Client) -> None:
    act(admin_browser, "send_again", factories.make_message(status="failed"))
    assert django_rq.get_queue("interactive").count <= 1
