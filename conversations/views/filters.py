"""Narrowing a list, and keeping it under a name."""

from __future__ import annotations

from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from conversations.forms.handling import SavedFilterForm
from conversations.models import SavedFilter, Stream, Tag, Team, User
from conversations.models.stream import Channel
from conversations.views.inbox_query import InboxQuery
from conversations.views.requests import UNPROCESSABLE, done, is_htmx, refused, signed_in

MOST_OPTIONS = 300
MOST_WORDS = 500


class Choice(NamedTuple):
    """One thing to filter by; `all` stands for no filter, `value` is the one in force."""

    name: str
    label: str
    all: str
    options: list[tuple[str, str]]
    value: str


@never_cache
@require_safe
def choose_filter(request: HttpRequest) -> HttpResponse:
    """The form that narrows a list; htmx gets a menu's inside, a plain browser a page."""
    return _show(request, InboxQuery.read(request), SavedFilterForm(user=signed_in(request)))


@require_POST
def save_filter(request: HttpRequest) -> HttpResponse:
    """Keep the list of the address under a name."""
    user, query = signed_in(request), InboxQuery.read(request)
    form = SavedFilterForm(request.POST, user=user)
    if not form.is_valid():
        return _show(request, query, form, status=UNPROCESSABLE)
    words = query.as_query()
    if len(words) > MOST_WORDS:
        form.add_error(None, "This list has too many words to be kept. Search for less.")
        return _show(request, query, form, status=UNPROCESSABLE)
    name, shared = form.cleaned_data["name"], form.cleaned_data.get("is_shared", False)
    SavedFilter.objects.create(owner=user, name=name, words=words, is_shared=shared)
    return done(request, f"Saved as {name}", back_to=query.address)


@require_POST
def delete_filter(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a filter; a shared one of somebody else's is theirs to forget."""
    user = signed_in(request)
    saved = get_object_or_404(SavedFilter.objects.of(user), pk=pk)
    back = InboxQuery.read(request).address
    if saved.owner_id != user.pk:
        error = ValidationError(f"Only {saved.owner} can delete {saved}.", code="not_allowed")
        return refused(request, error, back_to=back)
    saved.delete()
    return done(request, f"{saved} deleted", back_to=back)


def _show(request: HttpRequest, query: InboxQuery, form: SavedFilterForm, *, status: int = 200) -> HttpResponse:
    user = signed_in(request)
    context = {
        "inbox": query,
        "filters": _choices(query, user),
        "save_form": form,
        "own_filters": SavedFilter.objects.filter(owner=user),
        "title": "Filter",
    }
    if is_htmx(request):
        return render(request, "handling/_filter.html", context, status=status)
    return render(request, "handling/page.html", context | {"part": "handling/_filter.html"}, status=status)


def _choices(query: InboxQuery, user: User) -> list[Choice]:
    streams = Stream.objects.visible_to(user)
    people = User.objects.filter(is_active=True)
    if not user.sees_everything:
        people = people.filter(memberships__team__in=user.memberships.values("team")).distinct()
    chosen = {
        "stream": query.stream,
        "assignee": query.assignee,
        "team": query.team,
        "tag": query.tag,
    }
    rows = (
        ("stream", "Stream", "Every stream", streams),
        ("assignee", "Assigned to", "Anybody", people),
        ("team", "Team", "Every team", Team.objects.visible_to(user)),
        ("tag", "Tag", "Every tag", Tag.objects.all()),
    )
    choices = [
        Choice(
            name,
            label,
            everything,
            [(str(one.pk), str(one)) for one in found[:MOST_OPTIONS]],
            str(row.pk) if (row := chosen[name]) else "",
        )
        for name, label, everything, found in rows
    ]
    channels = [(str(value), str(words)) for value, words in Channel.choices]
    return [*choices, Choice("channel", "Channel", "Both", channels, query.channel.value if query.channel else "")]


def applied(query: InboxQuery) -> list[tuple[str, str]]:
    """What narrows a list, each with the address of the list without it."""
    named = {name: str(getattr(query, name)) for name in query.narrowed_by if name not in ("channel", "unread")}
    if query.channel is not None:
        named["channel"] = str(query.channel.label)
    if query.unread:
        named["unread"] = "Unread"
    found = [
        (words, query.changed(**{name: None if name != "unread" else False}).address) for name, words in named.items()
    ]
    if query.text:
        found.append((f"“{query.text}”", query.without_text.address))
    return found
