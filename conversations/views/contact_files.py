"""Contacts from a file and to a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from conversations.forms.contacts import ContactFilterForm, ImportForm
from conversations.models import ConsentState, Contact, User
from conversations.models.stream import Channel
from conversations.services.contact_import import Choices, Report, check_file, store_file
from conversations.services.contacts import DETAILS
from conversations.services.csv_files import phone_cells
from conversations.views.contacts import filtered_contacts, may_manage
from conversations.views.downloads import csv_answer
from conversations.views.file_import import FileImport
from conversations.views.fresh import fresh_sign_in_required
from conversations.views.requests import signed_in

AT_ONCE = 2000  # contacts that an export reads at a time


def _what_came_of(report: Report, choices: Choices) -> str:
    words = [f"{report.new:,} new"]
    if choices.update_known:
        words.append(f"{report.would_change:,} changed")
    return f"Contacts imported: {', '.join(words)}."


IMPORT = FileImport(
    form=ImportForm,
    report=Report,
    check=check_file,
    store=store_file,
    what_came_of=_what_came_of,
    folder="contacts",
    leads_to="contacts",
    usual={"known": "update", "repair": "yes"},
)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def import_contacts(request: HttpRequest) -> HttpResponse:
    """Contacts from a file."""
    return IMPORT.answer(request, _manager(request))


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
