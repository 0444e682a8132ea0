"""The inbox page: views, streams and saved filters, and a list of conversations; `/` shows it without one open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.models import Conversation, SavedFilter, Stream, User
from conversations.models.conversation import ListOrder
from conversations.views import filters
from conversations.views.counting import count_filters, count_of, count_views
from conversations.views.inbox_query import BY_PERSON, InboxQuery, Standing, View
from conversations.views.listing import FIRST_PAGE, PAGE, read_page, streams_seen
from conversations.views.notifications import Bell
from conversations.views.requests import number_in, signed_in
from conversations.views.stream_health import Health, stream_health

MOST_SAVED = 20


@dataclass(frozen=True, slots=True)
class ViewLink:
    """A line of the views pane."""

    label: str
    icon: str
    address: str
    is_current: bool
    count: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class StreamLink:
    """A stream of the views pane."""

    stream: Stream
    health: Health
    address: str
    is_current: bool
    count: int


_VIEWS = (
    ("Mine", "user", View.MINE, Standing.OPEN, ""),
    ("Unassigned", "inbox", View.UNASSIGNED, Standing.OPEN, ""),
    ("Mentions", "at-sign", View.MENTIONS, Standing.OPEN, ""),
    ("Window closing", "timer", View.CLOSING, Standing.OPEN, "warning"),
    ("Failed sends", "circle-alert", View.FAILED, Standing.OPEN, "danger"),
    ("Not confirmed", "circle-question-mark", View.UNCONFIRMED, Standing.OPEN, "warning"),
    ("Drafts", "pencil", View.DRAFTS, Standing.OPEN, ""),
    ("Scheduled", "calendar-clock", View.SCHEDULED, Standing.OPEN, ""),
    ("Waiting", "hourglass", View.ALL, Standing.WAITING, ""),
    ("Snoozed", "moon", View.ALL, Standing.SNOOZED, ""),
    ("Resolved", "circle-check", View.ALL, Standing.RESOLVED, ""),
    ("All open", "layers", View.ALL, Standing.OPEN, ""),
)
_ORDERS = {ListOrder.URGENT: "Most urgent", ListOrder.NEWEST: "Newest", ListOrder.OLDEST: "Oldest"}


@never_cache
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """The inbox without a conversation."""
    query = InboxQuery.read(request)
    return render(request, "inbox/page.html", workspace_context(request, query))


@never_cache
@require_safe
def older_rows(request: HttpRequest) -> HttpResponse:
    """The next page of a list, for "Load older"."""
    query = InboxQuery.read(request)
    page = read_page(query, signed_in(request), cursor=request.GET.get("cursor", ""))
    return render(request, "inbox/_rows.html", {"inbox": query, "page": page, "open_id": number_in(request, "open")})


def workspace_context(
    request: HttpRequest, query: InboxQuery, *, conversation: Conversation | None = None, rows: int = 0
) -> dict[str, Any]:
    """What the views pane and the list show. `rows` is how many rows are on the screen already (0: a page)."""
    user = signed_in(request)
    cursor = request.GET.get("cursor", "")
    streams = streams_seen(user)
    seen = [stream.pk for stream in streams]
    counts = count_views(user, streams=seen)
    return {
        "inbox": query,
        "bell": Bell(user, streams=seen),
        "page": read_page(query, user, cursor=cursor, size=rows or (PAGE if cursor else FIRST_PAGE), streams=streams),
        "counts": counts,
        "list_count": count_of(query, counts, user),
        "view_links": [_view_link(query, counts, *view) for view in _VIEWS],
        "stream_links": [_stream_link(query, stream, counts) for stream in streams],
        "filter_links": saved_filter_links(query, user),
        "applied_filters": [] if query.is_one_stream and not query.text else filters.applied(query),
        "standings": _standing_links(query, counts, user),
        "orders": [
            ViewLink(label, "", query.changed(order=order).address, order == query.sort)
            for order, label in _ORDERS.items()
        ],
        "open_id": conversation.pk if conversation else None,
    }


def _view_link(
    query: InboxQuery, counts: dict[str, int], label: str, icon: str, view: View, standing: Standing, tone: str
) -> ViewLink:
    target = InboxQuery(view=view, standing=standing)
    is_current = (
        not query.is_narrowed
        and not query.is_one_stream
        and query.view == view
        and (query.standing == standing or view != View.ALL)
    )
    count = counts.get(f"{view}_{standing}" if view in BY_PERSON else view)
    return ViewLink(label, icon, target.address, is_current, "" if count is None else str(count), tone if count else "")


def _stream_link(query: InboxQuery, stream: Stream, counts: dict[str, int]) -> StreamLink:
    target = InboxQuery(view=View.ALL, stream=stream)
    is_current = query.is_one_stream and query.stream == stream
    return StreamLink(
        stream, stream_health(stream), target.address, is_current, counts.get(f"stream_{stream.pk}_open", 0)
    )


def saved_filter_links(query: InboxQuery, user: User) -> list[ViewLink]:
    """The user's saved filters and those that are shared, with how many conversations each holds."""
    found: list[tuple[SavedFilter, InboxQuery]] = []
    for saved in SavedFilter.objects.of(user)[:MOST_SAVED]:
        try:
            found.append((saved, InboxQuery.of_words(QueryDict(saved.words), user)))
        except Http404:
            continue  # of a stream, a team or a tag that this user does not see, or that is gone
    counts = count_filters([one for _, one in found], user)
    words = query.as_query()
    return [
        ViewLink(saved.name, "share-2" if saved.is_shared else "funnel", one.address, one.as_query() == words, count)
        for (saved, one), count in zip(found, counts, strict=True)
    ]


def _standing_links(query: InboxQuery, counts: dict[str, int], user: User) -> list[ViewLink]:
    """Open, Waiting, Resolved of the present list; none where a list is not divided."""
    if not query.is_divided:
        return []
    links = []
    for standing in Standing:
        if standing == Standing.SNOOZED and query.standing != standing:
            continue
        one = query.changed(standing=standing, order=None)
        count = "" if one.is_narrowed else count_of(one, counts, user)
        links.append(ViewLink(standing.capitalize(), "", one.address, standing == query.standing, count))
    return links
