"""Who is told of what: once, in the transaction of what happened, and of nothing they did themselves or cannot see."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import django_rq
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.live import channel_of
from conversations.models import Campaign, Conversation, Notification, Stream, Team, TeamMembership, User
from conversations.models.message import MessageStatus
from conversations.services import conversations, handling, lifecycle, notifications, remarks
from conversations.services.campaigns import control
from conversations.services.handling import upkeep
from conversations.services.inbound import receive
from messaging.types import InboundMessage
from tests import factories

pytestmark = pytest.mark.django_db
SENDING: dict[str, Any] = {"status": MessageStatus.SENDING, "claim": uuid.uuid4(), "lease_until": timezone.now()}


@dataclass
class Desk:
    """Priya and Tom answer one stream; Sam sees nothing of it."""

    priya: User
    tom: User
    sam: User
    team: Team
    stream: Stream

    def conversation(self, **fields: Any) -> Conversation:
        return factories.make_conversation(self.stream, **fields)


@pytest.fixture
def desk(db: None) -> Desk:
    priya, tom = factories.make_user(name="Priya Nair"), factories.make_user("supervisor", name="Tom Reyes")
    stream = factories.make_stream(name="Service texts")
    team = factories.make_team(members=[priya, tom], streams=[stream])
    return Desk(priya, tom, factories.make_user(name="Sam"), team, stream)


def told(user: User) -> list[tuple[str, int]]:
    """What this person has not read: kinds and how often, newest first."""
    return list(Notification.objects.listed_for(user).unread().values_list("kind", "number"))


def write(conversation: Conversation, text: str) -> None:
    """The customer writes."""
    stream, phone = conversation.stream, conversation.contact.phone
    one = InboundMessage(
        key=text,
        phone=phone,
        stream_keys=(stream.external_id,),
        body=text,
        occurred_at=timezone.now(),
        external_id=text,
        channel=stream.channel,
    )
    assert receive(one, stream.account) is not None


def test_whoever_is_given_a_conversation_is_told_and_whoever_takes_one_is_not(desk: Desk) -> None:
    given, taken = desk.conversation(), desk.conversation()
    handling.assign([given.pk], actor=desk.tom, to=desk.priya)
    handling.claim(taken, actor=desk.priya)
    handling.assign([taken.pk], actor=desk.priya, to=desk.priya)
    assert told(desk.priya) == [("assigned", 1)]
    assert told(desk.tom) == []


def test_five_hundred_are_given_in_a_few_statements(desk: Desk) -> None:
    pks = [desk.conversation().pk for _ in range(40)]
    with CaptureQueriesContext(connection) as asked:
        handling.assign(pks, actor=desk.tom, to=desk.priya)
    own = [one for one in asked.captured_queries if "conversations_notification" in one["sql"]]
    assert len(own) == 2  # what it was for others, and what is told
    assert len(told(desk.priya)) == 40


def test_what_was_for_somebody_is_over_when_another_has_it(desk: Desk) -> None:
    one = desk.conversation()
    handling.assign([one.pk], actor=desk.tom, to=desk.priya)
    given = handling.assign([one.pk], actor=desk.priya, to=desk.tom)
    assert told(desk.priya) == []
    assert told(desk.tom) == [("assigned", 1)]
    assert given.handling is not None
    handling.undo(given.handling, actor=desk.priya)
    assert told(desk.tom) == []
    assert told(desk.priya) == [], "who has it again knows it"


def test_replies_are_told_to_whoever_has_the_conversation_as_one(desk: Desk) -> None:
    one = desk.conversation(assignee=desk.priya)
    write(one, "First")
    first = Notification.objects.get()
    write(one, "Second")
    assert told(desk.priya) == [("reply", 2)]
    again = Notification.objects.get()
    assert again.pk > first.pk, "what is told again comes after what was told"
    assert again.message is not None
    assert again.message.body == "Second"
    notifications.read_conversation(one, desk.priya)
    assert told(desk.priya) == []
    write(one, "Third")
    assert told(desk.priya) == [("reply", 1)]


def test_a_reply_in_a_conversation_that_nobody_has_is_told_to_nobody(desk: Desk) -> None:
    write(desk.conversation(), "Hello")
    assert not Notification.objects.exists()


def test_nothing_is_told_when_what_happened_is_taken_back(desk: Desk) -> None:
    one = desk.conversation()
    with transaction.atomic():
        handling.assign([one.pk], actor=desk.tom, to=desk.priya)
        transaction.set_rollback(True)
    assert not Notification.objects.exists()


def test_a_remark_is_told_to_those_it_names(desk: Desk) -> None:
    one = desk.conversation()
    everybody = [desk.priya, desk.tom]
    for _ in range(2):
        remarks.leave_remark(
            one, text="@Tom and @Priya, look", actor=desk.priya, colleagues=everybody, client_key="same"
        )
    assert told(desk.tom) == [("mention", 1)]
    assert told(desk.priya) == []


@pytest.mark.parametrize(
    ("to", "kind"),
    [(MessageStatus.FAILED, "failed"), (MessageStatus.UNCONFIRMED, "unconfirmed"), (MessageStatus.EXPIRED, "failed")],
)
def test_an_author_hears_what_did_not_arrive(desk: Desk, to: str, kind: str) -> None:
    one = desk.conversation(assignee=desk.tom)
    message = factories.make_message(one, **SENDING, author=desk.priya)
    lifecycle.move([message], to, come_from=(MessageStatus.SENDING,))
    assert told(desk.priya) == [(kind, 1)]
    assert told(desk.tom) == []


def test_what_is_confirmed_later_is_no_news_any_more(desk: Desk) -> None:
    message = factories.make_message(desk.conversation(), **SENDING, author=desk.priya)
    lifecycle.move([message], MessageStatus.UNCONFIRMED, come_from=(MessageStatus.SENDING,))
    lifecycle.move([message], MessageStatus.DELIVERED, come_from=(MessageStatus.UNCONFIRMED,))
    assert told(desk.priya) == []


def test_messages_of_no_person_are_told_to_nobody(desk: Desk) -> None:
    message = factories.make_message(desk.conversation(assignee=desk.priya), **SENDING)
    lifecycle.move([message], MessageStatus.FAILED, come_from=(MessageStatus.SENDING,))
    assert not Notification.objects.exists()


def due_in(desk: Desk, minutes: float, **fields: Any) -> Conversation:
    """A conversation of Priya's whose reply is due then."""
    at = timezone.now() + timedelta(minutes=minutes - desk.stream.reply_within)
    return desk.conversation(**{"assignee": desk.priya, "waiting_since": at, **fields})


