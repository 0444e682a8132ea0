"""Signing in, passwords, and the page of the own account."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.forms.people import NewPasswordForm, SignInForm
from conversations.forms.preferences import NotificationsForm
from conversations.models import User
from conversations.models.audit import AuditAction
from conversations.models.team import UndoSeconds
from conversations.services import audit, second_factor
from conversations.services import signed_in as signed_in_sessions
from conversations.services.sign_in import wait_after_failures
from conversations.views.codes import ask_for_code
from conversations.views.requests import UNPROCESSABLE, is_htmx, signed_in


class SignIn(LoginView):
    """E-mail address and password. A part of a page that finds the session ended tells the page so."""

    template_name = "account/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if is_htmx(request):
            response = HttpResponse(status=204)
            response["HX-Trigger"] = "parley:signed-out"  # the page asks for the password without losing what is on it
            return response
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "nobody": not User.objects.exists()}

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """In, or on to the code: nobody is signed in before both were shown."""
        user = form.get_user()
        assert isinstance(user, User)
        if second_factor.is_required_of(user) or second_factor.factor_of(user) is not None:
            return ask_for_code(self.request, user, then=self.get_success_url())
        return super().form_valid(form)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = UNPROCESSABLE
        return response


def too_many_tries(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
    """The sign-in page while it is shut for somebody (429): how long, and what to do. Called by django-axes."""
    minutes = round(wait_after_failures(request).total_seconds() / 60)
    sentence = (
        f"Too many tries. Wait {minutes} minute{'s' if minutes > 1 else ''}, then try again. "
        "An administrator can give you a new password."
    )
    form = SignInForm(request, initial={"username": request.POST.get("username", "")})
    context = {"form": form, "shut": sentence, "next": request.POST.get("next", "")}
    return render(request, "account/sign_in.html", context, status=HTTPStatus.TOO_MANY_REQUESTS)


class ChangePassword(PasswordChangeView):
    """A new password; the other sessions of this person end."""

    template_name = "account/password.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("account")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        user = signed_in(self.request)
        audit.record(AuditAction.PASSWORD_CHANGED, actor=user, subject=user, request=self.request)
        others = signed_in_sessions.of(user).exclude(session_key=self.request.session.session_key)
        signed_in_sessions.end(others, of_user=user, actor=user, request=self.request)
        messages.success(self.request, "Password changed")
        return super().form_valid(form)

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = UNPROCESSABLE
        return response


@never_cache
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Preferences: the look of the pages, sending, keys, notifications; the password, and the way out."""
    form = NotificationsForm(user=signed_in(request))
    return render(
        request,
        "account/page.html",
        {
            "undo_choices": UndoSeconds.choices,
            "notifications": form,
            "sessions": signed_in_sessions.of(signed_in(request)),
            "has_second_factor": second_factor.factor_of(signed_in(request)) is not None,
        },
    )


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """The keyboard shortcuts that work."""
    return render(request, "account/keys.html")
