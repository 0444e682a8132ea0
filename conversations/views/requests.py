"""Small questions that every page asks of its request, and the two ways of answering a form.

Pages with customers on them are never_cache: Back after a sign-out must not show them, and Back to an address
must not show the part of the page that htmx once got from it.
"""

from __future__ import annotations

import json

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from conversations.forms.base import id_in
from conversations.models import Conversation, User

CONFLICT, UNPROCESSABLE = 409, 422


def signed_in(request: HttpRequest) -> User:
    """The user; SignInFirstMiddleware has seen to it that there is one."""
    assert isinstance(request.user, User)
    return request.user


def is_htmx(request: HttpRequest) -> bool:
    """Did htmx ask, and for a part of the page (it asks for the whole page when it restores one)?"""
    htmx = getattr(request, "htmx", None)
    return bool(htmx and not htmx.history_restore_request)


def visible_conversation(request: HttpRequest, pk: int) -> Conversation:
    """The conversation, with contact and stream; Http404 when there is none or this user cannot see it."""
    found: QuerySet[Conversation] = Conversation.objects.visible_to(signed_in(request)).for_list()
    return get_object_or_404(found, pk=pk)


def done(request: HttpRequest, sentence: str, *, back_to: str) -> HttpResponse:
    """A form did its work: htmx refreshes the parts that changed, a plain browser goes back to the page."""
    if is_htmx(request):
        response = HttpResponse(status=204)
        events: dict[str, object] = {"parley:refresh": {}}
        if sentence:
            events["parley:toast"] = {"text": sentence}
        response["HX-Trigger"] = json.dumps(events)
        return response
    if sentence:
        messages.success(request, sentence)
    return HttpResponseRedirect(back_to)


def refused(request: HttpRequest, error: ValidationError, *, back_to: str) -> HttpResponse:
    """A rule said no to a form that has no fields of its own."""
    sentence = " ".join(error.messages)
    if is_htmx(request):
        response = HttpResponse(status=UNPROCESSABLE)
        response["HX-Trigger"] = json.dumps({"parley:toast": {"text": sentence, "tone": "error"}, "parley:refresh": {}})
        return response
    messages.error(request, sentence)
    return HttpResponseRedirect(back_to)


def number_in(request: HttpRequest, name: str) -> int:
    """A whole number of the address or the form, 0 when there is none that could be an id."""
    return id_in(request.POST.get(name) or request.GET.get(name) or "") or 0


def go_to(request: HttpRequest, address: str) -> HttpResponse:
    """Lead the whole page to an address, also where htmx asked for a part of it."""
    if is_htmx(request):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def next_in(request: HttpRequest) -> str:
    """Where the form or the address wants to go on (`next`), where that is a page of ours; else the inbox."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    return wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}) else reverse("inbox")
