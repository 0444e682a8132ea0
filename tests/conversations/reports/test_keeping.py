"""What PostgreSQL keeps for the reports is what counting all rows finds, whatever happened and whoever did it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from conversations.models import (
    Campaign,
    CampaignRecipient,
    Contact,
    Conversation,
    ConversationTimes,
    Message,
    NextReply,
    ReportChange,
    ReportCount,
    Stream,
    User,
)
from conversations.models.message import LEGAL_MOVES, Direction, MessageStatus
from conversations.models.report_triggers import counted_changes, counted_times
from conversations.services import conversations
from conversations.services.reports import keeping
from tests import factories

pytestmark = pytest.mark.django_db

STEPS = 120
OUT = ("queued", "accepted", "sent", "failed", "draft", "cancelled", "unconfirmed")


def kept_counts() -> dict[tuple[Any, ...], tuple[int, int]]:
    """The numbers as they are kept, added up; those that came to nothing left out."""
    keeping.add_up()
    assert not ReportChange.objects.exists()
    rows = ReportCount.objects.values_list("subject", "subject_id", "stream", "hour", "outcome", "number", "parts")
    return {row[:5]: row[5:] for row in rows if row[5] or row[6]}  # type: ignore[misc]


def counted_counts() -> dict[tuple[Any, ...], tuple[int, int]]:
    """The same numbers, counted message by message."""
    found: dict[tuple[Any, ...], tuple[int, int]] = {}
    for message in Message.objects.select_related("recipient"):
        outcome = outcome_of(message)
        if not outcome:
            continue
        campaign = message.recipient.campaign_id if message.recipient else None
        subjects = {"stream": 0, "template": message.template_id, "campaign": campaign}
        subjects["author"] = None if campaign else message.author_id
        hour = timezone.localtime(message.created_at).replace(minute=0, second=0, microsecond=0)
        for subject, pk in subjects.items():
            if pk is not None:
                key = (subject, pk, message.stream_id, hour, outcome)
                number, parts = found.get(key, (0, 0))
                found[key] = (number + 1, parts + (0 if outcome == "received" else max(1, message.segments)))
    return found


def outcome_of(message: Message) -> str:
    """What docs and page say of an outcome, in Python."""
    if message.direction == Direction.IN:
        return "received"
    if message.status in ("accepted", "sent", "delivered", "read", "unconfirmed"):
        return message.status
    if message.status in ("failed", "undelivered", "expired"):
        return "lost" if message.sent_at else "refused"
    return ""


def kept_times() -> dict[int, tuple[Any, ...]]:
    """The times as they are kept."""
    columns = ("conversation_id", "stream_id", "started_at", "asked_at", "replied_at", "replied_by_id", "resolved_at")
    return {row[0]: row[1:] for row in ConversationTimes.objects.values_list(*columns)}


def counted_in_python() -> dict[int, tuple[Any, ...]]:
    """The same times, conversation by conversation."""
    found = {}
    for one in Conversation.objects.all():
        own = list(one.messages.filter(recipient=None).order_by("id"))
        if not own:
            continue
        asked_at = min((m.created_at for m in own if m.direction == Direction.IN), default=None)
        replies = [
            (m.sent_at, m.pk, m.author_id)
            for m in own
            if m.direction == Direction.OUT and m.author_id and m.sent_at and asked_at and m.sent_at >= asked_at
        ]
        replied_at, _, author = min(replies, default=(None, None, None))
        resolved_at = one.resolved_at if one.status in ("resolved", "archived") else None
        found[one.pk] = (one.stream_id, min(m.created_at for m in own), asked_at, replied_at, author, resolved_at)
    return found


def kept_replies() -> list[tuple[Any, ...]]:
    """The answers after the first, as they are kept."""
    columns = ("conversation_id", "stream_id", "asked_at", "replied_at", "replied_by_id")
    return sorted(NextReply.objects.values_list(*columns))


def replies_in_python() -> list[tuple[Any, ...]]:
    """The same answers, message by message."""
    found = []
    for one in Conversation.objects.filter(times__replied_at__isnull=False).select_related("times"):
        own = list(one.messages.filter(recipient=None))
        asked = sorted(m.created_at for m in own if m.direction == Direction.IN)
        ours = [m for m in own if m.direction == Direction.OUT and m.author_id and m.sent_at]
        ours = sorted((m.sent_at, m.pk, m.author_id) for m in ours if m.sent_at >= one.times.replied_at)
        for (before, *_), (sent_at, _, author) in pairwise(ours):
            waited = [at for at in asked if before < at <= sent_at]
            if waited:
                found.append((one.pk, one.stream_id, waited[0], sent_at, author))
    return sorted(found)


def measured_times() -> dict[int, tuple[Any, ...]]:
    """The seconds in working hours, as they are kept."""
    rows = ConversationTimes.objects.values_list("pk", "reply_working", "resolution_working")
    return {row[0]: row[1:] for row in rows}


def rows_of(sql: str) -> list[tuple[Any, ...]]:
    """What a statement finds."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


