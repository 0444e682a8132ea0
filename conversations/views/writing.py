"""Sending a reply, leaving a remark, and counting segments while somebody writes."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from conversations.forms.messages import ReplyForm
from conversations.models import Conversation, Stream, User
from conversations.permissions import may_change
from conversations.services.compose import queue_message
from conversations.services.conversations import add_remark
from conversations.views.composer import composer_for, meter
from conversations.views.conversation import conversation_address, conversation_page
from conversations.views.inbox_query import InboxQuery
from conversations.views.requests import UNPROCESSABLE, is_htmx, number_in, signed_in, visible_conversation


@require_POST
def reply(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a reply, or leave a remark. Refused: the composer comes back with the text and the reason (422)."""
    conversation = visible_conversation(request, pk)
    user = signed_in(request)
    form = ReplyForm(request.POST)
    if form.is_valid() and _write(form, conversation, user):
        if is_htmx(request):
            fresh = ReplyForm(initial={"mode": form.cleaned_data["mode"]})
            response = _composer_response(request, conversation, fresh)
            response["HX-Trigger"] = '{"parley:refresh": {}, "parley:written": {}}'
            return response
        return HttpResponseRedirect(conversation_address(request, conversation))
    if is_htmx(request):
        return _composer_response(request, conversation, form, status=UNPROCESSABLE)
    return conversation_page(request, conversation, form=form, status=UNPROCESSABLE)


def _write(form: ReplyForm, conversation: Conversation, user: User) -> bool:
    """Do what the form says; False when a rule refused, with the reason in the form."""
    given: dict[str, Any] = form.cleaned_data
    try:
        if form.is_remark:
            if not may_change(user, conversation):
                raise ValidationError("You cannot write remarks here.", code="not_allowed")
            add_remark(conversation, text=given["body"], actor=user)
        else:
            queue_message(
                conversation=conversation,
                body=given["body"],
                author=user,
                client_key=given["client_key"],
                scheduled_for=given["scheduled_for"],
            )
    except ValidationError as error:
        form.take_refusal(error)
        return False
    return True


def _composer_response(
    request: HttpRequest, conversation: Conversation, form: ReplyForm, status: int = 200
) -> HttpResponse:
    context = {
        "composer": composer_for(conversation, signed_in(request), form),
        "inbox": InboxQuery.read(request),
    }
    return render(request, "conversation/_composer.html", context, status=status)


@require_POST
def measured(request: HttpRequest) -> HttpResponse:
    """How many segments a text takes on a stream, for the meter while somebody writes. Nothing is stored."""
    streams = Stream.objects.visible_to(signed_in(request)).select_related("account")
    stream = get_object_or_404(streams, pk=number_in(request, "stream"))
    body = request.POST.get("body", "").replace("\r\n", "\n")
    return render(request, "conversation/_meter.html", {"meter": meter(stream, body)})
