"""One message: its history, its whole text, and what people do with it where it stands in the conversation."""

from __future__ import annotations

import json
from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from conversations.forms.decisions import ArrivedForm, SendAgainForm, SendAnywayForm
from conversations.forms.scheduling import WaitingForm
from conversations.models import Message
from conversations.services import compose, scheduling, unconfirmed
from conversations.views.conversation import conversation_address, conversation_page
from conversations.views.history import history
from conversations.views.inbox_query import InboxQuery
from conversations.views.message_card import Card, Form, Refused, cards
from conversations.views.requests import CONFLICT, UNPROCESSABLE, is_htmx, signed_in

SOMEBODY_WAS_QUICKER = ("already_settled", "too_late", "changed_meanwhile", "may_have_arrived")


@never_cache
@require_safe
def attempts(request: HttpRequest, pk: int) -> HttpResponse:
    """What was tried for one message, what the provider answered, and what was decided."""
    found = Message.objects.visible_to(signed_in(request)).select_related("stream__account", "conversation__contact")
    message = get_object_or_404(found, pk=pk)
    context = {"message": message, "steps": history(message, signed_in(request))}
    template = "conversation/_attempts.html" if is_htmx(request) else "conversation/attempts_page.html"
    return render(request, template, context)


@never_cache
@require_safe
def whole_text(request: HttpRequest, pk: int) -> HttpResponse:
    """All words of a message that is shown shortened."""
    found = Message.objects.visible_to(signed_in(request)).select_related("conversation__contact")
    context = {"message": get_object_or_404(found, pk=pk)}
    template = "conversation/_whole_text.html" if is_htmx(request) else "conversation/text_page.html"
    return render(request, template, context)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a message that has not left us."""
    message = _visible_message(request, pk)
    try:
        compose.cancel_message(message, actor=signed_in(request))
    except ValidationError as error:
        return _refused(request, message, error)
    return _done(request, message, "Message cancelled. Nothing was sent.")


@require_POST
def send_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the words of a failed message, mended if need be, as a new one; pressed twice it is sent once."""
    message = _visible_message(request, pk)
    form = SendAgainForm(request.POST, message=message)
    form.full_clean()
    words = form.cleaned_data.get("body") if "body" in request.POST else None
    try:
        compose.send_again(message, actor=signed_in(request), client_key=compose.again_key(message), body=words)
    except ValidationError as error:
        return _refused(request, message, error, form)
    return _done(request, message, "Queued again as a new message")


@require_POST
def arrived(request: HttpRequest, pk: int) -> HttpResponse:
    """Settle an unconfirmed message that the customer is known to have."""
    message = _visible_message(request, pk)
    form = ArrivedForm(request.POST, message=message)
    return _decide(request, message, form, unconfirmed.it_arrived, "Noted: it arrived")


@require_POST
def send_anyway(request: HttpRequest, pk: int) -> HttpResponse:
    """Send an unconfirmed message once more and accept that the customer may get it twice."""
    message = _visible_message(request, pk)
    form = SendAnywayForm(request.POST, message=message)
    return _decide(request, message, form, unconfirmed.send_again, "Queued again. The customer may get it twice.")


@require_POST
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a waiting message other words or another time."""
    message = _visible_message(request, pk)
    form = WaitingForm(request.POST, message=message)
    if not form.is_valid():
        return _shown_again(request, message, form)
    given = form.cleaned_data
    try:
        scheduling.edit_waiting(
            message=message,
            actor=signed_in(request),
            body=given["body"],
            scheduled_for=given["scheduled_for"],
            valid_until=given["valid_until"],
            seen=given["seen"],
        )
    except ValidationError as error:
        return _refused(request, message, error, form)
    return _done(request, message, "Message changed")


@require_POST
def send_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a waiting message go at once."""
    message = _visible_message(request, pk)
    try:
        scheduling.send_now(message=message, actor=signed_in(request))
    except ValidationError as error:
        return _refused(request, message, error)
    return _done(request, message, "Queued. It leaves now.")


def _visible_message(request: HttpRequest, pk: int) -> Message:
    found = Message.objects.visible_to(signed_in(request)).select_related(
        "author", "conversation__contact", "conversation__stream__account", "stream__account", "template__stream"
    )
    return get_object_or_404(found.outbound(), pk=pk)


def _decide(
    request: HttpRequest, message: Message, form: Form, settle: Callable[..., None], sentence: str
) -> HttpResponse:
    if not form.is_valid():
        return _shown_again(request, message, form)
    try:
        settle(message, actor=signed_in(request), reason=form.cleaned_data["reason"])
    except ValidationError as error:
        return _refused(request, message, error, form)
    return _done(request, message, sentence)


def _done(request: HttpRequest, message: Message, sentence: str) -> HttpResponse:
    """The message as it is now, with the focus on it, and the rest of the page soon after."""
    if not is_htmx(request):
        messages.success(request, sentence)
        return _back(request, message)
    return _fragment(request, _card(request, message), toast={"text": sentence})


def _refused(request: HttpRequest, message: Message, error: ValidationError, form: Form | None = None) -> HttpResponse:
    """A rule said no: at the field that it is about, or in a notice that says what is so now."""
    was_quicker = error.code in SOMEBODY_WAS_QUICKER
    if form is not None and not was_quicker and error.code != "not_allowed":
        form.take_refusal(error)
        return _shown_again(request, message, form)
    return _told(request, message, " ".join(error.messages), status=CONFLICT if was_quicker else UNPROCESSABLE)


def _shown_again(request: HttpRequest, message: Message, form: Form) -> HttpResponse:
    """The form, open, with what is wrong with it; unless it is no longer among what can be done."""
    refused = Refused(message.pk, form)
    card = _card(request, message, refused)
    if form.name not in card.forms:
        return _told(request, message, "This can no longer be done. Nothing was changed.", status=CONFLICT)
    if first := next((name for name in form.fields if name in form.errors), None):
        form.fields[first].widget.attrs["autofocus"] = True
    if is_htmx(request):
        return _fragment(request, card, takes_focus=False, status=UNPROCESSABLE)
    return conversation_page(request, message.conversation, message_form=refused, status=UNPROCESSABLE)


def _told(request: HttpRequest, message: Message, sentence: str, *, status: int) -> HttpResponse:
    """The message as it is now, with a notice that says why nothing was done."""
    if not is_htmx(request):
        messages.error(request, sentence)
        return _back(request, message)
    toast = {"text": sentence, "tone": "error"}
    return _fragment(request, _card(request, message), toast=toast, status=status)


def _card(request: HttpRequest, message: Message, refused: Refused | None = None) -> Card:
    fresh = _visible_message(request, message.pk)
    (card,) = cards([fresh], fresh.conversation, signed_in(request), refused=refused)
    return card


def _fragment(
    request: HttpRequest,
    card: Card,
    *,
    toast: dict[str, str] | None = None,
    takes_focus: bool = True,
    status: int = 200,
) -> HttpResponse:
    context = {
        "card": card,
        "message": card.message,
        "conversation": card.message.conversation,
        "inbox": InboxQuery.read(request),
        "takes_focus": takes_focus,
    }
    response = render(request, "conversation/_message.html", context, status=status)
    if toast:
        response["HX-Trigger"] = json.dumps({"parley:toast": toast, "parley:refresh": {}})
    return response


def _back(request: HttpRequest, message: Message) -> HttpResponse:
    return HttpResponseRedirect(conversation_address(request, message.conversation, anchor=f"message-{message.pk}"))
