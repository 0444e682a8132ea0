"""What PostgreSQL keeps for the inbox: urgency, failed sends, numbers; whoever writes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db.models import Sum
from django.utils import timezone

from conversations.models import Conversation, InboxCount, Message
from conversations.models.conversation import ListOrder
from conversations.models.inbox_triggers import Urgency
from conversations.models.message import MessageStatus
from tests import factories

pytestmark = pytest.mark.django_db


def ago(minutes: float) -> datetime:
    return timezone.now() - timedelta(minutes=minutes)


def part_of(conversation: Conversation) -> Urgency:
    conversation.refresh_from_db()
    return conversation.part


def counted() -> dict[tuple[str, str | None], int]:
    """What the rows of numbers come to, by status and person."""
    rows = InboxCount.objects.order_by().values_list("status", "assignee__name").annotate(Sum("number"))
    return {(status, name): number for status, name, number in rows if number}


def test_a_list_by_urgency_is_in_the_order_of_its_parts() -> None:
    late = factories.make_conversation(waiting_since=ago(300))
    soon = factories.make_conversation(waiting_since=ago(10))
    later = factories.make_conversation(waiting_since=ago(5))
    closes_soon = factories.make_conversation(window_closes_at=ago(-30))
    closes_late = factories.make_conversation(window_closes_at=ago(-90))
    closed = factories.make_conversation(window_closes_at=ago(1), last_message_at=ago(60))
    unread = factories.make_conversation(unread_count=1, last_message_at=ago(50))
    older = factories.make_conversation(last_message_at=ago(70))
    failed = factories.make_conversation(waiting_since=ago(1))
    factories.make_message(failed, status=MessageStatus.FAILED)
    expected = [failed, late, soon, later, closes_soon, closes_late, unread, closed, older]
    assert list(Conversation.objects.in_order(ListOrder.URGENT)) == expected
    assert [part_of(one).name for one in expected] == [
        *("FAILED", "DUE", "DUE", "DUE", "WINDOW", "WINDOW", "UNREAD", "REST", "REST")
    ]


def test_an_answer_is_due_when_the_stream_says() -> None:
    stream = factories.make_stream(reply_within=30)
    conversation = factories.make_conversation(stream, waiting_since=ago(10))
    conversation.refresh_from_db()
    assert conversation.reply_due_at == conversation.waiting_since + timedelta(minutes=30)  # type: ignore[operator]
    conversation.reply_due_at = None  # as a process read it before the customer wrote
    conversation.save()
    conversation.refresh_from_db()
    assert conversation.reply_due_at is not None
    Conversation.objects.update(waiting_since=None)
    conversation.refresh_from_db()
    assert conversation.reply_due_at is None


@pytest.mark.parametrize(("again_within", "later"), [(120, 120), (None, 30)])
def test_a_later_answer_has_a_time_of_its_own_where_its_stream_has_one(again_within: int | None, later: int) -> None:
    stream, author = factories.make_stream(reply_within=30, reply_again_within=again_within), factories.make_user()
    conversation = factories.make_conversation(stream, waiting_since=ago(10))
    factories.make_message(conversation, direction="in")
    for again, minutes in ((False, 30), (True, later)):
        if again:
            factories.make_message(conversation, author=author, sent_at=timezone.now())
            Conversation.objects.update(waiting_since=timezone.now())
        conversation.refresh_from_db()
        assert conversation.waiting_since is not None
        assert conversation.reply_due_at == conversation.waiting_since + timedelta(minutes=minutes)


def test_what_is_due_first_decides_while_the_next_step_is_ours() -> None:
    stream = factories.make_stream(reply_within=30, resolve_within=60)
    conversation = factories.make_conversation(stream)
    conversation.refresh_from_db()
    whole = conversation.created_at + timedelta(minutes=60)
    assert (conversation.resolve_due_at, conversation.due_at, conversation.part) == (whole, whole, Urgency.DUE)
    assert not conversation.owes_a_reply
    Conversation.objects.update(waiting_since=ago(5))
    conversation.refresh_from_db()
    assert conversation.due_at == conversation.reply_due_at
    assert conversation.owes_a_reply
    Conversation.objects.update(waiting_since=conversation.created_at + timedelta(minutes=45))
    conversation.refresh_from_db()
    assert conversation.due_at == whole, "the answer could wait, the whole cannot"
    Conversation.objects.update(waiting_since=None, status="waiting")
    conversation.refresh_from_db()
    assert (conversation.resolve_due_at, conversation.due_at) == (whole, None), "it is the customer's turn"
    Conversation.objects.update(status="resolved")
    conversation.refresh_from_db()
    assert conversation.resolve_due_at is None
    Conversation.objects.update(status="open")
    conversation.refresh_from_db()
    assert conversation.resolve_due_at is not None
    assert conversation.resolve_due_at > whole - timedelta(minutes=1), "opened again, the time runs anew"


def test_a_failed_send_counts_until_somebody_writes_again() -> None:
    conversation = factories.make_conversation()
    sent = factories.make_message(conversation, status=MessageStatus.SENDING, claim=FIRST_CLAIM, lease_until=ago(0))
    assert part_of(conversation) == Urgency.REST
    Message.objects.filter(pk=sent.pk).update(status=MessageStatus.FAILED)
    assert part_of(conversation) == Urgency.FAILED
    since = conversation.failed_at

    again = factories.make_message(conversation, status=MessageStatus.QUEUED)
    assert part_of(conversation) == Urgency.REST
    Message.objects.filter(pk=again.pk).update(status=MessageStatus.CANCELLED)
    assert part_of(conversation) == Urgency.FAILED
    assert conversation.failed_at is not None
    assert since is not None

    factories.make_message(conversation, direction="in")
    assert part_of(conversation) == Urgency.FAILED
    Message.objects.filter(pk=sent.pk).update(status=MessageStatus.DELIVERED)
    assert part_of(conversation) == Urgency.REST


def test_a_row_that_is_saved_as_it_was_before_does_not_hide_a_failed_send() -> None:
    conversation = factories.make_conversation()
    factories.make_message(conversation, status=MessageStatus.UNDELIVERED)
    conversation.last_message_preview = "Hello"
    conversation.save()
    assert part_of(conversation) == Urgency.FAILED


def test_many_messages_at_once_are_read_once() -> None:
    answered, failed = factories.make_conversation(), factories.make_conversation()
    factories.make_message(answered, status=MessageStatus.FAILED)
    fields = {"direction": "out", "body": "Hello"}
    Message.objects.bulk_create(
        [
            Message(conversation=answered, stream=answered.stream, status=MessageStatus.ACCEPTED, **fields),
            Message(conversation=failed, stream=failed.stream, status=MessageStatus.FAILED, **fields),
        ]
    )
    assert part_of(answered) == Urgency.REST
    assert part_of(failed) == Urgency.FAILED


def test_snoozed_conversations_stand_by_the_time_they_come_back() -> None:
    reply = factories.make_conversation(status="snoozed")
    late = factories.make_conversation(status="snoozed", snoozed_until=ago(-90))
    soon = factories.make_conversation(status="snoozed", snoozed_until=ago(-30), waiting_since=ago(600))
    assert list(Conversation.objects.in_order(ListOrder.URGENT)) == [soon, late, reply]
    Conversation.objects.filter(pk=soon.pk).update(status="open")
    soon.refresh_from_db()
    assert soon.snoozed_until is None


def test_the_numbers_follow_every_change() -> None:
    priya, tom = factories.make_user(name="Priya"), factories.make_user(name="Tom")
    stream = factories.make_stream()
    first = factories.make_conversation(stream, assignee=priya)
    factories.make_conversation(stream)
    factories.make_conversation(stream, status="dormant")
    assert counted() == {("open", "Priya"): 1, ("open", None): 1}
    Conversation.objects.filter(assignee=None, status="open").update(assignee=tom, status="waiting")
    assert counted() == {("open", "Priya"): 1, ("waiting", "Tom"): 1}
    first.status = "resolved"
    first.save()
    assert counted() == {("waiting", "Tom"): 1}
    Conversation.objects.filter(status="waiting").delete()
    assert counted() == {}


def test_the_pages_of_each_order_hold_every_row_once() -> None:
    stream, same = factories.make_stream(), ago(3)
    for number in range(9):
        at = same if number % 3 == 0 else ago(number)
        factories.make_conversation(stream, last_message_at=at, waiting_since=at if number % 2 else None)
    for order in ListOrder:
        column = "urgency" if order == ListOrder.URGENT else "last_message_at"
        whole = list(Conversation.objects.in_order(order))
        found: list[Conversation] = []
        while page := list(_after(order, column, found)[:2]):
            found += page
        assert found == whole
        assert len(found) == 9


def _after(order: ListOrder, column: str, found: list[Conversation]) -> list[Conversation]:
    rows = Conversation.objects.in_order(order)
    return rows.following(order, getattr(found[-1], column), found[-1].pk) if found else rows  # type: ignore[return-value]


def test_rows_of_several_streams_are_found_stream_by_stream() -> None:
    streams = [factories.make_stream() for _ in range(3)]
    rows = [factories.make_conversation(streams[number % 3], waiting_since=ago(number)) for number in range(12)]
    seen = [streams[0].pk, streams[2].pk]
    expected = [row.pk for row in reversed(rows) if row.stream_id in seen]
    for size in (3, 50):
        found = Conversation.objects.keys_stream_by_stream(ListOrder.URGENT, seen, size)
        assert found == expected[:size]
    assert Conversation.objects.keys_stream_by_stream(ListOrder.URGENT, [], 5) == []


FIRST_CLAIM = "11111111-1111-1111-1111-111111111111"
