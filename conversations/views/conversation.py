"""One conversation: `/c/<id>/` with the list beside it, and the parts that open pages ask for."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.forms.reply import ReplyForm
from conversations.models import Conversation
from conversations.services.audit import note_look
from conversations.services.conversations import mark_read
from conversations.services.notifications import read_conversation
from conversations.views.composer import Refusal, composer_for
from conversations.views.inbox_query import InboxQuery
from conversations.views.listing import LARGEST_PAGE
from conversations.views.message_card import Refused
from conversations.views.panel import panel_context
from conversations.views.requests import is_htmx, number_in, signed_in, visible_conversation
from conversations.views.timeline import Timeline, read_timeline
from conversations.views.workspace import workspace_context


@never_cache
@require_safe
def conversation(request: HttpRequest, pk: int) -> HttpResponse:
    """A conversation; htmx gets the pane alone. Opening it marks it as read."""
    found = visible_conversation(request, pk)
    user = signed_in(request)
    mark_read(found)
    read_conversation(found, user)
    note_look(user, found, streams={found.stream_id}, request=request)
    return conversation_page(request, found)


def conversation_page(
    request: HttpRequest,
    found: Conversation,
    *,
    form: ReplyForm | None = None,
    refusal: Refusal | None = None,
    message_form: Refused | None = None,
    status: int = 200,
    **forms: Any,
) -> HttpResponse:
    """The page of a conversation, with a form that was refused if there is one."""
    query = InboxQuery.read(request)
    context = pane_context(request, found, query, form=form, refusal=refusal, message_form=message_form, **forms)
    if is_htmx(request):
        return render(request, "conversation/_pane.html", context, status=status)
    context |= workspace_context(request, query, conversation=found)
    return render(request, "conversation/page.html", context, status=status)


def pane_context(
    request: HttpRequest,
    found: Conversation,
    query: InboxQuery,
    *,
    form: ReplyForm | None = None,
    refusal: Refusal | None = None,
    message_form: Refused | None = None,
    **forms: Any,
) -> dict[str, Any]:
    """What the thread and the panel show."""
    user = signed_in(request)
    timeline = _timeline(request, found, message_form)
    return {
        "inbox": query,
        "timeline": timeline,
        "composer": composer_for(found, user, form, refusal=refusal, timeline=timeline),
        **panel_context(found, user, **forms),
    }


def _timeline(request: HttpRequest, found: Conversation, refused: Refused | None) -> Timeline:
    """The page that the address names, or the one with the message whose form was refused."""
    user = signed_in(request)
    timeline = read_timeline(found, user, before=number_in(request, "before"), refused=refused)
    if refused is not None and refused.message < timeline.first_message:
        return read_timeline(found, user, before=refused.message + 1, refused=refused)
    return timeline


@never_cache
@require_safe
def older_messages(request: HttpRequest, pk: int) -> HttpResponse:
    """The page above the messages on the screen."""
    found = visible_conversation(request, pk)
    timeline = read_timeline(found, signed_in(request), before=number_in(request, "before"))
    context = {"conversation": found, "timeline": timeline, "inbox": InboxQuery.read(request), "goes_on_below": True}
    return render(request, "conversation/_entries.html", context)


@never_cache
@require_safe
def updates(request: HttpRequest) -> HttpResponse:
    """The parts of an open page as they are now; live.js exchanges those that changed.

    `open` names the conversation on the screen, `since` its first message there, `rows` the length of the list,
    `seen` that somebody is looking at it.
    """
    query = InboxQuery.read(request)
    rows = min(number_in(request, "rows"), LARGEST_PAGE)
    pk = number_in(request, "open")
    if not pk:
        return render(request, "inbox/updates.html", workspace_context(request, query, rows=rows))
    found = visible_conversation(request, pk)
    user = signed_in(request)
    if number_in(request, "seen"):
        mark_read(found)
        read_conversation(found, user)
    timeline = read_timeline(found, user, since=number_in(request, "since"))
    context = {
        "timeline": timeline,
        "composer": composer_for(found, user, timeline=timeline),
        **panel_context(found, user),
        **workspace_context(request, query, conversation=found, rows=rows),
    }
    return render(request, "inbox/updates.html", context)


def conversation_address(request: HttpRequest, found: Conversation, anchor: str = "") -> str:
    """The page of a conversation, with the list that the request came from beside it."""
    words = InboxQuery.read(request).as_query()
    address = reverse("conversation", args=[found.pk])
    return f"{address}{'?' if words else ''}{words}{'#' if anchor else ''}{anchor}"
