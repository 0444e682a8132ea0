"""People from a file in three steps: choose it, see what it holds, store it. Contacts and permissions come so.

Nothing is kept between the steps but in the page itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from conversations.forms.contacts import ImportForm
from conversations.forms.permissions import OptInImportForm
from conversations.models import User
from conversations.services.csv_files import CsvProblem, Table, open_table
from conversations.services.csv_report import SheetReport
from conversations.views.requests import UNPROCESSABLE


@dataclass(frozen=True)
class FileImport:
    """What is imported: its form, its services, its two pages in `folder` and the page it leads to."""

    form: type[ImportForm | OptInImportForm]
    report: type[SheetReport]
    check: Callable[[Table, Any, User], Any]
    store: Callable[[Table, Any, User], Any]
    what_came_of: Callable[[Any, Any], str]
    folder: str
    leads_to: str
    usual: Mapping[str, str]  # answers to what is asked only when it is known that it matters

    def answer(self, request: HttpRequest, user: User) -> HttpResponse:
        """One of the steps."""
        if request.method != "POST":
            return render(request, f"{self.folder}/import.html", {"form": self.form(user=user)})
        given = request.POST.copy()
        for name, usual in self.usual.items():
            given.setdefault(name, usual)
        form = self.form(given, request.FILES, user=user)
        if not form.is_valid():
            return render(request, f"{self.folder}/import.html", {"form": form}, status=UNPROCESSABLE)
        try:
            table = open_table(form.source())
        except CsvProblem as problem:
            return self._refused(request, form, self.report(problem=problem.sentence, code=problem.code))
        if "store" in request.POST:
            try:
                report = self.store(table, form.decisions, user)
            except ValidationError as error:
                return self._refused(request, form, self.report(problem=" ".join(error.messages)))
            messages.success(request, self.what_came_of(report, form.decisions))
            return HttpResponseRedirect(reverse(self.leads_to))
        report = self.check(table, form.decisions, user)
        if not report.can_be_stored:
            return self._refused(request, form, report)
        context = {"form": form, "report": report, "content": table.whole_text()}
        return render(request, f"{self.folder}/import_check.html", context)

    def _refused(self, request: HttpRequest, form: ImportForm | OptInImportForm, report: SheetReport) -> HttpResponse:
        context = {"form": form, "report": report}
        return render(request, f"{self.folder}/import.html", context, status=UNPROCESSABLE)
