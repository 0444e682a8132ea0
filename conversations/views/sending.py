"""What somebody sets for their own sending: the time to undo, and what Enter does."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from conversations.forms.reply import SendingForm
from conversations.models.team import UndoSeconds
from conversations.views.requests import done, signed_in


@require_POST
def set_sending(request: HttpRequest) -> HttpResponse:
    """Keep the choices with the user; one that does not exist changes nothing."""
    user = signed_in(request)
    form = SendingForm(request.POST, choices=UndoSeconds.choices)
    if not form.is_valid():
        return done(request, "", back_to=reverse("account"))
    user.undo_seconds, user.enter_sends = form.cleaned_data["undo_seconds"], form.cleaned_data["enter_sends"]
    user.save(update_fields=["undo_seconds", "enter_sends"])
    return done(request, "Saved", back_to=reverse("account"))
