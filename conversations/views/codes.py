"""The second step of signing in, and the page where people set it up for themselves."""

from __future__ import annotations

import time

import segno
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from conversations.forms.people import CodeForm, FirstCodeForm, PasswordForm
from conversations.models import User
from conversations.services import second_factor
from conversations.views.requests import UNPROCESSABLE, signed_in

PENDING = "second_step"  # in the session: who has shown the password, when, and where they wanted to go
PENDING_SECONDS = 600
OFFERED = "second_factor_offered"  # the secret that an app may take, until a code of it was shown


def ask_for_code(request: HttpRequest, user: User, *, then: str) -> HttpResponseRedirect:
    """Remember that this person's password was right, and ask for the code. They are not signed in."""
    request.session.flush()
    request.session[PENDING] = {"user": user.pk, "backend": user.backend, "at": time.time(), "then": then}
    return redirect("sign-in-code")


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """The code after the password; who must have a second factor and has none sets it up here."""
    pending = request.session.get(PENDING) or {}
    user = User.objects.filter(pk=pending.get("user", 0), is_active=True).first()
    if user is None:
        return redirect("sign-in")
    if time.time() - pending["at"] > PENDING_SECONDS:
        messages.info(request, "The code was not typed within ten minutes. Sign in with the password again.")
        return redirect_to_login(pending["then"])
    factor = second_factor.factor_of(user)
    given = request.POST if request.method == "POST" else None
    form = CodeForm(given) if factor else FirstCodeForm(given)
    if form.is_valid():
        try:
            if factor is not None:
                second_factor.check(user, form.cleaned_data["code"], request=request)
                codes = []
            else:
                codes = _confirmed(request, user, form.cleaned_data["code"])
        except ValidationError as error:
            form.add_error("code", error)
        else:
            login(request, user, backend=pending["backend"])
            request.session.pop(PENDING, None)
            if codes:
                return render(request, "account/recovery_codes.html", {"codes": codes, "then": pending["then"]})
            return HttpResponseRedirect(pending["then"])
    context = {"form": form, "person": user, **({} if factor else _app(request, user))}
    return render(request, "account/code.html", context, status=UNPROCESSABLE if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """Whether sign-in asks for a code; setting it up (POST a code)."""
    user = signed_in(request)
    factor = second_factor.factor_of(user)
    form = FirstCodeForm(request.POST if request.method == "POST" else None)
    if factor is None and form.is_valid():
        try:
            codes = _confirmed(request, user, form.cleaned_data["code"])
        except ValidationError as error:
            form.add_error("code", error)
        else:
            return render(request, "account/recovery_codes.html", {"codes": codes, "then": reverse("second-factor")})
    return _page(request, form=form)


@never_cache
@require_POST
def new_recovery_codes(request: HttpRequest) -> HttpResponse:
    """Ten new recovery codes, after the password."""
    user = signed_in(request)
    form = PasswordForm(request.POST, user=user, auto_id="renew_%s")
    if not form.is_valid():
        return _page(request, renew=form)
    codes = second_factor.renew_recovery_codes(user, request=request)
    return render(request, "account/recovery_codes.html", {"codes": codes, "then": reverse("second-factor")})


@never_cache
@require_POST
def remove_second_factor(request: HttpRequest) -> HttpResponse:
    """Ask for no code any more, after the password; refused where the site demands one."""
    user = signed_in(request)
    form = PasswordForm(request.POST, user=user, auto_id="remove_%s")
    if second_factor.is_required_of(user):
        form.add_error(None, "Everybody who may enter the administration needs a code here.")
    if not form.is_valid():
        return _page(request, remove=form)
    second_factor.remove(user, actor=user, request=request)
    messages.success(request, "Sign-in asks for the password alone")
    return redirect("second-factor")


def _page(
    request: HttpRequest,
    *,
    form: FirstCodeForm | None = None,
    renew: PasswordForm | None = None,
    remove: PasswordForm | None = None,
) -> HttpResponse:
    user = signed_in(request)
    factor = second_factor.factor_of(user)
    refused = any(one is not None and one.errors for one in (form, renew, remove))
    context = {
        "factor": factor,
        "codes_left": len(factor.recovery_codes) if factor else 0,
        "is_required": second_factor.is_required_of(user),
        "form": form or FirstCodeForm(),
        "renew": renew or PasswordForm(user=user, auto_id="renew_%s"),
        "remove": remove or PasswordForm(user=user, auto_id="remove_%s"),
        **({} if factor else _app(request, user)),
    }
    return render(request, "account/second_factor.html", context, status=UNPROCESSABLE if refused else 200)


def _app(request: HttpRequest, user: User) -> dict[str, str]:
    """What an authenticator app reads, as a picture, and to be typed. The session keeps it until a code comes."""
    secret = request.session.setdefault(OFFERED, second_factor.new_secret())
    picture = segno.make(second_factor.address_for_apps(user, secret), error="m")
    return {
        "qr_code": picture.svg_data_uri(scale=4, border=4, light="white"),
        "secret": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
    }


def _confirmed(request: HttpRequest, user: User, code: str) -> list[str]:
    codes = second_factor.confirm(user, request.session.get(OFFERED, ""), code, request=request)
    del request.session[OFFERED]
    return codes
