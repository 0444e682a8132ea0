"""Where somebody is signed in, and ending that."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.views.decorators.http import require_POST

from conversations.models import User
from conversations.services import signed_in
from conversations.views import requests
from conversations.views.refusals import shows_pages

ASKED_BY_PAGES = frozenset({"updates", "presence", "at-conversation", "news"})
"""What an open page asks by itself: nobody has to sit before it."""


class SignInFirstMiddleware(LoginRequiredMiddleware):
    """Lets nobody in unasked. A form that comes after the session has ended says that it was not done."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        if request.method not in ("GET", "HEAD") and shows_pages(request):
            messages.info(request, "You were signed out, so this was not done. Sign in, and do it again.")
        return redirect_to_login(signed_in.way_back(request))


class NoteSessionMiddleware(MiddlewareMixin):
    """Keeps the list of sessions true: whose, with what, and when they were last used; ends those that are idle."""

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        user: Any = request.user
        if not (isinstance(user, User) or user.is_authenticated):
            return None
        if signed_in.is_idle(request, user):
            logout(request)
            messages.info(request, "You were signed out because nothing happened here for a while.")
            return redirect_to_login(signed_in.way_back(request))
        by_itself = request.headers.get("HX-Trigger") == "floor"
        if not by_itself and getattr(request.resolver_match, "url_name", None) not in ASKED_BY_PAGES:
            signed_in.note(request, user)
        return None


@require_POST
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign out of one other browser."""
    user = requests.signed_in(request)
    found = signed_in.of(user).filter(pk=pk)
    one = get_object_or_404(found)
    if one.session_key == request.session.session_key:
        messages.info(request, "This is the browser that you are using. Sign out instead.")
    else:
        signed_in.end(found, of_user=user, actor=user, request=request)
        messages.success(request, f"Signed out: {one.device}")
    return _back()


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    user = requests.signed_in(request)
    others = signed_in.of(user).exclude(session_key=request.session.session_key)
    count = signed_in.end(others, of_user=user, actor=user, request=request)
    messages.success(request, f"Signed out of {count} other browser{'' if count == 1 else 's'}")
    return _back()


def _back() -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{reverse('account')}#sessions")
