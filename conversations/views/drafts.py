"""What somebody writes, kept on the server while they write it; and taken along to another stream."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from conversations.forms.reply import ReplyForm
from conversations.models import Conversation, Stream
from conversations.models.draft import DraftKind
from conversations.services import drafts
from conversations.views.conversation import conversation_address
from conversations.views.inbox_query import InboxQuery
from conversations.views.recipients import Recipient, stream_choices
from conversations.views.requests import (
    CONFLICT,
    UNPROCESSABLE,
    done,
    go_to,
    number_in,
    signed_in,
    visible_conversation,
)
from conversations.views.wording import clock
from conversations.views.writing import keep_text, keep_texts


@require_POST
def save(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep both texts of a composer. A script gets JSON: the versions, or (409) what lies here instead.

    The form without a script comes from the button for it, and goes back to the page.
    """
    conversation = visible_conversation(request, pk)
    form = ReplyForm(request.POST)
    if "application/json" not in request.headers.get("Accept", ""):
        keep_texts(form, conversation, signed_in(request))
        if request.POST.get("go") == "canned":
            return HttpResponseRedirect(reverse("canned-replies", args=[pk]))
        return done(request, "Draft saved", back_to=conversation_address(request, conversation, "composer"))
    if str(form["conversation"].value() or pk) != str(pk):
        return JsonResponse({"sentence": "This text was written in another conversation."}, status=CONFLICT)
    answer: dict[str, Any] = {}
    status = 200
    for kind in DraftKind.values:
        answer[kind], one = _save_one(request, conversation, form, kind)
        status = max(status, one)
    return JsonResponse(answer, status=status)


def _save_one(
    request: HttpRequest, conversation: Conversation, form: ReplyForm, kind: str
) -> tuple[dict[str, Any], int]:
    user = signed_in(request)
    try:
        draft = keep_text(form, kind, conversation, user)
    except ValidationError as error:
        if getattr(error, "code", "") == "draft_too_long":
            return {"sentence": error.messages[0]}, UNPROCESSABLE
        stored = drafts.drafts_in(conversation, user).get(kind)
        theirs = {"version": stored.version if stored else 0, "body": stored.body if stored else ""}
        return {"code": getattr(error, "code", ""), **theirs}, CONFLICT
    if draft is None:
        return {"version": 0}, 200
    return {"version": draft.version, "words": f"Draft saved {clock(draft.updated_at)}"}, 200


@never_cache
@require_safe
def streams_for(request: HttpRequest, pk: int) -> HttpResponse:
    """The streams on which this customer can be written to, for the menu From; the others with the reason."""
    conversation, user = visible_conversation(request, pk), signed_in(request)
    streams = list(Stream.objects.sendable_by(user).working().select_related("account"))
    current = Conversation.objects.visible_to(user).current().filter(contact=conversation.contact_id)
    recipient = Recipient(contact=conversation.contact, current=list(current.select_related("stream")))
    context = {
        "conversation": conversation,
        "choices": stream_choices(streams, recipient, user),
        "inbox": InboxQuery.read(request),
    }
    return render(request, "conversation/_streams.html", context)


@require_POST
def change_stream(request: HttpRequest, pk: int) -> HttpResponse:
    """Write to the same customer on another stream; the text goes along, as a draft or into the new message."""
    conversation, user = visible_conversation(request, pk), signed_in(request)
    stream = get_object_or_404(Stream.objects.sendable_by(user), pk=number_in(request, "to_stream"))
    keep_texts(ReplyForm(request.POST), conversation, user)
    there = Conversation.objects.visible_to(user).current().filter(stream=stream, contact=conversation.contact_id)
    found = there.select_related("stream").first()
    if found is None:
        words = {"to": conversation.contact.phone, "stream": stream.pk, "from": conversation.pk}
        return go_to(request, f"{reverse('compose')}?{urlencode(words)}")
    with transaction.atomic():
        draft = drafts.drafts_in(conversation, user).get(DraftKind.REPLY)
        if draft is not None and found.pk != conversation.pk:
            drafts.put_back(found, user, DraftKind.REPLY, draft.body)
            drafts.let_go(conversation, user, DraftKind.REPLY)
    return go_to(request, conversation_address(request, found, "composer"))
