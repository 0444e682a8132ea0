"""The page that shows how the engine does: what is wrong, what waits, and who works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from conversations.admin.display import chip, link_to, list_link, pause_words, span
from conversations.admin.mixins import signed_in
from conversations.admin.troubles import BAD, amount, clock, troubles
from conversations.models import DispatcherTick, Message, Receipt, Stream, WebhookEvent
from conversations.models.account import AccountHealth
from conversations.models.message import MessageStatus
from conversations.models.webhook import WebhookEventStatus
from conversations.queue import BULK, DEFAULT, INTERACTIVE
from conversations.services import operations
from conversations.services.operations import Breaker, Figures, StreamFigures

NAMES: dict[str, str | Promise] = {
    INTERACTIVE: _("Agents' messages"),
    BULK: _("Work in bulk"),
    DEFAULT: _("What providers tell us"),
}


@dataclass(frozen=True)
class Tile:
    """One number at the top of the page."""

    words: str
    number: SafeString
    note: str
    tone: str = ""


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Operations, for everybody who may enter: the streams that they may see, dispatchers and queues."""
    site: Any = admin.site
    user = signed_in(request)
    figures = operations.gather(Stream.objects.visible_to(user))
    found = troubles(figures, user)
    context = {
        **site.each_context(request),
        "title": gettext("Operations"),
        "as_of": clock(figures.at),
        "troubles": found,
        "tiles": _tiles(figures),
        "streams": [_stream_row(one) for one in _worst_first(figures)],
        "rounds": [_round_row(one, figures) for one in figures.rounds],
        "queues": [
            {"name": one.name, "words": NAMES[one.name], "jobs": one.jobs, "workers": one.workers}
            for one in figures.queues or ()
        ],
        "broker": figures.queues is not None,
        "calls": _call_rows(figures) if user.sees_everything else (),
    }
    request.current_app = site.name
    return TemplateResponse(request, "admin/operations.html", context)


def how_many_are_wrong(request: HttpRequest) -> int:
    """How many things the page calls wrong, for the first page."""
    user = signed_in(request)
    figures = operations.gather(Stream.objects.visible_to(user))
    return sum(one.tone == BAD for one in troubles(figures, user))


def _tiles(figures: Figures) -> list[Tile]:
    def number_of(status: MessageStatus) -> SafeString:
        return list_link(Message, f"{figures.total(status):,}", status__exact=status.value)

    due, due_since = figures.total("due"), figures.earliest("due_since")
    over, person, asked = (figures.total(name) for name in ("leases_over", "needs_a_person", "looked_up"))
    oldest = figures.earliest("unconfirmed_since")
    return [
        Tile(
            gettext("Queued"),
            number_of(MessageStatus.QUEUED),
            gettext("{due} due, the oldest for {span}").format(due=f"{due:,}", span=span(figures.at - due_since))
            if due_since
            else gettext("none due now"),
            "bad" if any(one.is_late for one in figures.streams) else "",
        ),
        Tile(
            gettext("Sending"),
            number_of(MessageStatus.SENDING),
            ngettext("%d whose worker is lost", "%d whose workers are lost", over) % over
            if over
            else gettext("every worker in time"),
            "warn" if over else "",
        ),
        Tile(gettext("Scheduled"), number_of(MessageStatus.SCHEDULED), gettext("their time is still to come")),
        Tile(gettext("Held"), number_of(MessageStatus.HELD), gettext("to be undone, or until WhatsApp's window opens")),
        Tile(
            gettext("Not confirmed"),
            number_of(MessageStatus.UNCONFIRMED),
            gettext("{person} for a person, {asked} asked about, the oldest for {span}").format(
                person=person, asked=asked, span=span(figures.at - oldest)
            )
            if oldest
            else gettext("none in doubt"),
            "warn" if person else "",
        ),
    ]


def _worst_first(figures: Figures) -> list[StreamFigures]:
    """Streams with something to say come before those that just send."""

    def rank(one: StreamFigures) -> tuple[bool, bool, bool, bool]:
        tones = {tone for _word, tone, _why in _hindrances(one)}
        return one.is_switched_off, BAD not in tones and not one.is_late, not tones, not one.unconfirmed

    return sorted(figures.streams, key=rank)


