"""The command palette: what fits the text so far, and what can be done, as one list of options.

Actions that are a control of the page name it by a selector; palette.js leaves out those whose control is not
there. Everything else is a link, so it opens in a new tab too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.models import Stream, User, WhatsAppTemplate
from conversations.models.stream import Channel
from conversations.services.search import Search, SearchTookTooLong, time_limit
from conversations.views.contacts import may_manage
from conversations.views.highlight import fold, wanted_words
from conversations.views.requests import signed_in
from conversations.views.search import ACTIONS, PEOPLE, TAGS, Asked, PersonFound, with_standing

MOST_PEOPLE = 4
MOST_MESSAGES = 4
MOST_CONVERSATIONS = 6
MOST_ACTIONS = 6
MOST_TEMPLATES = 2
SHORTEST_TEMPLATE_WORD = 3


@dataclass(frozen=True, slots=True)
class Option:
    """One line: a link (`address`), or a control of the page (`press`, a selector) and what gets the focus then."""

    words: str
    icon: str
    address: str = ""
    press: str = ""
    focus: str = ""
    keys: tuple[str, ...] = ()
    also: str = ""  # other words to find it by
    detail: str = ""


class ForPerson(NamedTuple):
    """What can be done with one of the people found."""

    person: PersonFound
    options: list[Option]


_TEXT = "#composer .composer-text"


def _key(letter: str) -> str:
    """The control of the open conversation that has this key."""
    return f'#thread-header [data-key="{letter}"]'


# Controls of the page, in the order in which they are offered.
_ON_THIS_PAGE = (
    Option("Resolve or reopen", "circle-check", press=_key("e"), keys=("E",), also="done close this conversation"),
    Option("Write a reply", "reply", press="#mode-reply", focus=_TEXT, keys=("R",), also="answer"),
    Option("Add a remark", "sticky-note", press="#mode-remark", focus=_TEXT, keys=("N",), also="note team"),
    Option("Send a WhatsApp template", "layout-template", press='[data-key="t"]', keys=("T",)),
    Option("Assign", "user-check", press=_key("a"), keys=("A",), also="give colleague team"),
    Option("Assign to me", "user-plus", press=_key("A"), keys=("⇧", "A"), also="take claim"),
    Option("Snooze", "moon", press=_key("h"), keys=("H",), also="later hide"),
    Option("Tags", "tag", press=_key("l"), keys=("L",), also="label"),
    Option("Mark as unread", "mail", press=_key("u"), keys=("U",)),
    Option("Show contact details", "panel-right", press=_key("i"), keys=("I",), also="panel"),
)
_THEMES = (("As the device", "monitor", ""), ("Light", "sun", "light"), ("Dark", "moon", "dark"))


@never_cache
@require_safe
def palette(request: HttpRequest) -> HttpResponse:
    """The options for `q`; palette.js shows them in the dialog."""
    user = signed_in(request)
    asked = Asked.read(request.GET.get("q", ""))
    context: dict[str, Any] = {"asked": asked, "words": wanted_words(asked.text), "actions": _actions(asked, user)}
    if asked.text and asked.sign != ACTIONS:
        try:
            with time_limit():
                context |= _found(asked, user)
        except SearchTookTooLong as error:
            context["problem"] = error.sentence
    if asked.wants():
        context["places"] = _fitting(_places(user), asked.text)[:MOST_ACTIONS]
    return render(request, "search/_palette.html", context)


def _found(asked: Asked, user: User) -> dict[str, Any]:
    search = Search(asked.text, user)
    people: list[PersonFound] = []
    rest = ""
    if asked.wants(PEOPLE):
        people, rest = _people(search)
    found: dict[str, Any] = {"people": people, "for_people": _for_people(people, rest, user)}
    if asked.wants():
        found["messages"] = search.messages(MOST_MESSAGES)
    if asked.wants(TAGS) and asked.sign:
        found["conversations"] = search.conversations(MOST_CONVERSATIONS)
    return found


def _people(search: Search) -> tuple[list[PersonFound], str]:
    """Who fits the text, or else all but its last word; and that word, which then says what to do."""
    if contacts := search.people(MOST_PEOPLE):
        return with_standing(contacts, search.user), ""
    shorter, _, last = search.text.rpartition(" ")
    if not shorter:
        return [], ""
    return with_standing(replace(search, typed=shorter).people(MOST_PEOPLE), search.user), last


def _for_people(people: list[PersonFound], rest: str, user: User) -> list[ForPerson]:
    if not people:
        return []
    sendable = list(Stream.objects.sendable_by(user).working().filter(channel=Channel.WHATSAPP))
    writes = user.has_perm("conversations.send_messages")
    templates = _templates(rest, sendable)
    return [ForPerson(person, _for_person(person, sendable, templates, writes=writes)) for person in people]


def _for_person(
    person: PersonFound, sendable: list[Stream], templates: list[WhatsAppTemplate], *, writes: bool
) -> list[Option]:
    contact, conversation = person.contact, person.conversation
    options = []
    if sendable:
        stream = next((one for one in sendable if conversation and one.pk == conversation.stream_id), None)
        if conversation is not None and stream is not None:
            address = f"{reverse('conversation-template', args=[conversation.pk])}?"
        else:
            stream = sendable[0]
            address = f"{reverse('new-template')}?{urlencode({'to': contact.phone, 'stream': stream.pk})}&"
        for template in (one for one in templates if one.stream_id == stream.pk):
            words = f"Send template {template.name}"
            options.append(Option(words, "layout-template", f"{address}template={template.pk}"))
        if not options:
            options.append(Option("Send a template", "layout-template", address[:-1], keys=("T",)))
    if writes:
        address = f"{reverse('compose')}?{urlencode({'to': contact.phone})}"
        options.append(Option(f"Text {contact.phone_display}", "message-square-text", address, keys=("C",)))
    if conversation is not None:
        address = f"{reverse('conversation', args=[conversation.pk])}#write-remark"
        options.append(Option("Add a remark", "sticky-note", address, keys=("N",)))
    options.append(Option("Open the contact", "user", reverse("contact", args=[contact.pk])))
    return options


def _templates(rest: str, streams: list[Stream]) -> list[WhatsAppTemplate]:
    """Approved templates whose name holds the last word of what was typed, one language each."""
    if len(rest) < SHORTEST_TEMPLATE_WORD or not streams:
        return []
    found = WhatsAppTemplate.objects.sendable().filter(stream__in=streams, name__icontains=rest)
    return list(
        found.order_by("stream_id", "name", "pk").distinct("stream_id", "name")[: MOST_TEMPLATES * len(streams)]
    )


def _actions(asked: Asked, user: User) -> list[Option]:
    if not asked.wants(ACTIONS):
        return []
    found = _fitting((*_ON_THIS_PAGE, *_everywhere(user)), asked.text)
    return found if asked.sign or not asked.text else found[:MOST_ACTIONS]


def _everywhere(user: User) -> list[Option]:
    options = []
    if user.has_perm("conversations.send_messages"):
        options.append(Option("New message", "plus", reverse("compose"), keys=("C",), also="text write send"))
        options.append(Option("New contact", "user-plus", reverse("new-contact"), also="add person"))
    if may_manage(user):
        options.append(Option("Import contacts", "upload", reverse("import-contacts"), also="csv file upload"))
        options.append(Option("Export contacts", "download", reverse("export-contacts"), also="csv file download"))
    options += [
        Option(f"Theme: {label.lower()}", icon, press=f'.menu-panel [name="theme"][value="{value}"]', also="colours")
        for label, icon, value in _THEMES
    ]
    options += [
        Option("Keyboard shortcuts", "keyboard", press="[data-opens=key-help]", keys=("?",), also="keys help"),
        Option("Change password", "key-round", reverse("password")),
        Option("Sign out", "log-out", press="[data-signs-out] button", also="leave log out"),
    ]
    return options


def _places(user: User) -> list[Option]:
    inbox = reverse("inbox")
    options = [
        Option("Inbox", "inbox", inbox, keys=("G", "I"), also="mine"),
        Option("Unassigned", "inbox", f"{inbox}?view=unassigned", also="queue nobody"),
        Option("All open", "layers", f"{inbox}?view=all", also="everything"),
        Option("Waiting", "hourglass", f"{inbox}?view=all&status=waiting"),
        Option("Resolved", "circle-check", f"{inbox}?view=all&status=resolved", also="done closed"),
        Option("Failed sends", "circle-alert", f"{inbox}?view=failed", also="errors"),
        Option("Scheduled", "calendar-clock", f"{inbox}?view=scheduled", also="later"),
        Option("Contacts", "users", reverse("contacts"), keys=("G", "P"), also="people customers"),
        Option("Permissions", "shield-check", reverse("permissions"), also="opt-in opt-out consent ledger proof"),
        Option("Templates", "layout-template", reverse("templates"), keys=("G", "T"), also="whatsapp"),
        Option("Notifications", "bell", reverse("notifications"), also="news bell told"),
        Option("Account", "user", reverse("account"), also="settings preferences"),
    ]
    if user.has_perm("conversations.send_in_bulk"):
        options.append(Option("Campaigns", "megaphone", reverse("campaigns"), also="bulk many broadcast"))
    if user.is_staff:
        options.append(Option("Administration", "settings", reverse("admin:index"), also="admin settings"))
    options += [
        Option(stream.name, "message-square", f"{inbox}?view=all&stream={stream.pk}", detail="Stream", also="stream")
        for stream in Stream.objects.visible_to(user).only("pk", "name")
    ]
    return options


def _fitting(options: tuple[Option, ...] | list[Option], text: str) -> list[Option]:
    """Those of which every word of the text begins a word."""
    wanted = fold(text).split()
    return [
        option
        for option in options
        if all(any(word.startswith(one) for word in fold(f"{option.words} {option.also}").split()) for one in wanted)
    ]
