"""Files: uploading one for a template, and getting one that somebody may see."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from conversations.models import Attachment, WhatsAppTemplate
from conversations.models.attachment import AttachmentStatus
from conversations.services import attachments
from conversations.services.attachment_files import path_of
from conversations.views.requests import UNPROCESSABLE, number_in, signed_in
from messaging.whatsapp import file_kind_of


@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Take the file for a template's header; the answer, as JSON, is {ref, name, size} or {error}."""
    user = signed_in(request)
    visible = WhatsAppTemplate.objects.visible_to(user).select_related("stream__account")
    template = get_object_or_404(visible, pk=number_in(request, "template"))
    file = request.FILES.get("file")
    if file is None:
        return JsonResponse({"error": "Choose a file."}, status=UNPROCESSABLE)
    kind = file_kind_of(template.components)
    try:
        kept = attachments.keep_upload(
            stream=template.stream, kind=kind, filename=file.name or "", content=file.read(), uploaded_by=user
        )
    except ValidationError as error:
        return JsonResponse({"error": " ".join(error.messages)}, status=UNPROCESSABLE)
    return JsonResponse({**attachments.described(kept), "size": filesizeformat(kept.size)})


@require_safe
@cache_control(private=True, max_age=3600)
def file(request: HttpRequest, ref: Any) -> HttpResponse | FileResponse:
    """One file, for whoever may see its conversation or its stream.

    Only what cannot hold a script is shown inside of pages; everything else is offered for keeping. Whatever it is,
    the browser must neither guess its type nor run anything in it.
    """
    found = get_object_or_404(Attachment.objects.visible_to(signed_in(request)), ref=ref)
    if found.status != AttachmentStatus.KEPT:
        raise Http404("The file is not here.")
    try:
        opened = path_of(found.stored_as).open("rb")
    except (OSError, ValueError) as error:
        raise Http404("The file is not here.") from error
    response = FileResponse(
        opened,
        as_attachment=not found.is_shown_in_pages,
        filename=found.saved_as,
        content_type=found.content_type if found.is_shown_in_pages else "application/octet-stream",
    )
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response
