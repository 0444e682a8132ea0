"""What the law gives a customer: everything about them in one file, and having it all erased."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from conversations.forms.privacy import CONFIRMATION, EraseForm
from conversations.models import Message
from conversations.services import erasure, person_export
from conversations.views.contacts import visible_contact
from conversations.views.fresh import fresh_sign_in_required
from conversations.views.requests import UNPROCESSABLE, signed_in


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@fresh_sign_in_required
def erase_contact(request: HttpRequest, pk: int) -> HttpResponse:
    """What would go and what stays; with a reason and the typed word it goes."""
    found = visible_contact(request, pk)
    user = signed_in(request)
    if not user.has_perm("conversations.erase_person"):
        raise PermissionDenied
    form = EraseForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            told = erasure.erase(found, reason=form.cleaned_data["reason"], actor=user, request=request)
        except ValidationError as error:
            form.take_refusal(error)
        else:
            messages.success(request, f"Erased: {told.messages} messages and {told.files} files of one person")
            return HttpResponseRedirect(reverse("contacts"))
    context = {
        "contact": found,
        "form": form,
        "confirmation": CONFIRMATION,
        "hindrance": erasure.hindrance(found),
        "conversation_count": found.conversations.count(),
        "message_count": Message.objects.filter(conversation__contact=found).count(),
    }
    return render(request, "contacts/erase.html", context, status=UNPROCESSABLE if form.errors else 200)


@never_cache
@require_POST
@fresh_sign_in_required
def export_person(request: HttpRequest, pk: int) -> FileResponse:
    """Everything about one person, as a ZIP file with JSON and the files, which the audit notes."""
    found = visible_contact(request, pk)
    user = signed_in(request)
    if not user.has_perm("conversations.export_person"):
        raise PermissionDenied
    return FileResponse(
        person_export.written(found, actor=user, request=request),
        as_attachment=True,
        filename=f"contact-{found.pk}.zip",
        content_type="application/zip",
    )