class Walk:
    """A centre in which anything may happen."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.streams = [factories.make_stream(channel=one) for one in ("sms", "whatsapp")]
        self.people = [factories.make_user() for _ in range(3)]
        self.templates = [factories.make_template(self.streams[1], name=f"t{number}") for number in range(2)]
        self.campaign = Campaign.objects.create(name="Winter", stream=self.streams[0], body="Hello")
        for _ in range(4):
            factories.make_conversation(self.dice.choice(self.streams))

    def step(self) -> None:
        """One thing happens."""
        actions: list[Callable[[], None]] = [
            *(self.customer_writes, self.we_write, self.status_moves, self.status_moves, self.status_moves),
            *(self.campaign_writes, self.resolve, self.reopen, self.begin, self.delete_message, self.change_time),
            *(self.delete_conversation, self.change_author, self.change_stream, self.accept_now),
        ]
        self.dice.choice(actions)()

    def _moment(self) -> Any:
        return timezone.now() - timedelta(minutes=self.dice.randrange(5000))

    def _some(self, rows: Any) -> Any:
        found = list(rows)
        return self.dice.choice(found) if found else None

    def _conversation(self) -> Conversation:
        return self._some(Conversation.objects.order_by("pk")) or factories.make_conversation(self.streams[0])

    def _write(self, one: Conversation, **fields: Any) -> Message:
        message = factories.make_message(one, **fields)
        if self.dice.random() < 0.7:
            Message.objects.filter(pk=message.pk).update(created_at=self._moment())
        return message

    def customer_writes(self) -> None:
        self._write(self._conversation(), direction=Direction.IN)

    def we_write(self) -> None:
        one, author = self._conversation(), self._some([None, *self.people])
        template = self._some([None, *self.templates]) if one.stream == self.streams[1] else None
        status = self.dice.choice(OUT)
        sent_at = self._moment() if status in ("accepted", "sent", "unconfirmed") else None
        segments = self.dice.randrange(4)
        self._write(one, status=status, author=author, template=template, sent_at=sent_at, segments=segments)

    def campaign_writes(self) -> None:
        row = CampaignRecipient.objects.filter(campaign=self.campaign).count() + 1
        verdict = {"verdict": "send", "phone": f"+4477009{row:05}"}
        recipient = CampaignRecipient.objects.create(campaign=self.campaign, row=row, **verdict)
        one = factories.make_conversation(self.streams[0], status="dormant")
        self._write(one, status=self.dice.choice(["accepted", "failed"]), recipient=recipient, author=self.people[0])

    def status_moves(self) -> None:
        movable = [status for status, targets in LEGAL_MOVES.items() if targets and status != "sending"]
        message = self._some(Message.objects.filter(status__in=movable).order_by("pk"))
        if message is None:
            return
        target = self.dice.choice(sorted(LEGAL_MOVES[message.status] - {"sending", "scheduled"} or {"cancelled"}))
        if target not in LEGAL_MOVES[message.status]:
            return
        changes: dict[str, Any] = {"status": target}
        if target == MessageStatus.ACCEPTED or (target in ("delivered", "read") and not message.sent_at):
            changes["sent_at"] = self._moment()
        if target == MessageStatus.QUEUED:
            changes["release_count"] = message.release_count + 1
        Message.objects.filter(pk=message.pk).update(**changes)

    def accept_now(self) -> None:
        changes = {"sent_at": timezone.now(), "segments": self.dice.randrange(1, 4)}
        message = self._some(Message.objects.filter(direction="out", sent_at=None).order_by("pk"))
        if message is not None:
            Message.objects.filter(pk=message.pk).update(**changes)

    def resolve(self) -> None:
        conversations.resolve(self._conversation(), actor=None)

    def reopen(self) -> None:
        done = self._some(Conversation.objects.filter(status="resolved").order_by("pk"))
        if done is not None:
            done.status, done.resolved_at = "open", None
            done.save()

    def begin(self) -> None:
        factories.make_conversation(self._some(self.streams))

    def delete_message(self) -> None:
        Message.objects.filter(pk__in=[one.pk for one in [self._some(Message.objects.order_by("pk"))] if one]).delete()

    def delete_conversation(self) -> None:
        if self.dice.random() < 0.3:
            self._conversation().delete()

    def change_time(self) -> None:
        message = self._some(Message.objects.order_by("pk"))
        if message is not None:
            Message.objects.filter(pk=message.pk).update(created_at=self._moment())

    def change_author(self) -> None:
        Message.objects.filter(author=self._some(self.people)).order_by().update(author=self._some(self.people))

    def change_stream(self) -> None:
        one = self._conversation()
        Conversation.objects.filter(pk=one.pk).update(stream=self._some(self.streams))


@pytest.mark.parametrize("seed", range(6))
def test_kept_is_counted_after_anything_that_may_happen(seed: int) -> None:
    walk = Walk(seed)
    for number in range(STEPS):
        walk.step()
        if number % 10 == 9:
            assert kept_counts() == counted_counts(), number
            assert kept_times() == counted_in_python(), number
            assert kept_replies() == replies_in_python(), number
    before = kept_counts(), kept_times(), kept_replies()
    assert rows_of(counted_times("true")) != []
    assert sum(row[-2] for row in rows_of(counted_changes("conversations_message"))) == sum(
        number for (subject, *_), (number, _) in before[0].items() if subject == "stream"
    )
    while keeping.measure():
        pass
    measured = measured_times()
    ReportCount.objects.all().delete()
    ConversationTimes.objects.order_by("pk").filter(replied_at=None).delete()
    NextReply.objects.all().delete()
    call_command("rebuild_reports", verbosity=0)
    assert (kept_counts(), kept_times(), kept_replies()) == before
    assert not ConversationTimes.objects.unmeasured().exists()
    assert not NextReply.objects.unmeasured().exists()
    assert measured_times() == measured


def test_deleting_somebody_who_wrote_leaves_no_wrong_number(django_user_model: type[User]) -> None:
    conversation = factories.make_conversation()
    author = factories.make_user()
    factories.make_message(conversation, direction=Direction.IN)
    factories.make_message(conversation, author=author)
    assert kept_times()[conversation.pk][3:5] == counted_in_python()[conversation.pk][3:5] != (None, None)
    author.delete()
    assert kept_times() == counted_in_python()
    assert kept_counts() == counted_counts()


def test_many_messages_written_at_once_are_one_change() -> None:
    conversation = factories.make_conversation()
    keeping.add_up()
    fields = {"conversation": conversation, "stream": conversation.stream, "direction": "in", "status": "received"}
    Message.objects.bulk_create([Message(body=str(number), **fields) for number in range(50)])
    assert ReportChange.objects.count() == 1
    assert kept_counts() == counted_counts()


def test_working_hours_are_measured_and_measured_again_when_something_changes() -> None:
    stream: Stream = factories.make_stream()
    conversation = factories.make_conversation(stream)
    asked, author = timezone.now() - timedelta(hours=3), factories.make_user()
    question = factories.make_message(conversation, direction=Direction.IN)
    Message.objects.filter(pk=question.pk).update(created_at=asked)
    answer = factories.make_message(conversation, author=author, sent_at=asked + timedelta(minutes=20))
    assert keeping.measure() == 1
    times = ConversationTimes.objects.get()
    assert times.reply_working == 20 * 60
    Message.objects.filter(pk=answer.pk).update(sent_at=asked + timedelta(minutes=30))
    assert keeping.measure() == 1
    times.refresh_from_db()
    assert times.reply_working == 30 * 60
    assert keeping.measure() == 0


def rows_read() -> int:
    """How many kept times this transaction has read one after the other."""
    table = "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'conversations_conversationtimes'"
    return int(rows_of(table)[0][0])


def test_a_message_costs_the_same_beside_many_conversations() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO conversations_conversationtimes (conversation_id, stream_id, started_at, asked_at) "
            "SELECT 1000000 + number, 1, now(), now() FROM generate_series(1, 20000) AS number"
        )
        cursor.execute("ANALYZE conversations_conversationtimes")
    conversation, author = factories.make_conversation(), factories.make_user()
    before = rows_read()
    factories.make_message(conversation, direction=Direction.IN)
    answer = factories.make_message(conversation, author=author)
    Message.objects.filter(pk=answer.pk).update(status="delivered", sent_at=timezone.now())
    conversations.resolve(conversation, actor=None)
    keeping.keep_up()
    Message.objects.filter(pk=answer.pk).delete()
    assert rows_read() - before < 20_000


def test_answers_after_the_first_are_kept_and_measured() -> None:
    conversation, author = factories.make_conversation(), factories.make_user()
    asked = timezone.now() - timedelta(hours=3)

    def say(minutes: int, *, direction: str = "in", answered: int = 0) -> Message:
        mine = {"author": author, "sent_at": asked + timedelta(minutes=answered)} if answered else {}
        message = factories.make_message(conversation, direction=direction, **mine)
        Message.objects.filter(pk=message.pk).update(created_at=asked + timedelta(minutes=minutes))
        return message

    say(0)
    say(4, direction="out", answered=5)
    assert not NextReply.objects.exists(), "that was the first"
    say(6, direction="out", answered=6)
    assert not NextReply.objects.exists(), "nobody waited for that one"
    say(10)
    say(12)
    say(14, direction="out", answered=20)
    assert keeping.measure_replies() == 1
    reply = NextReply.objects.get()
    assert (reply.asked_at, reply.replied_by, reply.reply_working) == (asked + timedelta(minutes=10), author, 600)
    say(8)
    assert keeping.measure_replies() == 1, "a message that was told late"
    assert NextReply.objects.get().reply_working == 720


def rows_touched() -> int:
    """How many messages and kept times this transaction has read, one after the other or by an index."""
    read = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables WHERE relname IN "
    return int(rows_of(f"{read} ('conversations_message', 'conversations_conversationtimes')")[0][0])


def test_histories_written_at_once_are_read_one_by_one_whatever_statistics_say() -> None:
    """PostgreSQL believes that the tables are empty, as it does after an import that was taken back."""
    stream, author, began = factories.make_stream(), factories.make_user(), timezone.now() - timedelta(days=2)
    people = Contact.objects.bulk_create(Contact(phone=f"+4479{number:08}") for number in range(100))
    conversations_of_all = Conversation.objects.bulk_create(
        Conversation(stream=stream, contact=one, last_message_at=began) for one in people
    )
    for table, pages in (("conversations_message", 120), ("conversations_conversationtimes", 40)):
        empty = f"'schemaname', 'public', 'relname', '{table}', 'relpages', {pages}, 'reltuples', 0::real"
        rows_of(f"SELECT pg_restore_relation_stats({empty})")
    messages = []
    for conversation in conversations_of_all:
        for minute in range(6):
            fields: dict[str, Any] = {"direction": "in", "status": "received"}
            if minute % 2:
                at = began + timedelta(minutes=minute)
                fields = {"direction": "out", "status": "accepted", "author": author, "sent_at": at}
            messages.append(Message(conversation=conversation, stream=stream, **fields))
    before = rows_touched()
    Message.objects.bulk_create(messages)
    assert rows_touched() - before < 2 * len(people) * len(messages)
    for number, message in enumerate(messages):
        message.created_at = began + timedelta(minutes=number % 6)
    Message.objects.bulk_update(messages, ["created_at"])
    assert len(kept_replies()) == 2 * len(people)
    assert kept_replies() == replies_in_python()
