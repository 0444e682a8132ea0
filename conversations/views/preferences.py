"""What people set for themselves: what a click in the frame sets, sending, notifications and keys."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from conversations.forms.preferences import NotificationsForm, SendingForm
from conversations.models.team import Density, Theme
from conversations.views.requests import done, next_in, refused, signed_in


@require_POST
def set_available(request: HttpRequest) -> HttpResponse:
    """Available takes conversations, away does not."""
    user = signed_in(request)
    user.is_available = request.POST.get("available") == "1"
    user.save(update_fields=["is_available"])
    return HttpResponseRedirect(next_in(request))


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Light, dark, or as the device."""
    user, theme = signed_in(request), request.POST.get("theme", "")
    if theme in Theme.values:
        user.theme = theme
        user.save(update_fields=["theme"])
    return HttpResponseRedirect(next_in(request))


@require_POST
def set_density(request: HttpRequest) -> HttpResponse:
    """Comfortable or compact lists."""
    user, density = signed_in(request), request.POST.get("density", "")
    if density in Density.values:
        user.density = density
        user.save(update_fields=["density"])
    return HttpResponseRedirect(next_in(request))


@require_POST
def set_sending(request: HttpRequest) -> HttpResponse:
    """The time to undo, and what Enter does; a choice that does not exist changes nothing."""
    user, form = signed_in(request), SendingForm(request.POST)
    if not form.is_valid():
        return done(request, "", back_to=reverse("account"))
    user.undo_seconds, user.enter_sends = form.cleaned_data["undo_seconds"], form.cleaned_data["enter_sends"]
    user.save(update_fields=["undo_seconds", "enter_sends"])
    return done(request, "Saved", back_to=reverse("account"))


@require_POST
def set_notifications(request: HttpRequest) -> HttpResponse:
    """How somebody is told of what."""
    user, back = signed_in(request), f"{reverse('account')}#notifications"
    form = NotificationsForm(request.POST, user=user)
    if not form.is_valid():
        return refused(request, ValidationError(list(form.errors["sound_volume"])), back_to=back)
    for name, value in form.changes.items():
        setattr(user, name, value)
    user.save(update_fields=list(form.changes))
    return done(request, "Saved", back_to=back)


@require_POST
def set_keys(request: HttpRequest) -> HttpResponse:
    """Turn the shortcuts of a single key on or off."""
    user = signed_in(request)
    user.single_keys = request.POST.get("single_keys") == "1"
    user.save(update_fields=["single_keys"])
    words = "Single-key shortcuts are on" if user.single_keys else "Single-key shortcuts are off"
    return done(request, words, back_to=f"{reverse('account')}#keys")
