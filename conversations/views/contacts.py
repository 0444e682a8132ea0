"""`/contacts/`: the list of contacts, and the page of one with everything that was said on the streams one sees."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, Max, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.forms.contacts import ContactFilterForm
from conversations.models import ConsentState, Contact, Conversation, Message, OptIn, User
from conversations.models.consent import ConsentDecision
from conversations.models.contact import ContactQuerySet
from conversations.models.stream import Channel
from conversations.services.audit import note_look
from conversations.services.identities import SamePerson, same_person
from conversations.services.number_checks import standing_of
from conversations.services.opt_in_ledger import hide_words
from conversations.services.search import Search, SearchTookTooLong, time_limit
from conversations.views.highlight import wanted_words
from conversations.views.panel import consent_lines, crm_link, local_time
from conversations.views.requests import number_in, signed_in

PAGE = 50
MOST_CONVERSATIONS = 100
MESSAGES = 40
MOST_DECISIONS = 30


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One contact of the list: the channels we talk on, what they permit there, and when we last spoke."""

    contact: Contact
    channels: list[str]
    permissions: list[tuple[str, str, str]]  # channel, tone, words
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class ContactPage:
    """A page of the list; `next_cursor` leads on (empty: this is the end)."""

    rows: list[ContactRow] = field(default_factory=list)
    next_cursor: str = ""
    problem: str = ""


@never_cache
@require_safe
def contacts(request: HttpRequest) -> HttpResponse:
    """The list, with its filters in the address."""
    user = signed_in(request)
    form = ContactFilterForm(request.GET)
    wanted = form.wanted
    chosen = {name: value for name, value in wanted.items() if value}
    context = {
        "form": form,
        "filtered": bool(chosen.keys() - {"sort"}),
        "query": urlencode(chosen),
        "words": wanted_words(wanted["q"]),
        "page": read_contacts(wanted, user, cursor=request.GET.get("cursor", "")),
        "manages": may_manage(user),
    }
    return render(request, "contacts/list.html", context)


def may_manage(user: User) -> bool:
    """May this user merge, import and export contacts?"""
    return user.has_perm("conversations.change_contact")


def filtered_contacts(wanted: dict[str, str] | Any, user: User) -> ContactQuerySet:
    """The contacts that a list shows, without an order."""
    found: Any = Contact.objects.visible_to(user)
    if wanted["q"]:
        matching = Search(wanted["q"], user).matching_contacts()
        found = Contact.objects.none() if matching is None else matching
    if wanted["channel"]:
        talks = Conversation.objects.visible_to(user).filter(contact=OuterRef("pk"), stream__channel=wanted["channel"])
        found = found.filter(Exists(talks))
    if wanted["consent"]:
        channel, _, decision = wanted["consent"].partition(":")
        states = ConsentState.objects.everywhere().filter(phone=OuterRef("phone"), channel=channel)
        asked = states.exclude(service="", marketing="")
        found = found.filter(Exists(states.filter(service=decision)) if decision else ~Exists(asked))
    if wanted["language"]:
        code = wanted["language"]
        found = found.filter(Q(language=code) | Q(language__startswith=f"{code}_"))
    return found


def read_contacts(wanted: Any, user: User, *, cursor: str = "", size: int = PAGE) -> ContactPage:
    """A page of the list. A cursor that cannot be read is the beginning."""
    by_name = wanted["sort"] == "name"
    found = filtered_contacts(wanted, user)
    after = _read_cursor(cursor, by_name=by_name)
    if by_name:
        found = found.by_name()
        if after:
            found = found.after(*after)
    else:
        found = found.order_by("-pk")
        if after:
            found = found.filter(pk__lt=after[0])
    try:
        with time_limit():
            contacts = list(found[: size + 1])
            rows = _rows(contacts[:size], user)
    except SearchTookTooLong as error:
        return ContactPage(problem=error.sentence)
    return ContactPage(rows, _cursor(contacts[size - 1], by_name=by_name) if len(contacts) > size else "")


def _cursor(last: Any, *, by_name: bool) -> str:
    return json.dumps([last.name_key, last.first_key, last.pk] if by_name else [last.pk])


def _read_cursor(text: str, *, by_name: bool) -> list[Any]:
    try:
        found = json.loads(text or "null")
    except ValueError:
        return []
    types = [str, str, int] if by_name else [int]
    fits = isinstance(found, list) and [type(one) for one in found] == types
    clean = fits and all(one != "\x00" and "\x00" not in str(one) for one in found) and abs(found[-1]) < 2**63
    return found if clean else []


