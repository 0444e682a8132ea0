"""The mirror on the pages: both sides beside each other, and what a person decides about them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from conversations.models import Activity, Conversation, Drift
from conversations.services.mirror import comparing, drifts, phone, pushing
from conversations.views.actions import panel_done
from conversations.views.conversation import conversation_address
from conversations.views.requests import done, refused, signed_in, visible_conversation


@never_cache
@require_safe
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """Both sides as they are now."""
    conversation = visible_conversation(request, pk)
    context: dict[str, Any] = {"conversation": conversation, "comparison": None, "problem": ""}
    try:
        context["comparison"] = comparing.compare(conversation)
    except ValidationError as error:
        context["problem"] = " ".join(error.messages)
    return render(request, "mirror/page.html", context)


@require_POST
def push_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Tell the other side a refused activity once more."""
    visible = Conversation.objects.visible_to(signed_in(request))
    found = Activity.objects.filter(conversation__in=visible).select_related("conversation")
    activity = get_object_or_404(found, pk=pk)
    address = conversation_address(request, activity.conversation)
    try:
        pushing.push_again(activity)
    except ValidationError as error:
        return refused(request, error, back_to=address)
    return done(request, "It will be pushed again.", back_to=address)


@require_POST
def settle_drift(request: HttpRequest, pk: int) -> HttpResponse:
    """Take theirs, or push ours."""
    user = signed_in(request)
    found = Drift.objects.filter(conversation__in=Conversation.objects.visible_to(user)).select_related("conversation")
    drift = get_object_or_404(found, pk=pk)
    address = conversation_address(request, drift.conversation)
    choice = request.POST.get("choice")
    try:
        if choice not in ("theirs", "ours"):
            raise ValidationError("Choose one of the two sides.", code="no_choice")
        drifts.settle(drift, take_theirs=choice == "theirs", actor=user)
    except ValidationError as error:
        return refused(request, error, back_to=address)
    return panel_done(request, visible_conversation(request, drift.conversation_id))


@require_POST
def said_on_the_phone(request: HttpRequest, pk: int) -> HttpResponse:
    """Write down what the customer said on the phone."""
    conversation = visible_conversation(request, pk)
    address = conversation_address(request, conversation)
    try:
        phone.write_down(conversation, text=request.POST.get("text", ""), actor=signed_in(request))
    except ValidationError as error:
        return refused(request, error, back_to=address)
    return panel_done(request, conversation)
