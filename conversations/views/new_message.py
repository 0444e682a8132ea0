"""`/new/`: writing to somebody first."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from conversations.forms.new_message import NewMessageForm
from conversations.models import Conversation, Stream, User
from conversations.models.draft import DraftKind
from conversations.models.stream import Channel
from conversations.services import drafts
from conversations.services.conversations import contact_for_number, open_conversation
from conversations.services.replies import send_reply
from conversations.views.meters import meter
from conversations.views.presets import presets_for
from conversations.views.recipients import number_of, read_recipient, stream_choices
from conversations.views.requests import UNPROCESSABLE, go_to, is_htmx, number_in, signed_in


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_message(request: HttpRequest) -> HttpResponse:
    """The form; `?to=` and `?stream=` fill it in, and `?from=` with the text begun in that conversation.

    Sent, it leads to the conversation.
    """
    user = signed_in(request)
    streams = _streams(user)
    if request.method != "POST":
        initial = {
            "to": request.GET.get("to", ""),
            "stream": number_in(request, "stream") or None,
            "body": _brought_along(request, user),
        }
        return _page(request, NewMessageForm(initial=initial, streams=streams), user)
    form = NewMessageForm(request.POST, streams=streams)
    if form.is_valid():
        try:
            return _answered(request, form, user)
        except ValidationError as error:
            form.take_refusal(error)
    return _page(request, form, user, status=UNPROCESSABLE)


def _answered(request: HttpRequest, form: NewMessageForm, user: User) -> HttpResponse:
    """Send, or go on to the templates. Raises ValidationError when a rule refuses; then nothing is stored."""
    given = form.cleaned_data
    stream: Stream = given["stream"]
    number = number_of(given["to"], user)
    if stream.channel == Channel.WHATSAPP:
        to = given["to"] if given["to"].startswith("contact-") else number
        return go_to(request, f"{reverse('new-template')}?{urlencode({'to': to, 'stream': stream.pk})}")
    with transaction.atomic():
        contact = contact_for_number(number, stream=stream)
        conversation = open_conversation(stream=stream, contact=contact, actor=user)
        send_reply(
            conversation=conversation,
            author=user,
            body=given["body"],
            client_key=given["client_key"],
            seen=None,
            scheduled_for=given["scheduled_for"],
        )
        if left := _conversation_left(request, user):
            drafts.let_go(left, user, DraftKind.REPLY)
    return go_to(request, reverse("conversation", args=[conversation.pk]))


def _conversation_left(request: HttpRequest, user: User) -> Conversation | None:
    """The conversation whose text was brought along to this stream."""
    return Conversation.objects.visible_to(user).filter(pk=number_in(request, "from")).first()


def _brought_along(request: HttpRequest, user: User) -> str:
    left = _conversation_left(request, user)
    draft = drafts.drafts_in(left, user).get(DraftKind.REPLY) if left else None
    return draft.body if draft else ""


@never_cache
@require_safe
def recipient(request: HttpRequest) -> HttpResponse:
    """What is typed into To, read while somebody types, and the streams that reach that person."""
    user = signed_in(request)
    form = NewMessageForm(initial={"stream": number_in(request, "stream") or None}, streams=_streams(user))
    return render(request, "new_message/_recipient.html", _context(request, request.GET.get("to", ""), form, user))


@require_POST
def start_conversation(request: HttpRequest) -> HttpResponse:
    """Open a conversation without a message, to record permission there before anything may be sent."""
    user = signed_in(request)
    stream = _streams(user).filter(pk=number_in(request, "stream")).first()
    back = f"{reverse('compose')}?{urlencode({'to': request.POST.get('to', '')})}"
    if stream is None:
        return go_to(request, back)
    try:
        with transaction.atomic():
            contact = contact_for_number(number_of(request.POST.get("to", ""), user), stream=stream)
            conversation: Conversation = open_conversation(stream=stream, contact=contact, actor=user)
    except ValidationError:
        return go_to(request, back)  # the page says what is wrong with the number
    return go_to(request, reverse("conversation", args=[conversation.pk]) + "#record-permission")


def _page(request: HttpRequest, form: NewMessageForm, user: User, status: int = 200) -> HttpResponse:
    typed = form["to"].value() or ""
    context = _context(request, typed, form, user)
    template = "new_message/_form.html" if is_htmx(request) else "new_message/page.html"
    return render(request, template, context, status=status)


def _context(request: HttpRequest, typed: str, form: NewMessageForm, user: User) -> dict[str, Any]:
    streams = list(_streams(user))
    found = read_recipient(typed, user, streams)
    choices = stream_choices(streams, found, user)
    wanted = str(form["stream"].value() or "")
    allowed = [choice.stream for choice in choices if choice.allowed]
    chosen = next((stream for stream in streams if str(stream.pk) == wanted), allowed[0] if allowed else None)
    context: dict[str, Any] = {
        "form": form,
        "recipient": found,
        "choices": choices,
        "chosen": chosen,
        "left": number_in(request, "from"),
        "presets": presets_for(found.contact, chosen) if found.contact else [],
    }
    if chosen is not None:
        context["meter"] = meter(chosen, form["body"].value() or "")
    return context


def _streams(user: User) -> Any:
    return Stream.objects.sendable_by(user).working().select_related("account").order_by("name")
