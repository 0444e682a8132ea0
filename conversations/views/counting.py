"""The numbers beside views, streams and saved filters. None of them is found by counting a whole inbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import Case, CharField, Count, IntegerField, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, Concat

from conversations.models import Conversation, InboxCount, User
from conversations.models.conversation import ConversationQuerySet, ConversationStatus
from conversations.views.inbox_query import BY_PERSON, COUNTED, InboxQuery, View

_UNREAD_ON = "unread_on_stream_"
MOST_COUNTED = 1000  # of a list that is narrowed by filters; beyond, it is "1000+"


def count_views(user: User, *, streams: Collection[int] | None = None) -> dict[str, int]:
    """How many conversations each list holds: `mine_open`, `all_waiting`, `failed`, `stream_7_open` and so on.

    Two queries. What is divided by standing is added up from the numbers that PostgreSQL keeps, the rest is small
    by nature and counted. Resolved is not counted. `mine_unread` is for the title of the page. `streams` are the ids of
    those that the user sees, where they were read for the same answer.
    """
    seen = set()
    counts: Counter[str] = Counter({f"{view}_{standing}": 0 for view in BY_PERSON for standing in COUNTED})
    whose = Case(
        When(assignee=None, then=Value(View.UNASSIGNED.value)),
        When(assignee=user.pk, then=Value(View.MINE.value)),
        default=Value(""),
        output_field=CharField(),
    )
    kept = InboxCount.objects.visible_to(user, streams=streams).order_by().annotate(whose=whose)
    numbers: Any = kept.values_list("stream", "status", "whose").annotate(Sum("number"))
    if user.is_limited:  # what is kept knows no teams; of somebody who sees a part, the part is counted
        rows = Conversation.objects.visible_to(user, streams=streams).in_inbox().order_by().annotate(whose=whose)
        numbers = rows.values_list("stream", "status", "whose").annotate(Count("pk"))
    for stream, status, person, number in numbers:
        counts[f"{View.ALL}_{status}"] += number
        counts[f"stream_{stream}_{status}"] += number
        seen.add(stream)
        if person:
            counts[f"{person}_{status}"] += number
    small = _small_counts(user, streams)
    counts["mine_unread"] = sum(small.pop(f"{_UNREAD_ON}{stream}", 0) for stream in seen)
    return {**counts, **{name: number for name, number in small.items() if not name.startswith(_UNREAD_ON)}}


def _small_counts(user: User, streams: Collection[int] | None) -> dict[str, int]:
    lists = {str(view): InboxQuery(view=view).rows(user) for view in View if view not in BY_PERSON}
    parts = [
        rows.visible_to(user, streams=streams)
        .order_by()
        .annotate(which=Value(name, output_field=CharField()))
        .values_list("which")
        .annotate(number=Count("pk"))
        for name, rows in lists.items()
    ]
    # By stream instead of with the streams that the user sees: joined with those, PostgreSQL reads all that is open
    # on them rather than what one person has.
    mine = Conversation.objects.filter(assignee=user.pk, status=ConversationStatus.OPEN, unread_count__gt=0)
    on_stream = Concat(Value(_UNREAD_ON), Cast("stream_id", CharField()), output_field=CharField())
    parts.append(mine.order_by().annotate(which=on_stream).values_list("which").annotate(number=Count("pk")))
    return dict.fromkeys(lists, 0) | dict(parts[0].union(*parts[1:], all=True))


def count_of(query: InboxQuery, counts: dict[str, int], user: User) -> str:
    """How many conversations a list holds, for people; empty where nobody counts."""
    if not query.is_narrowed:
        if query.is_divided and query.standing not in COUNTED:
            return ""
        return str(counts.get(key_of(query), 0))
    return up_to(query.conversations(user).order_by()[: MOST_COUNTED + 1].count(), MOST_COUNTED)


def key_of(query: InboxQuery) -> str:
    """The name of a list's number in what count_views() returns."""
    if not query.is_divided:
        return str(query.view)
    if query.stream is not None:
        return f"stream_{query.stream.pk}_{query.standing}"
    return f"{query.view}_{query.standing}"


def up_to(number: int, most: int) -> str:
    """A number, or that there are more than so many."""
    return str(number) if number <= most else f"{most}+"


def count_filters(queries: Sequence[InboxQuery], user: User, *, most: int = 99) -> list[str]:
    """How many conversations some narrow lists hold, up to `most` each, in one query."""
    parts = [_marked(query.conversations(user), place, most) for place, query in enumerate(queries)]
    if not parts:
        return []
    found: Counter[int] = Counter(parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0])
    return [up_to(found[place], most) for place in range(len(queries))]


def _marked(rows: ConversationQuerySet, place: int, most: int) -> QuerySet[Conversation, int]:
    marked = rows.order_by().annotate(place=Value(place, output_field=IntegerField()))
    return marked.values_list("place", flat=True)[: most + 1]
