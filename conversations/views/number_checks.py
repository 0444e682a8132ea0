"""Asking WhatsApp whether a contact's number is there."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from conversations.models import Stream
from conversations.services.number_checks import check_number
from conversations.views.contacts import visible_contact
from conversations.views.requests import number_in, signed_in


@require_POST
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask WhatsApp about the number of a contact."""
    user, contact = signed_in(request), visible_contact(request, pk)
    sendable = Stream.objects.sendable_by(user).working().select_related("account")
    stream = get_object_or_404(sendable, pk=number_in(request, "stream"))
    try:
        found = check_number(stream=stream, phone=contact.phone, actor=user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        words = "is on WhatsApp" if found.on_whatsapp else "is not on WhatsApp"
        messages.success(request, f"{contact.phone_display} {words}.")
    return redirect("contact", pk)