def _rows(contacts: list[Contact], user: User) -> list[ContactRow]:
    spoken: dict[int, dict[str, datetime]] = {}
    on_channels = (
        Conversation.objects.visible_to(user)
        .filter(contact__in=contacts)
        .order_by()
        .values_list("contact", "stream__channel")
        .annotate(last_at=Max("last_message_at"))
    )
    for pk, channel, last_at in on_channels:
        spoken.setdefault(pk, {})[channel] = last_at
    states: dict[str, list[ConsentState]] = {}
    for state in ConsentState.objects.everywhere().filter(phone__in=[contact.phone for contact in contacts]):
        states.setdefault(state.phone, []).append(state)
    return [
        ContactRow(
            contact,
            sorted(spoken.get(contact.pk, {})),
            _permissions(states.get(contact.phone, [])),
            max(spoken.get(contact.pk, {}).values(), default=None),
        )
        for contact in contacts
    ]


def _permissions(states: Iterable[ConsentState]) -> list[tuple[str, str, str]]:
    found = []
    for state in sorted(states, key=lambda one: one.channel):
        label = str(Channel(state.channel).label)
        if state.service == ConsentDecision.OPTED_OUT:
            found.append((label, "danger", "opted out"))
        elif state.service == ConsentDecision.OPTED_IN:
            found.append((label, "good", "opted in"))
        elif state.marketing == ConsentDecision.OPTED_IN:
            found.append((label, "good", "marketing only"))
        elif state.marketing == ConsentDecision.OPTED_OUT:
            found.append((label, "", "no marketing"))
    return found


def visible_contact(request: HttpRequest, pk: int) -> Contact:
    """The contact; Http404 when there is none or this user cannot see it."""
    return get_object_or_404(Contact.objects.visible_to(signed_in(request)), pk=pk)


@never_cache
@require_safe
def contact(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of a contact: `show=messages` for what was said, else the conversations."""
    found = visible_contact(request, pk)
    user = signed_in(request)
    note_look(user, found, streams=found.conversations.values_list("stream", flat=True), request=request)
    showing = "messages" if request.GET.get("show") == "messages" else "conversations"
    context: dict[str, Any] = {
        "contact": found,
        "showing": showing,
        "consent_lines": consent_lines(found),
        "decisions": _decisions(found, user),
        "local_time": local_time(found),
        "crm_link": crm_link(found, user),
        "number_standing": standing_of(found, user),
        "identities": list(found.identities.select_related("account").defer("account__credentials")),
        "same_person": _same_person(found, user),
        "writes": user.has_perm("conversations.send_messages") and found.erased_at is None,
        "manages": may_manage(user) and found.erased_at is None,
        "exports": user.has_perm("conversations.export_person"),
        "erases": user.has_perm("conversations.erase_person") and found.erased_at is None,
        "can_undo": request.session.get("merge", {}).get("kept") == pk,
    }
    if showing == "messages":
        context |= _messages(found, user, before=number_in(request, "before"))
    else:
        conversations = Conversation.objects.visible_to(user).filter(contact=found).for_list().newest_first()
        context["conversations"] = list(conversations[:MOST_CONVERSATIONS])
    return render(request, "contacts/page.html", context)


def _same_person(found: Contact, user: User) -> list[SamePerson]:
    """Whom a provider takes for the same person, as far as the user sees them."""
    others = same_person(found)
    visible = set(
        Contact.objects.visible_to(user).filter(pk__in=[one.contact.pk for one in others]).values_list("pk", flat=True)
    )
    return [one for one in others if one.contact.pk in visible]


def _messages(found: Contact, user: User, *, before: int) -> dict[str, Any]:
    """What was said on every stream that the user sees, newest first."""
    said = Message.objects.visible_to(user).filter(conversation__contact=found).select_related("stream", "author")
    if before:
        said = said.filter(pk__lt=before)
    rows = list(said.order_by("-pk")[: MESSAGES + 1])
    return {"messages_said": rows[:MESSAGES], "older_than": rows[MESSAGES - 1].pk if len(rows) > MESSAGES else 0}


def _decisions(found: Contact, user: User) -> list[OptIn]:
    """The ledger of permission, newest first, without the words that were said on a stream the user does not see."""
    rows = list(found.opt_ins.select_related("recorded_by", "stream").order_by("-pk")[:MOST_DECISIONS])
    hide_words(rows, user)
    return rows
