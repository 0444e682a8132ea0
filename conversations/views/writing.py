"""Sending a reply, leaving a remark, taking a message back, and counting segments while somebody writes."""

from __future__ import annotations

import json
from contextlib import suppress
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from conversations.forms.reply import THEN_RESOLVE, ReplyForm
from conversations.models import Conversation, Draft, Message, Stream, User
from conversations.models.draft import DraftKind
from conversations.models.message import Kind
from conversations.permissions import may_change
from conversations.services import drafts
from conversations.services.remarks import leave_remark
from conversations.services.replies import newer_messages, send_reply, undo_send
from conversations.views.composer import Refusal, composer_for
from conversations.views.conversation import conversation_address, conversation_page
from conversations.views.inbox_query import InboxQuery
from conversations.views.meters import meter
from conversations.views.people import who_see
from conversations.views.requests import (
    CONFLICT,
    UNPROCESSABLE,
    done,
    is_htmx,
    number_in,
    refused,
    signed_in,
    visible_conversation,
)


@require_POST
def reply(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a reply, or leave a remark.

    What a rule refuses comes back with the text and the reason (422); so does what somebody should read again before
    it goes (409): a colleague or the customer wrote meanwhile, or the draft has another version by now.
    """
    conversation, user = visible_conversation(request, pk), signed_in(request)
    form = ReplyForm(request.POST)
    keep_texts(form, conversation, user)
    if not form.is_valid():
        return _sent_back(request, conversation, form, status=UNPROCESSABLE)
    if form.cleaned_data["conversation"] not in (None, conversation.pk):
        form.add_error(None, "This text was written in another conversation. Copy it, and reload the page.")
        return _sent_back(request, conversation, form, status=CONFLICT)
    if refusal := _another_version(form, conversation, user):
        return _sent_back(request, conversation, form, status=CONFLICT, refusal=refusal)
    try:
        if form.is_remark:
            _remark(form, conversation, user)
        else:
            _reply(form, conversation, user)
    except ValidationError as error:
        if getattr(error, "code", "") == "not_seen":
            newer = newer_messages(conversation, user, form.cleaned_data["seen"])
            refusal = Refusal(newer=newer.first(), newer_count=newer.count())
            return _sent_back(request, conversation, form, status=CONFLICT, refusal=refusal)
        form.take_refusal(error)
        return _sent_back(request, conversation, form, status=UNPROCESSABLE)
    return _written(request, conversation, mode=form.kind)


def keep_texts(form: ReplyForm, conversation: Conversation, user: User) -> None:
    """Keep what stands in a form that was sent, both texts of it, so that nothing depends on a script."""
    for kind in form.texts:
        with suppress(ValidationError):  # another page has a newer one: that is for its writer to decide
            keep_text(form, kind, conversation, user)


def keep_text(form: ReplyForm, kind: str, conversation: Conversation, user: User) -> Draft | None:
    """Keep one text of a form; None where it is empty. Raises ValidationError when it is too long or out of date."""
    return drafts.save_draft(
        user=user,
        conversation=conversation,
        kind=kind,
        body=form.texts[kind],
        version=form.version(kind),
        client_key=str(form["client_key"].value() or ""),
    )


def _another_version(form: ReplyForm, conversation: Conversation, user: User) -> Refusal | None:
    """The draft that would be lost by sending this text, or the news that it was sent or emptied elsewhere."""
    if drafts.was_sent(conversation, form.cleaned_data["client_key"]):
        return None  # the same form for the second time
    stored: Draft | None = drafts.drafts_in(conversation, user).get(form.kind)
    text = form.texts[form.kind]
    if stored is None:
        return Refusal(draft_is_gone=True) if form.version(form.kind) else None
    changed = stored.version != form.version(form.kind) and stored.body != text
    return Refusal(other_draft=stored) if changed else None


def _remark(form: ReplyForm, conversation: Conversation, user: User) -> None:
    if not may_change(user, conversation):
        raise ValidationError(
            "You can read this conversation but not write in it. Ask a supervisor for access.", code="not_allowed"
        )
    leave_remark(
        conversation,
        text=form.cleaned_data["remark"],
        actor=user,
        colleagues=who_see(conversation.stream),
        client_key=form.cleaned_data["client_key"],
    )


def _reply(form: ReplyForm, conversation: Conversation, user: User) -> None:
    given = form.cleaned_data
    send_reply(
        conversation=conversation,
        author=user,
        body=given["body"],
        client_key=given["client_key"],
        seen=given["seen"],
        scheduled_for=given["scheduled_for"],
        cancel_on_reply=given["cancel_on_reply"],
        then_resolve=given["then"] == THEN_RESOLVE,
    )


def _written(request: HttpRequest, conversation: Conversation, *, mode: str) -> HttpResponse:
    if not is_htmx(request):
        return HttpResponseRedirect(conversation_address(request, conversation, "composer"))
    conversation.refresh_from_db()
    response = _composer(request, conversation, mode=mode)
    response["HX-Trigger"] = json.dumps({"parley:refresh": {}, "parley:written": {}})
    return response


def _sent_back(
    request: HttpRequest,
    conversation: Conversation,
    form: ReplyForm,
    *,
    status: int,
    refusal: Refusal | None = None,
) -> HttpResponse:
    if is_htmx(request):
        return _composer(request, conversation, form, status=status, refusal=refusal)
    return conversation_page(request, conversation, form=form, refusal=refusal, status=status)


def _composer(
    request: HttpRequest,
    conversation: Conversation,
    form: ReplyForm | None = None,
    *,
    status: int = 200,
    mode: str = "",
    refusal: Refusal | None = None,
) -> HttpResponse:
    context = {
        "composer": composer_for(conversation, signed_in(request), form, refusal=refusal, mode=mode),
        "inbox": InboxQuery.read(request),
    }
    return render(request, "conversation/_composer.html", context, status=status)


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back a message that has not left, with its text in the composer again."""
    visible = Message.objects.visible_to(signed_in(request)).outbound()
    found = visible.select_related("conversation__contact", "conversation__stream__account", "stream__account")
    message = get_object_or_404(found, pk=pk)
    conversation, user = message.conversation, signed_in(request)
    if "body" in request.POST:
        keep_texts(ReplyForm(request.POST), conversation, user)
    try:
        undo_send(message, actor=user)
    except ValidationError as error:
        return refused(request, error, back_to=conversation_address(request, conversation))
    if message.kind == Kind.TEMPLATE:
        return _at_the_template(request, message)
    if not is_htmx(request):
        return done(request, "Not sent", back_to=conversation_address(request, conversation, "composer"))
    response = _composer(request, conversation, mode=DraftKind.REPLY)
    response["HX-Retarget"], response["HX-Reswap"] = "#composer", "outerHTML"
    response["HX-Trigger"] = json.dumps({"parley:refresh": {}, "parley:undone": {}})
    return response


def _at_the_template(request: HttpRequest, message: Message) -> HttpResponse:
    """A template that was taken back is filled in again where it was filled in."""
    words = {"template": message.template_id, "again": message.pk}
    address = f"{reverse('conversation-template', args=[message.conversation_id])}?{urlencode(words)}"
    messages.success(request, "Not sent. The template is filled in again.")
    if not is_htmx(request):
        return HttpResponseRedirect(address)
    response = HttpResponse(status=204)
    response["HX-Redirect"] = address
    return response


@require_POST
def measured(request: HttpRequest) -> HttpResponse:
    """How many segments a text takes on a stream, for the meter while somebody writes. Nothing is stored."""
    streams = Stream.objects.visible_to(signed_in(request)).select_related("account")
    stream = get_object_or_404(streams, pk=number_in(request, "stream"))
    body = request.POST.get("body", "").replace("\r\n", "\n")
    return render(request, "conversation/_meter.html", {"meter": meter(stream, body)})
