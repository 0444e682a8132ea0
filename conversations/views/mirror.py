"""The mirror on the pages: telling the other side once more."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from conversations.models import Activity, Conversation
from conversations.services.mirror import pushing
from conversations.views.conversation import conversation_address
from conversations.views.requests import done, refused, signed_in


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
