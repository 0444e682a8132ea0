"""What people do to conversations from a list or an open one: each reads its form, calls one service, and answers.

The same functions serve one conversation (`/c/<id>/snooze/`) and several (`/handle/snooze/`, with their ids as
`c`). Asked with GET they show the choices: htmx gets a menu's inside, a plain browser a page.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from conversations.forms.base import id_in
from conversations.forms.handling import UNTIL_REPLY, AssignForm, SnoozeForm, TagsForm, snooze_presets
from conversations.models import Conversation, ConversationTag, Handling, Stream, Tag, Team, User
from conversations.services import handling as service
from conversations.services.handling import Handled
from conversations.views.conversation import conversation_address
from conversations.views.inbox_query import InboxQuery
from conversations.views.requests import (
    UNPROCESSABLE,
    is_htmx,
    number_in,
    refused,
    signed_in,
    visible_conversation,
)
from conversations.views.wording import clock_ahead

MOST_PEOPLE = 200
read_or_post = require_http_methods(["GET", "HEAD", "POST"])


@read_or_post
@never_cache
def assign(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Give conversations to a person, a team, or nobody."""
    chosen, user = _chosen(request, pk), signed_in(request)
    streams = list(Stream.objects.filter(conversations__in=chosen).distinct())
    people, teams = User.objects.who_see(streams), Team.objects.who_see(streams)
    if _asks_for_choices(request):
        context = {"people": people[:MOST_PEOPLE], "teams": teams, "me": user, "one": chosen[0] if pk else None}
        return _choices(request, "assign", "Assign to", pk, chosen, context)
    form = AssignForm(request.POST, people=people, teams=teams)
    if not form.is_valid():
        return refused(request, ValidationError(list(form.errors["to"])), back_to=_back(request, pk))
    to = form.cleaned_data["to"]
    words = f"assigned to {to}" if to else "back among the unassigned"
    act = partial(service.assign, _pks(chosen), actor=user, to=form.person, team=form.team)
    return _do(request, pk, act, words)


