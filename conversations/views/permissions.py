"""The ledger of permissions: the list with its filters, one decision with its proof, and recording another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from conversations.forms.consent import ConsentForm
from conversations.forms.permissions import LedgerFilterForm
from conversations.models import OptIn, User
from conversations.services.opt_in_ledger import filtered_entries, hide_words
from conversations.services.search import SearchTookTooLong, time_limit
from conversations.views.contacts import visible_contact
from conversations.views.requests import UNPROCESSABLE, number_in, signed_in
from messaging.phone import format_for_people

PAGE = 50


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """A page of the ledger; `older_than` leads on (0: this is the end)."""

    rows: list[OptIn] = field(default_factory=list)
    older_than: int = 0
    problem: str = ""


def may_record(user: User) -> bool:
    """May this user import and export decisions, and so see the whole ledger of their contacts?"""
    return user.has_perm("conversations.add_optin")


@never_cache
@require_safe
def ledger(request: HttpRequest) -> HttpResponse:
    """Every decision about the contacts that this user sees, newest first."""
    user = signed_in(request)
    form = LedgerFilterForm(request.GET)
    wanted = form.wanted
    chosen = {name: value for name, value in wanted.items() if value}
    context = {
        "form": form,
        "filtered": bool(chosen),
        "query": urlencode(chosen),
        "page": read_ledger(wanted, user, before=number_in(request, "before")),
        "manages": may_record(user),
        "without_proof": wanted["proof"] == "missing",
    }
    return render(request, "permissions/ledger.html", context)


def read_ledger(wanted: Mapping[str, str], user: User, *, before: int = 0, size: int = PAGE) -> LedgerPage:
    """A page of the ledger below an entry; the words of streams that the user does not see are left out."""
    found = filtered_entries(wanted, user).select_related("contact", "stream", "recorded_by", "evidence_file")
    found = found.defer("evidence_file__content")
    if before:
        found = found.filter(pk__lt=before)
    try:
        with time_limit():
            rows = list(found.order_by("-pk")[: size + 1])
    except SearchTookTooLong as error:
        return LedgerPage(problem=error.sentence)
    shown = rows[:size]
    hide_words(shown, user)
    return LedgerPage(shown, shown[-1].pk if len(rows) > size else 0)


@never_cache
@require_safe
def decision(request: HttpRequest, pk: int) -> HttpResponse:
    """One decision, with all that is known of it and its proof."""
    entry = _visible_entry(request, pk)
    user = signed_in(request)
    lacks_proof = entry.gives_permission and not entry.has_proof
    is_hidden = bool(hide_words([entry], user))
    context = {
        "entry": entry,
        "number": format_for_people(entry.phone),
        "hidden": is_hidden,
        "in_force": OptIn.objects.in_force().filter(pk=entry.pk).exists(),
        "lacks_proof": lacks_proof,
        "writes": user.has_perm("conversations.send_messages"),
    }
    return render(request, "permissions/decision.html", context)


@never_cache
@require_safe
def proof_file(request: HttpRequest, pk: int) -> HttpResponse:
    """The file that proves a decision: to be kept, never shown as a page of ours."""
    entry = _visible_entry(request, pk)
    hide_words([entry], signed_in(request))
    if entry.evidence_file is None:
        raise Http404("This decision has no file.")
    proof = entry.evidence_file
    response = HttpResponse(bytes(proof.content), content_type=proof.content_type)
    response["Content-Disposition"] = f'attachment; filename="proof-{entry.pk}.{proof.name.rpartition(".")[2]}"'
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def _visible_entry(request: HttpRequest, pk: int) -> OptIn:
    found = OptIn.objects.visible_to(signed_in(request)).select_related(
        "contact", "stream", "recorded_by", "evidence_file"
    )
    return get_object_or_404(found, pk=pk)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def record_permission(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a decision of a contact into the ledger, from the contact's own page."""
    user = signed_in(request)
    if not user.has_perm("conversations.send_messages"):
        raise PermissionDenied
    contact = visible_contact(request, pk)
    if request.method != "POST":
        form = ConsentForm(contact=contact, user=user, initial=_initial(request))
        return render(request, "permissions/record.html", {"contact": contact, "consent_form": form})
    form = ConsentForm(request.POST, request.FILES, contact=contact, user=user)
    if form.is_valid() and form.record() is not None:
        messages.success(request, "The decision is recorded.")
        return redirect("contact", pk)
    context = {"contact": contact, "consent_form": form}
    return render(request, "permissions/record.html", context, status=UNPROCESSABLE)


def _initial(request: HttpRequest) -> dict[str, str]:
    """What a link to the form says already, such as the decision whose proof is missing."""
    names = ("event", "channel", "purpose", "wording", "business_name", "scope")
    return {name: request.GET[name][:2000] for name in names if name in request.GET}
