"""The rows of an inbox list, page by page.

Pages follow the key of the last row, never an offset: a list that moves while it is read neither skips nor
repeats. The number of queries does not depend on the number of rows, and what they read is as much as is shown.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator

from conversations.models import Conversation, Stream, User
from conversations.models.conversation import ListOrder
from conversations.views.chips import ChipLine, chips_of
from conversations.views.inbox_query import InboxQuery, View
from conversations.views.presence import Colleague, colleagues_at
from conversations.views.wording import clock

PAGE = 50
FIRST_PAGE = 24  # more than a screen shows, and light: the rest follows as soon as somebody scrolls
LARGEST_PAGE = 200
LONGEST_PREVIEW = 110
LARGEST_NUMBER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation of a list: what its template would otherwise work out again in each row."""

    conversation: Conversation
    chips: ChipLine
    present: list[Colleague]
    address: str
    when: str

    @property
    def version(self) -> int:
        """Another number when the row would look different, so that an open page exchanges only what changed."""
        one = self.conversation
        shown = (one.contact.name, self.when, one.last_message_preview, one.last_message_direction)
        state = (one.unread_count, bool(one.failed_at), one.assignee_id, one.team_id)
        return zlib.crc32(repr((shown, state, self.chips, self.present)).encode())

    @property
    def preview_icon(self) -> str:
        """What stands for a file of the customer's; empty for words."""
        return _FILE_ICONS.get(self.conversation.last_message_preview, "")

    @property
    def preview(self) -> str:
        """The first words of the last message."""
        words = self.conversation.last_message_preview or "No messages yet"
        return words if len(words) <= LONGEST_PREVIEW else Truncator(words).chars(LONGEST_PREVIEW)


_FILE_ICONS = {"Photo": "image", "Video": "video", "Voice message": "mic", "File": "file-text"}


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the cursor of what follows (empty: nothing does)."""

    rows: list[Row]
    next_cursor: str


def streams_seen(user: User) -> list[Stream]:
    """The streams that this user sees, by name, with what lists say of them: read once for an answer.

    Their ids stand for the question who sees what in the other questions of that answer, which PostgreSQL then need
    not answer again, joined with each of them.
    """
    streams = Stream.objects.visible_to(user).select_related("account", "gate").order_by("name")
    return list(streams.defer("account__credentials"))


def read_page(
    query: InboxQuery, user: User, *, cursor: str = "", size: int = PAGE, streams: Sequence[Stream] | None = None
) -> Page:
    """A page of the list. A cursor that cannot be read is the beginning. `streams` are the streams_seen()."""
    size = max(1, min(size, LARGEST_PAGE))
    seen = {stream.pk: stream for stream in (streams_seen(user) if streams is None else streams)}
    keys = _keys(query, user, _Cursor.read(cursor, query.sort), size + 1, seen)
    conversations = read_rows(keys[:size], user, seen)
    more = len(keys) > size and bool(conversations)
    present = colleagues_at([one.pk for one in conversations], user)
    words = query.as_query()
    return Page(
        rows=[_row(one, present.get(one.pk, []), query.view, words) for one in conversations],
        next_cursor=_Cursor.of(conversations[-1], query.sort).written() if more else "",
    )


def _row(conversation: Conversation, present: list[Colleague], view: View, words: str) -> Row:
    with_somebody = conversation.assignee_id is not None and view != View.MINE  # whose are all in one's own list
    address = reverse("conversation", args=[conversation.pk])
    return Row(
        conversation,
        chips_of(conversation, people=len(present) + with_somebody),
        present,
        address=f"{address}?{words}" if words else address,
        when=clock(conversation.last_message_at),
    )


def read_rows(pks: list[int], user: User, streams: Mapping[int, Stream]) -> list[Conversation]:
    """These conversations with all that their rows show, in this order; none that the user may not see.

    `streams` are the streams_seen() by their ids. A row takes its stream from there: to read it with each row again
    costs as much as the row.
    """
    rows = Conversation.objects.visible_to(user, streams=streams).select_related("contact", "assignee", "team")
    found = rows.with_attention(user).prefetch_related("tags").in_bulk(pks)
    listed = [found[pk] for pk in pks if pk in found and found[pk].stream_id in streams]
    for one in listed:
        one.stream = streams[one.stream_id]
    return listed


def _keys(query: InboxQuery, user: User, after: _Cursor | None, size: int, streams: Collection[int]) -> list[int]:
    """The ids of the first rows, read from the index that has them in order."""
    order = query.sort
    found = query.rows(user)
    if after is not None:
        found = found.following(order, after.key, after.pk)
    of_many_streams = query.stream is None and query.view in (View.ALL, View.UNASSIGNED)
    if user.is_limited:
        found = found.visible_to(user, streams=streams)
    if of_many_streams and not user.sees_everything:
        return found.keys_stream_by_stream(order, streams, size)
    return list(found.visible_to(user, streams=streams).in_order(order).values_list("pk", flat=True)[:size])


class _Cursor(NamedTuple):
    """The key of the last row shown, by which the list is ordered, and its id."""

    key: int | datetime
    pk: int

    @classmethod
    def of(cls, conversation: Conversation, order: ListOrder) -> _Cursor:
        key = conversation.urgency if order == ListOrder.URGENT else conversation.last_message_at
        return cls(key, conversation.pk)

    @classmethod
    def read(cls, text: str, order: ListOrder) -> _Cursor | None:
        try:
            key, pk = text.split("_")
            number = int(pk)
            if not 0 < number <= LARGEST_NUMBER:
                return None
            if order == ListOrder.URGENT:
                return cls(int(key), number) if abs(int(key)) <= LARGEST_NUMBER else None
            moment = datetime.fromisoformat(key)
            return cls(moment if timezone.is_aware(moment) else timezone.make_aware(moment), number)
        except ValueError:
            return None

    def written(self) -> str:
        return f"{self.key.isoformat() if isinstance(self.key, datetime) else self.key}_{self.pk}"
