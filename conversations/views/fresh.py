"""Proving once more who one is, before secrets, downloads and what cannot be undone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from conversations.forms.people import CodeForm, ProveForm
from conversations.services import second_factor, signed_in
from conversations.views import requests
from conversations.views.requests import UNPROCESSABLE


def fresh_sign_in_required(view: Callable[..., Any]) -> Callable[..., Any]:
    """Lead whoever proved who they are longer than FRESH_SIGN_IN_MINUTES ago to a page that asks for it again."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return ask(request) or view(request, *args, **kwargs)

    return checked


def ask(request: HttpRequest) -> HttpResponse | None:
    """A way to the page that asks for it; None when they have shown it a short time ago."""
    address = signed_in.way_to_prove(request)
    return requests.go_to(request, address) if address else None


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def prove(request: HttpRequest) -> HttpResponse:
    """Ask for a code of the second factor, or for the password where there is none; then on to `next`."""
    user = requests.signed_in(request)
    wanted = requests.next_in(request)
    has_factor = second_factor.factor_of(user) is not None
    given = request.POST if request.method == "POST" else None
    form = CodeForm(given) if has_factor else ProveForm(given)
    if form.is_valid():
        try:
            if has_factor:
                second_factor.check(user, form.cleaned_data["code"], request=request)
            elif authenticate(request, username=user.email, password=form.cleaned_data["password"]) != user:
                raise ValidationError("That is not your password.", code="wrong_password")
        except ValidationError as error:
            form.add_error(next(iter(form.fields)), error)
        else:
            signed_in.note_proof(request)
            return HttpResponseRedirect(wanted)
    context = {"form": form, "next": wanted, "has_factor": has_factor, "minutes": settings.FRESH_SIGN_IN_MINUTES}
    return render(request, "account/prove.html", context, status=UNPROCESSABLE if form.errors else 200)
