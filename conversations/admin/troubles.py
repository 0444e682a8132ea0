"""What is wrong with the engine now, as sentences that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from conversations import queue
from conversations.admin.display import link, list_link, span
from conversations.admin.mixins import MANAGE
from conversations.models import Message, Receipt, User, WebhookEvent
from conversations.models.message import MessageStatus
from conversations.models.webhook import WebhookEventStatus
from conversations.services import operations
from conversations.services.operations import Breaker, Figures, QueueFigures, StreamFigures

BAD, WARN, INFO = "bad", "warn", "info"
WORDS: dict[str, str | Promise] = {BAD: _("Wrong"), WARN: _("Look at"), INFO: _("Known")}
START = {name: " ".join(("manage.py", *queue.worker_command(name))) for name in queue.QUEUES}


@dataclass(frozen=True)
class Trouble:
    """One sentence, how bad it is (BAD, WARN or INFO), and the way to the rows, if there is one."""

    tone: str
    sentence: str
    link: SafeString | str = ""

    @property
    def word(self) -> str | Promise:
        """How bad it is, in words."""
        return WORDS[self.tone]


def troubles(figures: Figures, user: User) -> list[Trouble]:
    """Everything that somebody ought to know, the worst first."""
    found = [*_dispatchers(figures, user), *_spools(figures), *_broker(figures), *_accounts(figures, user)]
    found += [trouble for one in figures.streams for trouble in _stream(one)]
    found += _unconfirmed(figures)
    if user.sees_everything:  # a call does not say which stream it is about
        found += _calls(figures)
    return sorted(found, key=lambda trouble: list(WORDS).index(trouble.tone))


def clock(at: datetime) -> str:
    """A moment of today, to the second."""
    return date_format(timezone.localtime(at), "H:i:s")


def amount(number: int) -> str:
    """A count that stops at COUNTED."""
    return gettext("%s or more") % f"{number:,}" if number >= operations.COUNTED else f"{number:,}"


def _code(command: str) -> SafeString:
    return format_html("<code>{}</code>", command)


def _dispatchers(figures: Figures, user: User) -> Iterator[Trouble]:
    start = _code("manage.py dispatcher")
    fresh = [one.host for one in figures.rounds if operations.is_fresh(one.ticked_at, figures.at)]
    if not figures.rounds:
        text = gettext(
            "No dispatcher has come round yet. Start {}: it releases what is scheduled and finds what was lost."
        )
        yield Trouble(BAD, format_html(text, start))
    elif not fresh:
        newest = max(one.ticked_at for one in figures.rounds)
        text = gettext("No dispatcher has come round for {}. Start {}.")
        yield Trouble(BAD, format_html(text, span(figures.at - newest), start))
    elif not figures.is_led:
        text = gettext("Dispatchers come round on {}, and none of them leads. Restart them.")
        yield Trouble(BAD, format_html(text, ", ".join(fresh)))
    for one in figures.rounds if fresh else ():
        if one.host not in fresh:
            text = gettext(
                "The dispatcher of {} has not come round for {}. Start it, or forget the host if it is gone."
            )
            forget: SafeString | str = ""
            if user.has_perm(MANAGE):
                address = reverse("admin:conversations_dispatchertick_delete", args=[quote(one.host)])
                forget = link(address, gettext("Forget this host"))
            yield Trouble(WARN, format_html(text, one.host, span(figures.at - one.ticked_at)), forget)


def _spools(figures: Figures) -> Iterator[Trouble]:
    place = _code("SPOOL_DIR")
    for one in figures.rounds:
        if not one.spool_has_room:
            text = gettext("{} has no room to keep an answer, so its workers send nothing. Free space where {} lies.")
            yield Trouble(BAD, format_html(text, one.host, place))
        if one.spool_set_aside:
            text = ngettext(
                "{} kept answer on {} could not be stored. Look at the file that ends in {} in {} there.",
                "{} kept answers on {} could not be stored. Look at the files that end in {} in {} there.",
                one.spool_set_aside,
            )
            yield Trouble(BAD, format_html(text, one.spool_set_aside, one.host, _code(".unreadable"), place))
        if one.spool_files:
            text = ngettext(
                "{} answer is kept on the disk of {}, because the database was away. Its dispatcher stores it.",
                "{} answers are kept on the disk of {}, because the database was away. Its dispatcher stores them.",
                one.spool_files,
            )
            yield Trouble(WARN, format_html(text, one.spool_files, one.host))


def _broker(figures: Figures) -> Iterator[Trouble]:
    if figures.queues is None:
        text = gettext(
            "Valkey does not answer. The dispatcher sends by itself, a few messages at a time. Start Valkey."
        )
        yield Trouble(BAD, text)
    for one in figures.queues or ():
        if one.workers == 0 and (one.jobs or one.name != queue.BULK):  # there is not always work in bulk
            yield _without_workers(one)
        elif one.name == queue.INTERACTIVE and one.workers < settings.INTERACTIVE_WORKERS:
            text = ngettext(
                "{} of {} workers for agents' messages is known. One slow provider may hold up the others.",
                "{} of {} workers for agents' messages are known. One slow provider may hold up the others.",
                one.workers,
            )
            yield Trouble(WARN, format_html(text, one.workers, settings.INTERACTIVE_WORKERS))


def _without_workers(one: QueueFigures) -> Trouble:
    start = _code(START[one.name])
    if not one.jobs:
        return Trouble(WARN, format_html(gettext("No worker is known to listen to {}. Start {}."), one.name, start))
    text = ngettext(
        "{} job waits in {} and no worker is known to listen. Start {}.",
        "{} jobs wait in {} and no worker is known to listen. Start {}.",
        one.jobs,
    )
    return Trouble(BAD, format_html(text, one.jobs, one.name, start))


def _accounts(figures: Figures, user: User) -> Iterator[Trouble]:
    refused = [one for one in figures.streams if one.needs_credentials]
    for account in {one.stream.account_id: one.stream.account for one in refused}.values():
        waiting = sum(
            one.messages.get(MessageStatus.QUEUED, 0) for one in refused if one.stream.account_id == account.pk
        )
        text = ngettext(
            "The provider refused the credentials of {}; {} message waits. Enter the right ones and test them.",
            "The provider refused the credentials of {}; {} messages wait. Enter the right ones and test them.",
            waiting,
        )
        way: SafeString | str = ""
        if user.has_perm(MANAGE):
            address = reverse("admin:conversations_provideraccount_change", args=[account.pk])
            way = link(address, gettext("Open the account"))
        yield Trouble(BAD, format_html(text, str(account), waiting), way)


def _stream(one: StreamFigures) -> Iterator[Trouble]:
    queued = list_link(
        Message,
        gettext("See what is queued"),
        status__exact=MessageStatus.QUEUED.value,
        stream=one.stream.name,
    )
    if one.breaker == Breaker.OPEN and one.gate.open_until is not None:
        text = gettext("{} waits until {}, after {} faults in a row. Then one request tries.")
        yield Trouble(BAD, format_html(text, one.stream.name, clock(one.gate.open_until), one.gate.faults))
    if one.is_late and one.due_since is not None:
        text = gettext("The oldest message of {} has been due for {}.")
        yield Trouble(BAD, format_html(text, one.stream.name, span(one.at - one.due_since)), queued)
    waiting = one.messages.get(MessageStatus.QUEUED, 0)
    if one.asked_to_wait_until is not None and waiting:
        text = ngettext(
            "The provider of {} asks us to wait until {}; {} message does.",
            "The provider of {} asks us to wait until {}; {} messages do.",
            waiting,
        )
        yield Trouble(WARN, format_html(text, one.stream.name, clock(one.asked_to_wait_until), waiting), queued)


def _unconfirmed(figures: Figures) -> Iterator[Trouble]:
    rows = list_link(Message, gettext("See them"), status__exact=MessageStatus.UNCONFIRMED.value)
    if number := figures.total("needs_a_person"):
        text = ngettext(
            "{} message is not confirmed and needs a person to decide.",
            "{} messages are not confirmed and need a person to decide.",
            number,
        )
        yield Trouble(WARN, format_html(text, number), rows)
    if number := figures.total("looked_up"):
        text = ngettext(
            "{} message is not confirmed; its provider will be asked about it.",
            "{} messages are not confirmed; their providers will be asked about them.",
            number,
        )
        yield Trouble(INFO, format_html(text, number), rows)


def _calls(figures: Figures) -> Iterator[Trouble]:
    calls = figures.calls
    if figures.calls_are_late and calls.waiting_since is not None:
        text = gettext("A provider's call has waited for {} to be read. Start {}.")
        yield Trouble(BAD, format_html(text, span(figures.at - calls.waiting_since), _code(START[queue.DEFAULT])))
    if calls.failed:
        text = ngettext(
            "{} call of a provider could not be read. Mend the cause that it names, then replay it.",
            "{} calls of providers could not be read. Mend the causes that they name, then replay them.",
            calls.failed,
        )
        rows = list_link(WebhookEvent, gettext("See them"), status__exact=WebhookEventStatus.FAILED.value)
        yield Trouble(WARN, format_html(text, amount(calls.failed)), rows)
    if calls.never_matched:
        text = ngettext(
            "{} report is about no message of ours. Does something else send through the same account?",
            "{} reports are about no message of ours. Does something else send through the same account?",
            calls.never_matched,
        )
        rows = list_link(Receipt, gettext("See them"), match="never")
        yield Trouble(INFO, format_html(text, amount(calls.never_matched)), rows)
