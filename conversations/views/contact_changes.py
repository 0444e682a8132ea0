"""Making, changing and merging contacts."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from conversations.forms.contacts import ContactForm, MergeForm
from conversations.models import Contact, Conversation, User
from conversations.services.contacts import (
    MergePlan,
    MergeRecord,
    change_contact,
    create_contact,
    merge_contacts,
    plan_merge,
    undo_merge,
)
from conversations.services.search import Search, SearchTookTooLong, time_limit
from conversations.views.contacts import may_manage, visible_contact
from conversations.views.highlight import wanted_words
from conversations.views.requests import UNPROCESSABLE, number_in, signed_in
from conversations.views.search import with_standing

MOST_OTHERS = 10
MERGE = "merge"  # where the session keeps the last merge, so that it can be undone


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_contact(request: HttpRequest) -> HttpResponse:
    """A form for a contact; made, it leads to the contact's page."""
    user = _writer(request)
    if request.method != "POST":
        form = ContactForm(user=user, initial={"phone": request.GET.get("phone", "")[:60]})
        return render(request, "contacts/form.html", {"form": form})
    form, owner = ContactForm(request.POST, user=user), None
    if form.is_valid():
        try:
            made = create_contact(phone=form.cleaned_data["phone"], details=form.details, actor=user)
        except ValidationError as error:
            form.take_refusal(error)
            owner = _owner(error)
        else:
            messages.success(request, f"{made.name} is a contact now.")
            return redirect("contact", made.pk)
    return render(request, "contacts/form.html", {"form": form, "owner": owner}, status=UNPROCESSABLE)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit_contact(request: HttpRequest, pk: int) -> HttpResponse:
    """The same form with what is known."""
    found = visible_contact(request, pk)
    user = _writer(request)
    if request.method != "POST":
        return render(request, "contacts/form.html", {"form": ContactForm(user=user, contact=found), "contact": found})
    form, owner = ContactForm(request.POST, user=user, contact=found), None
    if form.is_valid():
        try:
            change_contact(found, phone=form.cleaned_data["phone"], details=form.details, actor=user)
        except ValidationError as error:
            form.take_refusal(error)
            owner = _owner(error)
        else:
            messages.success(request, f"{found.name} was changed.")
            return redirect("contact", pk)
    context = {"form": form, "contact": visible_contact(request, pk), "owner": owner, "manages": may_manage(user)}
    return render(request, "contacts/form.html", context, status=UNPROCESSABLE)


def _writer(request: HttpRequest) -> User:
    user = signed_in(request)
    if not user.has_perm("conversations.send_messages"):
        raise PermissionDenied
    return user


def _owner(error: ValidationError) -> int | None:
    """The contact that has a refused number, where the user may know."""
    return (getattr(error, "params", None) or {}).get("pk")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def merge_contact(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose the other contact (`q`), then what stays (`with`), then merge."""
    found = visible_contact(request, pk)
    user = signed_in(request)
    if not may_manage(user):
        raise PermissionDenied
    other = Contact.objects.visible_to(user).exclude(pk=pk).filter(pk=number_in(request, "with")).first()
    if other is None:
        return render(request, "contacts/merge_choose.html", _others(request, found, user))
    form = MergeForm(request.POST if request.method == "POST" else None, first=found, second=other)
    if request.method == "POST" and form.is_valid():
        try:
            record = merge_contacts(form.kept, form.given_up, details=form.details, actor=user)
        except ValidationError as error:
            form.take_refusal(error)
        else:
            request.session[MERGE] = record.as_json()
            messages.success(request, f"{form.given_up.phone_display} was merged into {form.kept.phone_display}.")
            return redirect("contact", record.kept)
    kept = form.kept if form.is_bound and "phone" in form.cleaned_data else found
    plan = plan_merge(kept, other if kept is found else found)
    context = {"contact": found, "other": other, "form": form, "plan": plan, **_seen_of(plan, user)}
    return render(request, "contacts/merge.html", context, status=UNPROCESSABLE if form.is_bound else 200)


def _others(request: HttpRequest, found: Contact, user: User) -> dict[str, Any]:
    """People who could be the same: those whom a text finds, at first the contact's own name."""
    typed = request.GET.get("q", found.full_name).replace("\x00", "")[:100]
    context: dict[str, Any] = {"contact": found, "typed": typed, "words": wanted_words(typed)}
    try:
        with time_limit():
            people = [one for one in Search(typed, user).people(MOST_OTHERS + 1) if one.pk != found.pk]
            context["people"] = with_standing(people[:MOST_OTHERS], user)
    except SearchTookTooLong as error:
        context["problem"] = error.sentence
    return context


def _seen_of(plan: MergePlan, user: User) -> dict[str, Any]:
    """The conversations that move, by name where the user sees them."""
    visible = set(
        Conversation.objects.visible_to(user)
        .filter(pk__in=[one.pk for one in plan.conversations])
        .values_list("pk", flat=True)
    )
    return {
        "moving": [one for one in plan.conversations if one.pk in visible],
        "moving_unseen": sum(one.pk not in visible for one in plan.conversations),
        "resolving": {one.pk for one in plan.to_resolve},
    }


@require_POST
def undo_last_merge(request: HttpRequest) -> HttpResponse:
    """Part the contacts that this session merged last."""
    user = signed_in(request)
    kept = request.session.get(MERGE)
    if not may_manage(user) or kept is None:
        raise PermissionDenied
    record = MergeRecord(**kept)
    try:
        back = undo_merge(record, actor=user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return HttpResponseRedirect(reverse("contacts"))
    finally:
        del request.session[MERGE]
    messages.success(request, f"{back.name} is a contact of their own again.")
    return HttpResponseRedirect(f"{reverse('contacts')}?{urlencode({'q': back.phone})}")
