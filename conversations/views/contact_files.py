"""Contacts from a file and to a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from conversations.forms.contacts import ContactFilterForm, ImportForm
from conversations.models import ConsentState, Contact, User
from conversations.models.stream import Channel
from conversations.services.contact_import import Report, check_file, store_file
from conversations.services.contacts import DETAILS
from conversations.services.csv_files import CsvProblem, open_table, phone_cells
from conversations.views.contacts import filtered_contacts, may_manage
from conversations.views.downloads import csv_answer
from conversations.views.fresh import fresh_sign_in_required
from conversations.views.requests import UNPROCESSABLE, signed_in

AT_ONCE = 2000  # contacts that an export reads at a time


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def import_contacts(request: HttpRequest) -> HttpResponse:
    """Choose a file; see what it holds; store it. Nothing is kept between the steps but in the page itself."""
    user = _manager(request)
    if request.method != "POST":
        return render(request, "contacts/import.html", {"form": ImportForm(user=user)})
    given = request.POST.copy()
    for name, usual in (("known", "update"), ("repair", "yes")):  # asked when it is known that they matter
        given.setdefault(name, usual)
    form = ImportForm(given, request.FILES, user=user)
    if not form.is_valid():
        return render(request, "contacts/import.html", {"form": form}, status=UNPROCESSABLE)
    try:
        table = open_table(form.source())
    except CsvProblem as problem:
        return _refused(request, form, Report(problem=problem.sentence, code=problem.code))
    if "store" in request.POST:
        try:
            report = store_file(table, form.decisions, user)
        except ValidationError as error:
            return _refused(request, form, Report(problem=" ".join(error.messages)))
        messages.success(request, _what_came_of(report, form))
        return HttpResponseRedirect(reverse("contacts"))
    report = check_file(table, form.decisions, user)
    if not report.can_be_stored:
        return _refused(request, form, report)
    return render(
        request, "contacts/import_check.html", {"form": form, "report": report, "content": table.whole_text()}
    )


def _refused(request: HttpRequest, form: ImportForm, report: Report) -> HttpResponse:
    return render(request, "contacts/import.html", {"form": form, "report": report}, status=UNPROCESSABLE)


def _what_came_of(report: Report, form: ImportForm) -> str:
    words = [f"{report.new:,} new"]
    if form.decisions.update_known:
        words.append(f"{report.would_change:,} changed")
    return f"Contacts imported: {', '.join(words)}."


def _manager(request: HttpRequest) -> User:
    user = signed_in(request)
    if not may_manage(user):
        raise PermissionDenied
    return user


@never_cache
@require_safe
@fresh_sign_in_required
def export_contacts(request: HttpRequest) -> StreamingHttpResponse:
    """The contacts of the list, with its filters, as CSV (docs/operations.md says what the columns are)."""
    user = _manager(request)
    wanted = ContactFilterForm(request.GET).wanted
    return csv_answer(request, _exported(wanted, user), "contacts")


def _exported(wanted: Any, user: User) -> Iterator[list[object]]:
    yield [
        *("phone", "phone_text", "first name", "last name", "email", "language", "time zone", "record"),
        *(f"{channel} permission" for channel in Channel.values),
    ]
    after = 0
    while part := list(filtered_contacts(wanted, user).filter(pk__gt=after).order_by("pk")[:AT_ONCE]):
        after = part[-1].pk
        yield from _cells(part)


def _cells(part: list[Contact]) -> Iterator[list[object]]:
    states = {
        (state.phone, state.channel): state.get_service_display()
        for state in ConsentState.objects.everywhere().filter(phone__in=[contact.phone for contact in part])
    }
    for contact in part:
        yield [
            *phone_cells(contact.phone, contact.phone_display),
            *(getattr(contact, name) for name in DETAILS),
            *(states.get((contact.phone, channel), "Never asked") for channel in Channel.values),
        ]
