"""Templates from a file: what it would change, then the change."""

from __future__ import annotations

import base64

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from conversations.forms.template_draft import TemplateImportForm
from conversations.permissions import may_edit_templates
from conversations.services.template_files import FileProblem, read_templates
from conversations.services.template_sync import Report, sync_templates
from conversations.views.requests import UNPROCESSABLE, signed_in


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def import_templates(request: HttpRequest) -> HttpResponse:
    """Choose a file; see what it would change; store it. Nothing is kept between the steps but in the page itself."""
    user = signed_in(request)
    if not user.has_perm("conversations.change_whatsapptemplate"):
        raise PermissionDenied
    if request.method != "POST":
        return render(request, "templates/import.html", {"form": TemplateImportForm(user=user)})
    form = TemplateImportForm(request.POST, request.FILES, user=user)
    if not form.is_valid():
        return render(request, "templates/import.html", {"form": form}, status=UNPROCESSABLE)
    stream, source = form.cleaned_data["stream"], form.source
    if not may_edit_templates(user, stream):
        raise PermissionDenied
    try:
        found = read_templates(source)
    except FileProblem as problem:
        form.add_error("file", problem.sentence)
        return render(request, "templates/import.html", {"form": form}, status=UNPROCESSABLE)
    stores = "store" in request.POST
    report = sync_templates(
        stream=stream, found=found, actor=user, complete=form.cleaned_data["complete"], dry_run=not stores
    )
    if stores:
        messages.success(request, f"Templates imported: {_in_words(report)}.")
        return HttpResponseRedirect(reverse("templates"))
    context = {"form": form, "report": report, "stream": stream, "content": base64.b64encode(source).decode()}
    return render(request, "templates/import_check.html", context)


def _in_words(report: Report) -> str:
    return ", ".join(f"{count} {word}" for word, count in report.counts.items() if count) or "nothing"
