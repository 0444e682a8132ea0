"""Telling people what happened to what is theirs: written here alone, in the transaction of what happened.

Every function takes many at once and is a few statements. Nobody is told of what they did themselves, or of a
conversation that they cannot see; what somebody may see is asked again whenever notifications are read
(`NotificationQuerySet.of`). Open pages of the person hear by a live event that there is something to ask for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from conversations import live
from conversations.models import (
    Activity,
    Campaign,
    Conversation,
    Message,
    Notification,
    Stream,
    User,
    WebhookSubscription,
)
from conversations.models.conversation import ConversationStatus
from conversations.models.message import NOT_ARRIVED, MessageStatus
from conversations.models.notification import (
    OF_A_MESSAGE,
    OF_MINE,
    NotificationKind,
    NotificationQuerySet,
    told_already,
    ways_of,
)

DUE_SOON = timedelta(minutes=15)
WINDOW_SOON = timedelta(minutes=30)
LATEST = timedelta(hours=1)  # a deadline that passed longer ago is no news
KEPT = timedelta(days=30)
BATCH = 500

_WRITE = """
    INSERT INTO conversations_notification AS known
                (user_id, {subject}_id, kind, message_id, actor_id, deadline, number, created_at)
         SELECT told.*, %s
           FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::int[])
             AS told
    ON CONFLICT ON CONSTRAINT {once} DO UPDATE
            SET id = EXCLUDED.id, message_id = EXCLUDED.message_id, actor_id = EXCLUDED.actor_id,
                deadline = EXCLUDED.deadline, created_at = EXCLUDED.created_at, read_at = NULL,
                number = EXCLUDED.number + CASE WHEN known.read_at IS NULL THEN known.number ELSE 0 END