def _hindrances(one: StreamFigures) -> list[tuple[str, str, str]]:
    """Everything that keeps messages of a stream back: word, colour, and why where somebody said so."""
    found: list[tuple[str, str, str]] = []
    if one.needs_credentials:
        found.append((gettext("Credentials refused"), "bad", ""))
    elif one.stream.account.health == AccountHealth.UNREACHABLE:
        found.append((gettext("Account does not answer"), "bad", ""))
    if one.breaker == Breaker.OPEN and one.gate.open_until is not None:
        found.append((gettext("Breaker open until %s") % clock(one.gate.open_until), "bad", ""))
    elif one.breaker == Breaker.HALF_OPEN:
        found.append((gettext("Next request is a probe"), "warn", ""))
    if one.asked_to_wait_until is not None:
        found.append((gettext("Provider waits until %s") % clock(one.asked_to_wait_until), "warn", ""))
    if one.paused_until is not None:
        found.append((pause_words(one.stream), "warn", one.stream.pause_reason))
    return found


def _stream_row(one: StreamFigures) -> dict[str, Any]:
    hindrances = _hindrances(one) or [(gettext("Sending"), "good", "")]
    if one.is_switched_off:
        hindrances = [(gettext("Switched off"), "", "")]

    def number_of(status: MessageStatus) -> SafeString | int:
        number = one.messages.get(status, 0)
        return list_link(Message, f"{number:,}", status__exact=status.value, stream=one.stream.name) if number else 0

    return {
        "name": link_to(one.stream),
        "about": f"{one.stream.get_channel_display()} · {one.stream.account}",
        "state": format_html_join("", "<div>{} {}</div>", [(chip(w, tone), why) for w, tone, why in hindrances]),
        "due": one.due,
        "due_for": span(one.at - one.due_since) if one.due_since else "",
        "is_late": one.is_late,
        "queued": number_of(MessageStatus.QUEUED),
        "sending": number_of(MessageStatus.SENDING),
        "unconfirmed": number_of(MessageStatus.UNCONFIRMED),
        "for_a_person": one.needs_a_person,
        "rate": gettext("%s a second") % f"{one.gate.rate:g}",
        "free": gettext("{free} of {burst} free").format(free=int(one.tokens), burst=one.gate.burst),
    }


def _round_row(one: DispatcherTick, figures: Figures) -> dict[str, Any]:
    is_fresh = operations.is_fresh(one.ticked_at, figures.at)
    if not is_fresh:
        state = chip(gettext("Not seen"), "bad" if not figures.is_led else "warn")
    elif one.leads:
        state = chip(gettext("Leads"), "good")
    else:
        state = chip(gettext("Stands by"), "info")
    kept = [chip(gettext("No room"), "bad")] if not one.spool_has_room else []
    if one.spool_set_aside:
        kept.append(chip(gettext("%d set aside") % one.spool_set_aside, "bad"))
    if one.spool_files:
        kept.append(chip(gettext("%d kept") % one.spool_files, "warn"))
    return {
        "host": one.host,
        "state": state,
        "seen": gettext("%s ago") % span(figures.at - one.ticked_at),
        "kept": format_html_join(" ", "{}", [(word,) for word in kept]) if kept else gettext("none"),
    }


def _call_rows(figures: Figures) -> list[dict[str, Any]]:
    calls = figures.calls
    waiting = list_link(WebhookEvent, f"{calls.waiting:,}", status__exact=WebhookEventStatus.RECEIVED.value)
    failed = list_link(WebhookEvent, amount(calls.failed), status__exact=WebhookEventStatus.FAILED.value)
    return [
        {
            "words": gettext("Calls that wait to be read"),
            "number": waiting,
            "note": gettext("the oldest for %s") % span(figures.at - calls.waiting_since)
            if calls.waiting_since
            else "",
            "tone": "bad" if figures.calls_are_late else "",
        },
        {
            "words": gettext("Calls that could not be read"),
            "number": failed,
            "note": gettext("replay them when the cause is mended") if calls.failed else "",
            "tone": "warn" if calls.failed else "",
        },
        {
            "words": gettext("Reports never matched"),
            "number": list_link(Receipt, amount(calls.never_matched), match="never"),
            "note": gettext("about no message of ours") if calls.never_matched else "",
            "tone": "",
        },
    ]