@require_POST
def claim(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the conversation, unless a colleague was quicker."""
    conversation = visible_conversation(request, pk)
    act = partial(service.claim, conversation, actor=signed_in(request))
    return _do(request, pk, act, "yours", one="This conversation is yours")


@require_POST
def take_oldest(request: HttpRequest) -> HttpResponse:
    """Take the most urgent conversation that nobody has, and go there."""
    conversation = service.take_next(signed_in(request))
    if conversation is None:
        messages.success(request, "Nobody is waiting. Every open conversation has somebody.")
        return HttpResponseRedirect(InboxQuery().address)
    return HttpResponseRedirect(conversation_address(request, conversation))


@require_POST
def resolve(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """The work is done."""
    chosen = _chosen(request, pk)
    act = partial(service.resolve, _pks(chosen), actor=signed_in(request))
    return _do(request, pk, act, "resolved", one="Conversation resolved", effect="leaves")


@require_POST
def reopen(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Work on resolved or snoozed conversations again."""
    chosen, user = _chosen(request, pk), signed_in(request)
    done = [one.pk for one in chosen if not one.is_current]
    act = partial(service.reopen, done, actor=user) if done else partial(service.wake, _pks(chosen), actor=user)
    return _do(request, pk, act, "open again", one="Conversation open again")


@read_or_post
@never_cache
def snooze(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Put conversations out of sight until a time, or until the customer replies."""
    chosen = _chosen(request, pk)
    form = SnoozeForm(None if _asks_for_choices(request) else request.POST)
    context = {"form": form, "presets": snooze_presets(), "until_reply": UNTIL_REPLY}
    if _asks_for_choices(request):
        return _choices(request, "snooze", "Snooze", pk, chosen, context)
    if not form.is_valid():
        return _choices(request, "snooze", "Snooze", pk, chosen, context, status=UNPROCESSABLE)
    until = form.cleaned_data["until"]
    words = f"snoozed until {clock_ahead(until)}" if until else "snoozed until the customer replies"
    act = partial(service.snooze, _pks(chosen), until=until, actor=signed_in(request))
    return _do(request, pk, act, words, effect="leaves")


@read_or_post
@never_cache
def tags(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Put tags on conversations and take them off."""
    chosen = _chosen(request, pk)
    if _asks_for_choices(request):
        on_how_many = Counter(ConversationTag.objects.filter(conversation__in=chosen).values_list("tag", flat=True))
        known = Tag.objects.filter(Q(pk__in=on_how_many) | Q(is_active=True))
        marked = [(tag, 0 < on_how_many[tag.pk] == len(chosen)) for tag in known]
        return _choices(request, "tags", "Tags", pk, chosen, {"tags": marked})
    form = TagsForm(request.POST)
    if not form.is_valid():
        error = ValidationError("That tag is not offered any more. Choose another one.")
        return refused(request, error, back_to=_back(request, pk))
    add, remove = form.cleaned_data["add"], form.cleaned_data["remove"]
    act = partial(service.tag, _pks(chosen), add=add, remove=remove, actor=signed_in(request))
    return _do(request, pk, act, "tagged", one="Tags changed")


@require_POST
def mark(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Mark conversations as read, or with `unread` as unread."""
    chosen, unread = _chosen(request, pk), request.POST.get("unread") == "1"
    act = partial(service.mark, _pks(chosen), unread=unread, actor=signed_in(request))
    return _do(request, pk, act, f"marked as {'unread' if unread else 'read'}", effect="unread" if unread else "")


@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Take back the action `handling`, or the last one."""
    user = signed_in(request)
    done = Handling.objects.undoable_by(user, timezone.now())
    if number := number_in(request, "handling"):
        done = done.filter(pk=number)
    last = done.first()
    if last is None:
        error = ValidationError("There is nothing to undo. An action can be undone for ten minutes.")
        return refused(request, error, back_to=_back(request))
    return _do(request, None, partial(service.undo, last, actor=user), "as before", one="Undone", effect="restores")


def _asks_for_choices(request: HttpRequest) -> bool:
    """A browser without scripts posts the selected rows of a list to be asked what is to be done with them."""
    return request.method != "POST" or "choose" in request.GET


def _chosen(request: HttpRequest, pk: int | None) -> list[Conversation]:
    """The conversation of the address, else those of the form that this user may see. Http404 for a foreign one."""
    if pk is not None:
        return [visible_conversation(request, pk)]
    given = request.POST.getlist("c") if request.method == "POST" else request.GET.getlist("c")
    pks = {pk for one in given if (pk := id_in(one)) is not None}
    found = Conversation.objects.visible_to(signed_in(request)).filter(pk__in=pks).select_related("stream", "team")
    return list(found.order_by("pk")[: service.MOST_AT_ONCE])


def _pks(chosen: list[Conversation]) -> list[int]:
    return [one.pk for one in chosen]


def _back(request: HttpRequest, pk: int | None = None) -> str:
    """Where a plain browser goes afterwards: the conversation, or the list with the one that was open."""
    if pk := pk or number_in(request, "open"):
        return conversation_address(request, Conversation(pk=pk))
    return InboxQuery.read(request).address


def _choices(
    request: HttpRequest,
    verb: str,
    title: str,
    pk: int | None,
    chosen: list[Conversation],
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    context |= {"chosen": chosen, "pk": pk, "title": title, "inbox": InboxQuery.read(request)}
    if is_htmx(request):
        return render(request, f"handling/_{verb}.html", context, status=status)
    return render(request, "handling/page.html", context | {"part": f"handling/_{verb}.html"}, status=status)


def _do(
    request: HttpRequest, pk: int | None, act: Callable[[], Handled], words: str, *, one: str = "", effect: str = ""
) -> HttpResponse:
    """Try an action and say what came of it. `words` follow a number; `one` is said of a single conversation.

    `effect` tells the open page what follows: the conversations `leaves` the list, or the action `restores` them,
    or makes them `unread`.
    """
    back = _back(request, pk)
    try:
        came_of = act()
    except ValidationError as error:
        return refused(request, error, back_to=back)
    if came_of.refused and not came_of.done:
        return refused(request, ValidationError(came_of.refused[0][1]), back_to=back)
    if pk or (effect == "restores" and came_of.done == 1):
        sentence = one or words[:1].upper() + words[1:]
    else:
        sentence = f"{came_of.done} {words}" if came_of.done else "Nothing to change"
    if came_of.refused:
        sentence += f". {len(came_of.refused)} not: {came_of.refused[0][1]}"
    return _answered(request, sentence, came_of, back, effect)


def _answered(request: HttpRequest, sentence: str, came_of: Handled, back: str, effect: str) -> HttpResponse:
    handling = came_of.handling
    if not is_htmx(request):
        messages.success(request, sentence, extra_tags=f"undo-{handling.pk}" if handling else "")
        return HttpResponseRedirect(back)
    response = HttpResponse(status=204)
    changed = [change["conversation"] for change in handling.changes] if handling else []
    events = {
        "parley:handled": {"conversations": changed, "effect": effect},
        "parley:toast": {"text": sentence, "undo": handling.pk if handling else None},
        "parley:refresh": {},
    }
    response["HX-Trigger"] = json.dumps(events)
    return response