"""
_OF_CONVERSATION = _WRITE.format(subject="conversation", once="notification_once")
_OF_CAMPAIGN = _WRITE.format(subject="campaign", once="notification_of_campaign_once")
_OF_WEBHOOK = _WRITE.format(subject="webhook", once="notification_of_webhook_once")


class Notice(NamedTuple):
    """That one person is to be told of one thing: `about` is the id of a conversation, campaign or webhook."""

    user_id: int
    about: int
    stream_id: int
    kind: str
    message_id: int | None = None
    actor_id: int | None = None
    deadline: datetime | None = None


def assigned(conversations: Collection[Conversation], *, to: User | None, actor: User | None) -> None:
    """These conversations were given to somebody who sees them, or taken away; what it was for others is over."""
    others = Notification.objects.filter(
        conversation__in=[one.pk for one in conversations], kind__in=OF_MINE, read_at=None
    )
    read(others.exclude(user=to.pk) if to is not None else others)
    if to is not None and to != actor:
        notices = [
            Notice(to.pk, one.pk, one.stream_id, NotificationKind.ASSIGNED, actor_id=actor.pk if actor else None)
            for one in conversations
        ]
        _tell(notices, seen=True)


def replied(conversation: Conversation, message: Message) -> None:
    """The customer wrote: whoever has the conversation is told."""
    if conversation.assignee_id is not None:
        _tell(
            [
                Notice(
                    conversation.assignee_id,
                    conversation.pk,
                    conversation.stream_id,
                    NotificationKind.REPLY,
                    message_id=message.pk,
                )
            ]
        )


def mentioned(remark: Activity, people: Iterable[User]) -> None:
    """A remark names people who see its conversation."""
    conversation = remark.conversation
    _tell(
        [
            Notice(one.pk, conversation.pk, conversation.stream_id, NotificationKind.MENTION, actor_id=remark.actor_id)
            for one in people
            if one.pk != remark.actor_id
        ],
        seen=True,
    )


def woke(conversations: Iterable[Conversation]) -> None:
    """The time of snoozed conversations has come: whoever has them is told."""
    _tell(
        [
            Notice(one.assignee_id, one.pk, one.stream_id, NotificationKind.WOKE)
            for one in conversations
            if one.assignee_id is not None
        ]
    )


def moved(moves: Iterable[tuple[int, str]], to: str, *, actor: User | None) -> None:
    """Messages went from a status to another (pairs of id and former status): their authors hear what needs them.

    What was said of a message before is over.
    """
    found = list(moves)
    settled = [pk for pk, status in found if status in (*NOT_ARRIVED, MessageStatus.UNCONFIRMED)]
    if settled:
        read(Notification.objects.filter(message__in=settled, kind__in=OF_A_MESSAGE, read_at=None))
    if to not in (*NOT_ARRIVED, MessageStatus.UNCONFIRMED):
        return
    kind = NotificationKind.UNCONFIRMED if to == MessageStatus.UNCONFIRMED else NotificationKind.FAILED
    of_people = Message.objects.filter(pk__in=[pk for pk, _ in found], author__isnull=False)
    rows = of_people.values_list("author_id", "conversation_id", "stream_id", "pk")
    _tell(
        [
            Notice(author, conversation, stream, kind, message_id=pk)
            for author, conversation, stream, pk in rows
            if actor is None or author != actor.pk
        ]
    )


def campaign_stands_still(campaign: Campaign) -> None:
    """A campaign has ended, or was paused by a rule of its own: who made it and who let it go are told."""
    people = {campaign.created_by_id, campaign.confirmed_by_id} - {None}
    notices = [
        Notice(person, campaign.pk, campaign.stream_id, NotificationKind.CAMPAIGN)
        for person in people
        if person is not None
    ]
    _tell(notices, write=_OF_CAMPAIGN)


def webhook_stands_still(subscription: WebhookSubscription) -> None:
    """A webhook was paused by itself: administrators, and supervisors who see what it tells, hear of it."""
    people = User.objects.filter(is_active=True).exclude(groups=None, user_permissions=None, is_superuser=False)
    streams = Stream.objects.visible_to(subscription.owner)
    if subscription.streams.exists():
        streams = streams.filter(webhook_subscriptions=subscription)
    notices = []
    for person in people.distinct():
        if not person.has_perm("conversations.enter_admin"):
            continue
        seen = Stream.objects.visible_to(person).filter(pk__in=streams.values("pk")).values_list("pk", flat=True)
        stream_id = seen.first()
        if stream_id or person.has_perm("conversations.change_webhooksubscription"):
            notices.append(Notice(person.pk, subscription.pk, stream_id or 0, NotificationKind.WEBHOOK))
    _tell(notices, seen=True, write=_OF_WEBHOOK)


def read_campaign(campaign: Campaign, reader: User) -> None:
    """Somebody looks at a campaign: what they were to be told of it, they see."""
    read(Notification.objects.filter(user=reader.pk, campaign=campaign.pk))


def tell_what_is_due(at: datetime) -> None:
    """Tell whoever has a conversation that its reply is nearly due or overdue, or that its window closes soon; once."""
    mine = Conversation.objects.filter(status=ConversationStatus.OPEN, assignee__isnull=False, assignee__is_active=True)
    # Where a reply is due that soon anyway, it has just been told of.
    slow = mine.filter(stream__reply_within__gt=DUE_SOON / timedelta(minutes=1))
    due = slow.filter(reply_due_at__gt=at, reply_due_at__lte=at + DUE_SOON)
    overdue = mine.filter(reply_due_at__gt=at - LATEST, reply_due_at__lte=at)
    closing = mine.filter(window_closes_at__gt=at, window_closes_at__lte=at + WINDOW_SOON)
    for found, kind, column in (
        (due, NotificationKind.DUE, "reply_due_at"),
        (overdue, NotificationKind.OVERDUE, "reply_due_at"),
        (closing, NotificationKind.CLOSING, "window_closes_at"),
    ):
        untold = found.exclude(told_already(kind, column)).order_by(f"-{column}", "pk")
        rows = untold.values_list("assignee_id", "pk", "stream_id", column)[:BATCH]
        notices = [Notice(user, pk, stream, kind, deadline=deadline) for user, pk, stream, deadline in rows]
        with transaction.atomic():
            if kind == NotificationKind.OVERDUE:
                of_these = Notification.objects.filter(conversation__in=[one.about for one in notices])
                read(of_these.filter(kind=NotificationKind.DUE))
            _tell(notices)


def over(conversation_ids: Collection[int]) -> None:
    """The work on these conversations is done: nothing about the work is news any more."""
    read(Notification.objects.filter(conversation__in=conversation_ids, kind__in=OF_MINE))


def read_conversation(conversation: Conversation, reader: User) -> None:
    """Somebody looks at a conversation: what they were to be told of it, they see."""
    read(Notification.objects.filter(user=reader.pk, conversation=conversation.pk))


def read(notifications: NotificationQuerySet) -> None:
    """Mark as read what is not, and tell the other pages of those people."""
    unread = notifications.unread()
    stream = Coalesce("conversation__stream_id", "campaign__stream_id", 0)
    found = list(unread.values_list("user_id", stream, Coalesce("conversation_id", 0)))
    if found:
        unread.update(read_at=timezone.now())
        _wake_pages(found)


def forget_old(at: datetime) -> None:
    """Let go what is older than a month."""
    Notification.objects.filter(created_at__lt=at - KEPT).delete()


def _tell(notices: Sequence[Notice], *, seen: bool = False, write: str = _OF_CONVERSATION) -> None:
    """Write what people want to be told of, the newest of a kind in place of the one before; wake their pages.

    `seen` says that whoever asks knows already that they see the streams. `write` says what the notices are about.
    """
    wanted = _wanted(notices, seen=seen)
    if not wanted:
        return
    numbers = Counter((one.user_id, one.about, one.kind) for one in wanted)
    newest = {(one.user_id, one.about, one.kind): one for one in wanted}
    rows = [newest[key] for key in sorted(newest)]  # in one order, so that two who write the same rows wait in turn
    columns = (
        [one.user_id for one in rows],
        [one.about for one in rows],
        [str(one.kind) for one in rows],
        [one.message_id for one in rows],
        [one.actor_id for one in rows],
        [one.deadline for one in rows],
        [numbers[one.user_id, one.about, one.kind] for one in rows],
    )
    with connection.cursor() as cursor:
        cursor.execute(write, [timezone.now(), *columns])
    of_conversations = write == _OF_CONVERSATION
    _wake_pages((one.user_id, one.stream_id, one.about if of_conversations else 0) for one in rows)


def _wanted(notices: Sequence[Notice], *, seen: bool) -> list[Notice]:
    """Without those for people who want no such thing, who have left, or who do not see the stream."""
    if not notices:
        return []
    people = User.objects.filter(is_active=True).in_bulk({one.user_id for one in notices})
    wanted = [one for one in notices if one.user_id in people and ways_of(people[one.user_id], one.kind)]
    if seen or not wanted:
        return wanted
    who_see = {
        stream.pk: set(User.objects.who_see([stream]).filter(pk__in=people).values_list("pk", flat=True))
        for stream in Stream.objects.filter(pk__in={one.stream_id for one in wanted})
    }
    return [one for one in wanted if one.user_id in who_see[one.stream_id]]


def _wake_pages(told: Iterable[tuple[int, int, int]]) -> None:
    """One event for each person (of triples of person, stream and conversation), however much there is to tell."""
    for user_id, stream_id, conversation_id in {one[0]: one for one in told}.values():
        live.publish(stream_id=stream_id, kind="notification", conversation_id=conversation_id, to=user_id)