def test_deadlines_are_told_once_each(desk: Desk) -> None:
    one = due_in(desk, 10)
    for others in ({"assignee": None}, {"status": "waiting"}):
        due_in(desk, 10, **others)
    due_in(desk, 60)
    due_in(desk, -180)  # long known
    now = timezone.now()
    for _ in range(2):
        upkeep.sweep(now)
    assert told(desk.priya) == [("due", 1)]
    notifications.read_conversation(one, desk.priya)
    upkeep.sweep(now)
    assert told(desk.priya) == [], "it was told"
    for _ in range(2):
        upkeep.sweep(now + timedelta(minutes=11))
    assert told(desk.priya) == [("overdue", 1)]


def test_what_is_overdue_is_not_nearly_due_too(desk: Desk) -> None:
    due_in(desk, 10)
    now = timezone.now()
    upkeep.sweep(now)
    upkeep.sweep(now + timedelta(minutes=11))
    assert told(desk.priya) == [("overdue", 1)]


def test_a_window_that_closes_soon_is_told_once(desk: Desk) -> None:
    care = factories.make_stream(channel="whatsapp")
    factories.make_team(members=[desk.priya], streams=[care])
    now = timezone.now()
    factories.make_conversation(care, assignee=desk.priya, window_closes_at=now + timedelta(minutes=20))
    factories.make_conversation(care, assignee=desk.priya, window_closes_at=now + timedelta(minutes=40))
    for _ in range(2):
        upkeep.sweep(now)
    assert told(desk.priya) == [("closing", 1)]


def test_the_sweep_asks_little_when_nothing_is_due(desk: Desk, django_assert_num_queries: Any) -> None:
    for _ in range(20):
        due_in(desk, 10)
    now = timezone.now()
    notifications.tell_what_is_due(now)
    with django_assert_num_queries(9):  # three questions, each with an empty savepoint
        notifications.tell_what_is_due(now)


def test_what_wakes_is_told_to_whoever_has_it(desk: Desk) -> None:
    at = timezone.now()
    desk.conversation(status="snoozed", snoozed_until=at - timedelta(minutes=1), assignee=desk.priya)
    upkeep.sweep(at)
    assert told(desk.priya) == [("woke", 1)]


def test_resolving_ends_what_was_news(desk: Desk) -> None:
    one = desk.conversation(assignee=desk.priya)
    write(one, "Hello")
    conversations.resolve(one, actor=desk.tom)
    assert told(desk.priya) == []


