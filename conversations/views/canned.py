"""Canned replies where somebody writes: the list under the caret, or a choice without a script."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from conversations.forms.reply import ReplyForm
from conversations.models import CannedReply, Contact, Stream, User
from conversations.models.draft import DraftKind
from conversations.services import drafts
from conversations.services.canned import fill, find, values_for
from conversations.views.conversation import conversation_address
from conversations.views.inbox_query import InboxQuery
from conversations.views.people import who_see
from conversations.views.recipients import read_recipient
from conversations.views.requests import done, is_htmx, number_in, signed_in, visible_conversation
from conversations.views.writing import keep_texts

MAX_TEXT = 100
MOST_PEOPLE = 20


@never_cache
@require_safe
def canned_replies(request: HttpRequest, pk: int) -> HttpResponse:
    """The canned replies that match `?q=`, filled in for the customer of this conversation.

    A script gets the list, a browser without one a page to choose from.
    """
    conversation = visible_conversation(request, pk)
    found = find(_text(request), user=signed_in(request), contact=conversation.contact, stream=conversation.stream)
    context = {
        "replies": found,
        "text": _text(request),
        "conversation": conversation,
        "inbox": InboxQuery.read(request),
    }
    template = "conversation/_canned.html" if is_htmx(request) else "conversation/canned_page.html"
    return render(request, template, context)


@never_cache
@require_safe
def canned_for_somebody(request: HttpRequest) -> HttpResponse:
    """The canned replies for a first message to `?to=` on `?stream=`."""
    user = signed_in(request)
    streams = Stream.objects.sendable_by(user).select_related("account")
    stream = get_object_or_404(streams, pk=number_in(request, "stream"))
    contact = read_recipient(request.GET.get("to", ""), user, [stream]).contact or Contact()
    found = find(_text(request), user=user, contact=contact, stream=stream)
    return render(request, "conversation/_canned.html", {"replies": found, "text": _text(request)})


@require_POST
def insert_canned(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a canned reply to the end of what is written: for a browser without scripts."""
    conversation, user = visible_conversation(request, pk), signed_in(request)
    reply = get_object_or_404(CannedReply.objects.visible_to(user), pk=number_in(request, "canned"))
    keep_texts(ReplyForm(request.POST), conversation, user)
    filled = fill(reply, values_for(contact=conversation.contact, agent=user, stream=conversation.stream))
    written = drafts.drafts_in(conversation, user).get(DraftKind.REPLY)
    body = f"{written.body.rstrip()}\n\n{filled.text}" if written else filled.text
    version = written.version if written else 0
    drafts.save_draft(user=user, conversation=conversation, kind=DraftKind.REPLY, body=body, version=version)
    return done(request, "", back_to=conversation_address(request, conversation, "composer"))


@never_cache
@require_safe
def colleagues(request: HttpRequest, pk: int) -> HttpResponse:
    """The people whom a remark may name: those who see the conversation, by the beginning of a name."""
    conversation = visible_conversation(request, pk)
    words = _text(request).casefold().split()
    people: list[User] = [
        person
        for person in who_see(conversation.stream).exclude(pk=signed_in(request).pk)
        if all(any(part.startswith(word) for part in str(person).casefold().split()) for word in words)
    ][:MOST_PEOPLE]
    return render(request, "conversation/_colleagues.html", {"people": people, "text": _text(request)})


def _text(request: HttpRequest) -> str:
    return request.GET.get("q", "").replace("\x00", "").strip()[:MAX_TEXT]
