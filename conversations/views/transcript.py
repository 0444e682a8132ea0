"""A conversation to be read in one piece, printed, or taken along as text or JSON."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.models.audit import AuditAction
from conversations.services import audit
from conversations.services.transcript import as_json, as_text, transcript_of
from conversations.views.requests import signed_in, visible_conversation

_FILES = {"text": ("txt", "text/plain; charset=utf-8", as_text), "json": ("json", "application/json", as_json)}


@never_cache
@require_safe
def transcript(request: HttpRequest, pk: int) -> HttpResponse:
    """The transcript as a page, or with `format` as a file: text or json. `remarks` adds what the team wrote."""
    conversation = visible_conversation(request, pk)
    whole = transcript_of(conversation, with_remarks=request.GET.get("remarks") == "1")
    wanted = _FILES.get(request.GET.get("format", ""))
    if wanted is None:
        return render(request, "transcript/page.html", {"conversation": conversation, "transcript": whole})
    ending, content_type, written = wanted
    audit.record(
        AuditAction.EXPORTED, actor=signed_in(request), subject=conversation, summary="Transcript.", request=request
    )
    name = f"conversation-{conversation.pk}.{ending}"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(written(whole), content_type=content_type, headers=disposition)
