"""The ways on when a customer is in somebody else's session at the provider: look, end it, try all the same."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from conversations.models import Conversation
from conversations.permissions import may_send_on
from conversations.services import sessions
from conversations.views.conversation import conversation_address
from conversations.views.requests import done, refused, signed_in, visible_conversation


@require_POST
def look(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the provider who has the session now."""
    found = _writable(request, pk)
    try:
        session = sessions.look(found)
    except ValidationError as error:
        return refused(request, error, back_to=conversation_address(request, found))
    words = "The session is still open." if session.is_open else "The session has ended: you can write."
    return done(request, words, back_to=conversation_address(request, found))


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """End the session at the provider, in the name of whoever asks."""
    found = _writable(request, pk)
    try:
        sessions.end(found, actor=signed_in(request))
    except ValidationError as error:
        return refused(request, error, back_to=conversation_address(request, found))
    return done(request, "The session has ended: you can write.", back_to=conversation_address(request, found))


@require_POST
def try_all_the_same(request: HttpRequest, pk: int) -> HttpResponse:
    """Let somebody write although the last message was turned away: the provider decides."""
    found = _writable(request, pk)
    sessions.let_pass(found)
    return done(request, "", back_to=conversation_address(request, found))


def _writable(request: HttpRequest, pk: int) -> Conversation:
    found = visible_conversation(request, pk)
    if not may_send_on(signed_in(request), found.stream):
        raise PermissionDenied
    return found
