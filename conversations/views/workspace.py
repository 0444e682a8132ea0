"""The inbox page: views and streams, and a list of conversations; `/` shows it without a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.models import Conversation, Stream, User
from conversations.views.inbox_query import BY_PERSON, InboxQuery, Order, Standing, View
from conversations.views.listing import PAGE, count_views, read_page, streams_with_counts
from conversations.views.requests import number_in, signed_in


@dataclass(frozen=True, slots=True)
class ViewLink:
    """A line of the views pane."""

    label: str
    icon: str
    address: str
    is_current: bool
    count: int | None = None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class StreamLink:
    """A stream of the views pane."""

    stream: Stream
    address: str
    is_current: bool
    count: int


_VIEWS = (
    ("Mine", "user", View.MINE, Standing.OPEN, ""),
    ("Unassigned", "inbox", View.UNASSIGNED, Standing.OPEN, ""),
    ("Failed sends", "circle-alert", View.FAILED, Standing.OPEN, "danger"),
    ("Not confirmed", "circle-question-mark", View.UNCONFIRMED, Standing.OPEN, "warning"),
    ("Scheduled", "calendar-clock", View.SCHEDULED, Standing.OPEN, ""),
    ("Waiting", "hourglass", View.ALL, Standing.WAITING, ""),
    ("Resolved", "circle-check", View.ALL, Standing.RESOLVED, ""),
    ("All open", "layers", View.ALL, Standing.OPEN, ""),
)


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
    counts = count_views(user)
    streams = streams_with_counts(user)
    return {
        "inbox": query,
        "page": read_page(query, user, cursor=request.GET.get("cursor", ""), size=rows or PAGE),
        "counts": counts,
        "list_count": _list_count(query, counts, streams),
        "view_links": [_view_link(query, counts, *view) for view in _VIEWS],
        "stream_links": [_stream_link(query, stream, numbers) for stream, numbers in streams],
        "standings": _standing_links(query, counts, streams),
        "orders": _order_links(query),
        "open_id": conversation.pk if conversation else None,
    }


def oldest_unassigned(user: User) -> Conversation | None:
    """The conversation that has waited longest for somebody to take it."""
    page = read_page(InboxQuery(view=View.UNASSIGNED), user, size=1)
    return page.rows[0].conversation if page.rows else None


def _view_link(
    query: InboxQuery, counts: dict[str, int], label: str, icon: str, view: View, standing: Standing, tone: str
) -> ViewLink:
    target = InboxQuery(view=view, standing=standing)
    is_current = (
        query.stream is None
        and query.view == view
        and (query.standing == standing or view in (View.MINE, View.UNASSIGNED))
    )
    count = counts.get(f"{view}_{standing}" if view in BY_PERSON else view)
    return ViewLink(label, icon, target.address, is_current, count, tone if count else "")


def _stream_link(query: InboxQuery, stream: Stream, numbers: dict[Standing, int]) -> StreamLink:
    target = InboxQuery(view=View.ALL, stream=stream)
    return StreamLink(stream, target.address, query.stream == stream, numbers[Standing.OPEN])


def _standing_links(
    query: InboxQuery, counts: dict[str, int], streams: list[tuple[Stream, dict[Standing, int]]]
) -> list[ViewLink]:
    """Open, Waiting, Resolved of the present list; none where a list is not divided."""
    if not query.is_divided:
        return []
    links = []
    for standing in Standing:
        one = query.changed(standing=standing, order=None)
        count = _list_count(one, counts, streams)
        links.append(ViewLink(standing.capitalize(), "", one.address, standing == query.standing, count))
    return links


def _order_links(query: InboxQuery) -> list[ViewLink]:
    labels = {Order.URGENT: "Most urgent", Order.NEWEST: "Newest"}
    return [
        ViewLink(label, "", query.changed(order=order).address, order == query.sort) for order, label in labels.items()
    ]


def _list_count(
    query: InboxQuery, counts: dict[str, int], streams: list[tuple[Stream, dict[Standing, int]]]
) -> int | None:
    """How many conversations the list holds, where that is known without another query."""
    if query.text or (query.is_divided and query.standing == Standing.RESOLVED):
        return None
    if query.stream is None:
        return counts[f"{query.view}_{query.standing}" if query.is_divided else query.view]
    if query.view != View.ALL:
        return None
    return next((numbers[query.standing] for stream, numbers in streams if stream == query.stream), None)
