"""Decisions from a file and to a file."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from conversations.forms.permissions import LedgerFilterForm, OptInImportForm
from conversations.models import User
from conversations.services.csv_files import CsvProblem, open_table
from conversations.services.opt_in_import import OptInReport, check_opt_ins, store_opt_ins, summed_up
from conversations.services.opt_in_ledger import exported
from conversations.views.downloads import csv_answer
from conversations.views.fresh import fresh_sign_in_required
from conversations.views.permissions import may_record
from conversations.views.requests import UNPROCESSABLE, signed_in


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def import_opt_ins(request: HttpRequest) -> HttpResponse:
    """Choose a file; see what would become of it; store it. Nothing is kept between the steps but in the page."""
    user = _recorder(request)
    if request.method != "POST":
        return render(request, "permissions/import.html", {"form": OptInImportForm(user=user)})
    posted = request.POST.copy()
    posted.setdefault("repair", "yes")  # asked when it is known that it matters
    form = OptInImportForm(posted, request.FILES, user=user)
    if not form.is_valid():
        return render(request, "permissions/import.html", {"form": form}, status=UNPROCESSABLE)
    try:
        table = open_table(form.source())
    except CsvProblem as problem:
        return _refused(request, form, OptInReport(problem=problem.sentence, code=problem.code))
    if "store" in request.POST:
        try:
            report = store_opt_ins(table, form.given, user)
        except ValidationError as error:
            return _refused(request, form, OptInReport(problem=" ".join(error.messages)))
        messages.success(request, f"Recorded: {summed_up(report)}")
        return HttpResponseRedirect(reverse("permissions"))
    report = check_opt_ins(table, form.given, user)
    if not report.can_be_stored:
        return _refused(request, form, report)
    return render(
        request, "permissions/import_check.html", {"form": form, "report": report, "content": table.whole_text()}
    )


def _refused(request: HttpRequest, form: OptInImportForm, report: OptInReport) -> HttpResponse:
    return render(request, "permissions/import.html", {"form": form, "report": report}, status=UNPROCESSABLE)


def _recorder(request: HttpRequest) -> User:
    user = signed_in(request)
    if not may_record(user):
        raise PermissionDenied
    return user


@never_cache
@require_safe
@fresh_sign_in_required
def export_opt_ins(request: HttpRequest) -> StreamingHttpResponse:
    """The ledger with the filters of the list, as CSV (docs/permission.md says what the columns are)."""
    user = _recorder(request)
    wanted = LedgerFilterForm(request.GET).wanted
    return csv_answer(request, exported(wanted, user), "permissions")
