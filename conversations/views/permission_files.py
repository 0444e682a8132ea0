"""Decisions from a file and to a file."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from conversations.forms.permissions import LedgerFilterForm, OptInImportForm
from conversations.models import User
from conversations.services.opt_in_import import OptInReport, check_opt_ins, store_opt_ins, summed_up
from conversations.services.opt_in_ledger import exported
from conversations.views.downloads import csv_answer
from conversations.views.file_import import FileImport
from conversations.views.fresh import fresh_sign_in_required
from conversations.views.permissions import may_record
from conversations.views.requests import signed_in

IMPORT = FileImport(
    form=OptInImportForm,
    report=OptInReport,
    check=check_opt_ins,
    store=store_opt_ins,
    what_came_of=lambda report, _: f"Recorded: {summed_up(report)}",
    folder="permissions",
    leads_to="permissions",
    usual={"repair": "yes"},
)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def import_opt_ins(request: HttpRequest) -> HttpResponse:
    """Decisions from a file."""
    return IMPORT.answer(request, _recorder(request))


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
