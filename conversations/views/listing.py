"""The rows of an inbox list, page by page, and the numbers beside views and streams.

Pages follow the key of the last row, never an offset: a list that moves while it is read neither skips nor
repeats. The number of queries does not depend on the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Case, Count, Exists, F, OuterRef, Q, Subquery, When
from django.utils import timezone

from conversations.models import ConsentState, Conversation, Message, Stream, User
from conversations.models.consent import ConsentDecision
from conversations.models.conversation import IN_INBOX, ConversationQuerySet, ConversationStatus
from conversations.models.message import MessageStatus
from conversations.models.stream import Channel
from conversations.views.inbox_query import (
    BY_PERSON,
    STATUSES,
    InboxQuery,
    Order,
    Standing,
    View,
    in_view,
    unanswered_failures,
)
from conversations.views.wording import CLOSING_SOON, clock

PAGE = 50
LARGEST_PAGE = 200
MOST_CHIPS = 3
LAST_HOUR = timedelta(hours=1)


class Chip(NamedTuple):
    """A word in a list row that helps to decide what to do next; with `until` it is a clock, and {} the time."""

    icon: str
    words: str
    tone: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation of a list."""

    conversation: Conversation
    chips: list[Chip]


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the cursor of what follows (empty: nothing does)."""

    rows: list[Row]
    next_cursor: str


def read_page(query: InboxQuery, user: User, *, cursor: str = "", size: int = PAGE) -> Page:
    """A page of the list. A cursor that cannot be read is the beginning."""
    size = max(1, min(size, LARGEST_PAGE))
    found = _ordered(query.conversations(user), query.sort)
    if after := _Cursor.read(cursor):
        found = found.filter(after.condition(query.sort))
    conversations = list(_with_chips(found.for_list())[: size + 1])
    more = len(conversations) > size
    shown = conversations[:size]
    return Page(
        rows=[Row(conversation, _chips(conversation)) for conversation in shown],
        next_cursor=_Cursor.of(shown[-1], query.sort).written() if more else "",
    )


def _ordered(conversations: ConversationQuerySet, order: Order) -> ConversationQuerySet:
    if order == Order.NEWEST:
        return conversations.order_by("-last_message_at", "-id")
    # Who waits comes first, longest first; the others follow, newest first.
    settled_at = Case(When(waiting_since=None, then=F("last_message_at")))
    return conversations.order_by(F("waiting_since").asc(nulls_last=True), settled_at.desc(), "-id")


class _Cursor(NamedTuple):
    """The key of the last row shown: in the urgent order `waiting` tells in which part of the list it was."""

    waiting: bool
    at: datetime
    pk: int

    @classmethod
    def of(cls, conversation: Conversation, order: Order) -> _Cursor:
        waiting = order == Order.URGENT and conversation.waiting_since is not None
        at = conversation.waiting_since if waiting else conversation.last_message_at
        assert at is not None
        return cls(waiting, at, conversation.pk)

    @classmethod
    def read(cls, text: str) -> _Cursor | None:
        try:
            part, at, pk = text.split("_")
            moment = datetime.fromisoformat(at)
            return cls(part == "w", moment if timezone.is_aware(moment) else timezone.make_aware(moment), int(pk))
        except ValueError:
            return None

    def written(self) -> str:
        return f"{'w' if self.waiting else 'r'}_{self.at.isoformat()}_{self.pk}"

    def condition(self, order: Order) -> Q:
        """What comes after this row."""
        before = Q(last_message_at__lt=self.at) | Q(last_message_at=self.at, pk__lt=self.pk)
        if order == Order.NEWEST:
            return before
        if not self.waiting:
            return Q(waiting_since=None) & before
        return Q(waiting_since__gt=self.at) | Q(waiting_since=self.at, pk__lt=self.pk) | Q(waiting_since__isnull=True)


def _with_chips(conversations: ConversationQuerySet) -> ConversationQuerySet:
    messages = Message.objects.filter(conversation=OuterRef("pk"))
    opted_out = ConsentState.objects.filter(
        phone=OuterRef("contact__phone"), channel=OuterRef("stream__channel"), service=ConsentDecision.OPTED_OUT
    )
    return conversations.annotate(
        has_failed=Exists(unanswered_failures().filter(conversation=OuterRef("pk"))),
        is_unconfirmed=Exists(messages.filter(status=MessageStatus.UNCONFIRMED)),
        sends_at=Subquery(
            messages.filter(status=MessageStatus.SCHEDULED).order_by("scheduled_for").values("scheduled_for")[:1]
        ),
        is_opted_out=Exists(opted_out),
    )


def _chips(conversation: Conversation) -> list[Chip]:
    facts = conversation.__dict__  # the annotations of _with_chips, which the model does not declare
    chips = []
    if facts["has_failed"]:
        chips.append(Chip("circle-alert", "Failed", "danger"))
    if facts["is_unconfirmed"]:
        chips.append(Chip("circle-question-mark", "Not confirmed", "warning"))
    if conversation.stream.channel == Channel.WHATSAPP and conversation.status in IN_INBOX:
        chips.append(_window_chip(conversation))
    if facts["is_opted_out"]:
        chips.append(Chip("ban", f"Opted out of {conversation.stream.get_channel_display()}"))
    if facts["sends_at"]:
        chips.append(Chip("calendar-clock", f"Sends {clock(facts['sends_at'])}", "info"))
    if conversation.status == ConversationStatus.WAITING:
        chips.append(Chip("hourglass", "Waiting on customer"))
    elif conversation.status == ConversationStatus.RESOLVED:
        chips.append(Chip("circle-check", "Resolved"))
    return chips[:MOST_CHIPS]


def _window_chip(conversation: Conversation) -> Chip:
    closes = conversation.window_closes_at
    if closes is None or not conversation.window_is_open:
        return Chip("lock", "Window closed")
    if closes - timezone.now() < CLOSING_SOON:
        words = "Closes in {}" if closes - timezone.now() < LAST_HOUR else "{} left"
        return Chip("timer", words, "warning", closes)
    return Chip("timer", "{} left", "", closes)


def count_views(user: User) -> dict[str, int]:
    """How many conversations each view holds, in one query.

    Resolved is not counted: it only ever grows. `mine_unread` is for the title of the page.
    """
    to_look_at = Message.objects.filter(status__in=(MessageStatus.UNCONFIRMED, MessageStatus.SCHEDULED))
    waits_for_someone = Conversation.objects.in_inbox().values("pk").union(to_look_at.values("conversation"))
    mine_open = in_view(View.MINE, user) & Q(status__in=STATUSES[Standing.OPEN])
    counts: dict[str, Q] = {
        f"{view}_{standing}": in_view(view, user) & Q(status__in=STATUSES[standing])
        for view in BY_PERSON
        for standing in (Standing.OPEN, Standing.WAITING)
    }
    counts |= {view: in_view(view, user) for view in View if view not in BY_PERSON}
    counts["mine_unread"] = mine_open & Q(unread_count__gt=0)
    return (
        Conversation.objects.visible_to(user)
        .filter(pk__in=waits_for_someone)
        .aggregate(**{name: Count("pk", filter=condition) for name, condition in counts.items()})
    )


def streams_with_counts(user: User) -> list[tuple[Stream, dict[Standing, int]]]:
    """The streams this user may see, each with how many of its conversations are open and waiting."""
    streams = Stream.objects.visible_to(user).select_related("account").order_by("name")
    found: dict[int, dict[Standing, int]] = {stream.pk: {Standing.OPEN: 0, Standing.WAITING: 0} for stream in streams}
    in_inbox = Conversation.objects.visible_to(user).in_inbox().order_by()
    for stream_id, status, number in in_inbox.values_list("stream", "status").annotate(Count("pk")):
        standing = Standing.OPEN if status in STATUSES[Standing.OPEN] else Standing.WAITING
        found[stream_id][standing] += number
    return [(stream, found[stream.pk]) for stream in streams]