def test_nobody_hears_of_what_they_do_not_see_or_do_not_want(desk: Desk) -> None:
    unseen = desk.conversation(assignee=desk.sam)
    write(unseen, "Hello")
    assert not Notification.objects.exists()
    desk.priya.notify = {"reply": []}
    desk.priya.save()
    write(desk.conversation(assignee=desk.priya), "Hello again")
    assert not Notification.objects.exists()
    User.objects.filter(pk=desk.priya.pk).update(is_active=False, notify={})
    write(desk.conversation(assignee=desk.priya), "Hello once more")
    assert not Notification.objects.exists()


def test_what_somebody_may_no_longer_see_is_not_shown(desk: Desk) -> None:
    write(desk.conversation(assignee=desk.priya), "Hello")
    assert told(desk.priya) == [("reply", 1)]
    TeamMembership.objects.filter(user=desk.priya).delete()
    assert told(User.objects.get(pk=desk.priya.pk)) == []


def test_old_ones_are_let_go(desk: Desk) -> None:
    at = timezone.now()
    old, young = desk.conversation(), desk.conversation()
    for one, created_at in ((old, at - timedelta(days=31)), (young, at - timedelta(days=29))):
        Notification.objects.create(user=desk.priya, conversation=one, kind="assigned", created_at=created_at)
    upkeep.sweep(at)
    assert list(Notification.objects.values_list("conversation", flat=True)) == [young.pk]


@pytest.fixture
def heard(desk: Desk) -> Iterator[Any]:
    """The live events of the stream, as the web process gets them."""
    subscription = django_rq.get_connection("default").pubsub(ignore_subscribe_messages=True)
    subscription.subscribe(channel_of(desk.stream.pk))
    subscription.get_message(timeout=1)

    def all_of(kind: str) -> list[dict[str, Any]]:
        found = []
        while message := subscription.get_message(timeout=0.2):
            found.append(json.loads(message["data"]))
        return [one for one in found if one["kind"] == kind]

    yield all_of
    subscription.close()


def test_the_pages_of_a_person_are_woken_once(desk: Desk, heard: Any, django_capture_on_commit_callbacks: Any) -> None:
    pks = [desk.conversation().pk for _ in range(5)]
    with django_capture_on_commit_callbacks(execute=True):
        handling.assign(pks, actor=desk.tom, to=desk.priya)
    events = heard("notification")
    assert [one["to"] for one in events] == [desk.priya.pk]
    assert set(events[0]) == {"kind", "stream", "conversation", "to"}


def test_a_campaign_tells_who_made_it_and_who_let_it_go_that_it_stands_still(desk: Desk) -> None:
    other = factories.make_user("supervisor", name="Ida")
    factories.make_team(members=[other], streams=[desk.stream])
    campaign = Campaign.objects.create(
        name="Routers", stream=desk.stream, status="running", created_by=desk.tom, confirmed_by=other, is_planned=True
    )
    assert control.pause_by_itself(campaign.pk, reason="Service texts is switched off.")
    assert not control.pause_by_itself(campaign.pk, reason="Twice.")
    assert (told(desk.tom), told(other), told(desk.sam)) == ([("campaign", 1)], [("campaign", 1)], [])
    campaign.refresh_from_db()
    control.resume(campaign, actor=desk.tom)
    assert control.finish_if_over(campaign.pk)
    assert told(desk.tom) == [("campaign", 2)]
    notifications.read_campaign(campaign, desk.tom)
    assert (told(desk.tom), told(other)) == ([], [("campaign", 2)])


def test_a_campaign_that_somebody_stopped_or_paused_is_no_news(desk: Desk) -> None:
    campaign = Campaign.objects.create(name="Routers", stream=desk.stream, status="running", created_by=desk.tom)
    control.pause(campaign, actor=desk.tom)
    control.stop(campaign, actor=desk.tom)
    assert campaign.ended_at is not None
    assert told(desk.tom) == []


def test_nobody_is_told_of_a_campaign_that_they_do_not_see_or_want(desk: Desk) -> None:
    campaign = Campaign.objects.create(name="Routers", stream=desk.stream, status="running", created_by=desk.tom)
    desk.tom.notify = {"campaign": []}
    desk.tom.save()
    control.pause_by_itself(campaign.pk, reason="")
    desk.tom.notify = {}
    desk.tom.save()
    assert told(desk.tom) == []
    campaign.refresh_from_db()
    control.resume(campaign, actor=desk.tom)
    control.pause_by_itself(campaign.pk, reason="")
    assert told(desk.tom) == [("campaign", 1)]
    TeamMembership.objects.filter(user=desk.tom).delete()
    assert told(desk.tom) == []
