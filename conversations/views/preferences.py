"""What people set about notifications and keys."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from conversations.forms.preferences import NotificationsForm
from conversations.views.requests import done, refused, signed_in


@require_POST
def set_notifications(request: HttpRequest) -> HttpResponse:
    """Keep how somebody is told of what."""
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
