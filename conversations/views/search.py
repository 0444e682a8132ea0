"""`/search/`: people, messages and conversations that fit a text, as a page; the palette shows the same shorter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.models import ConsentState, Contact, Conversation, Message, User
from conversations.models.consent import ConsentDecision
from conversations.models.conversation import ConversationStatus
from conversations.models.stream import Channel
from conversations.services.search import LONGEST_TEXT, Search, SearchTookTooLong, time_limit
from conversations.views.highlight import wanted_words
from conversations.views.requests import number_in, signed_in
from conversations.views.timeline import PAGE as TIMELINE_PAGE

MOST_PEOPLE = 8
MOST_MESSAGES = 25
MOST_CONVERSATIONS = 8
PEOPLE, TAGS, ACTIONS = "@", "#", ">"
_DECISIONS: dict[str, str] = {ConsentDecision.OPTED_IN: "opted in", ConsentDecision.OPTED_OUT: "opted out"}


class Asked(NamedTuple):
    """What somebody typed: a first sign that narrows the search (or none), and the text."""

    sign: str
    text: str

    @classmethod
    def read(cls, typed: str) -> Asked:
        """Part the sign from the text."""
        typed = " ".join(typed.replace("\x00", "").split())[:LONGEST_TEXT]
        sign = typed[:1] if typed[:1] in (PEOPLE, TAGS, ACTIONS) else ""
        return cls(sign, typed.removeprefix(sign).strip())

    def wants(self, *signs: str) -> bool:
        """Is this group asked for?"""
        return not self.sign or self.sign in signs


@dataclass(frozen=True, slots=True)
class PersonFound:
    """Somebody who fits, with the conversation to go on with and what is known of their permission."""

    contact: Contact
    conversation: Conversation | None = None
    consent: str = ""
    notice: str = ""

    @property
    def address(self) -> str:
        """Where a click on the person leads."""
        if self.conversation is not None:
            return reverse("conversation", args=[self.conversation.pk])
        return f"{reverse('compose')}?{urlencode({'to': self.contact.phone})}"


@dataclass(frozen=True, slots=True)
class Found:
    """What was found; `problem` says why nothing was."""

    asked: Asked
    people: list[PersonFound] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    conversations: list[Conversation] = field(default_factory=list)
    more_people: bool = False
    older_than: int = 0
    problem: str = ""

    @property
    def is_empty(self) -> bool:
        """Was nothing found?"""
        return not (self.people or self.messages or self.conversations)


@never_cache
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """The page; `before` goes on with older messages."""
    typed = request.GET.get("q", "")
    before = number_in(request, "before")
    found = look_up(typed, signed_in(request), before)
    context = {"typed": typed[:LONGEST_TEXT], "before": before, "found": found, "words": wanted_words(found.asked.text)}
    return render(request, "search/page.html", context)


def look_up(typed: str, user: User, before: int = 0) -> Found:
    """Search for everything that the sign asks for; with `before` for messages alone."""
    asked = Asked.read(typed)
    if not asked.text:
        return Found(asked)
    wanted = Search(asked.text, user)
    try:
        with time_limit():
            people = wanted.people(MOST_PEOPLE + 1) if asked.wants(PEOPLE) and not before else []
            messages = wanted.messages(MOST_MESSAGES + 1, before=before) if asked.wants() else []
            conversations = []
            if asked.wants(TAGS) and not before:
                conversations = wanted.conversations(MOST_CONVERSATIONS, people=people)
            return Found(
                asked,
                people=with_standing(people[:MOST_PEOPLE], user),
                messages=messages[:MOST_MESSAGES],
                conversations=conversations,
                more_people=len(people) > MOST_PEOPLE,
                older_than=messages[MOST_MESSAGES - 1].pk if len(messages) > MOST_MESSAGES else 0,
            )
    except SearchTookTooLong as error:
        return Found(asked, problem=error.sentence)


def with_standing(contacts: list[Contact], user: User) -> list[PersonFound]:
    """The people with their newest conversation that the user may see, and their permission on its channel."""
    newest = {
        conversation.contact_id: conversation
        for conversation in Conversation.objects.visible_to(user)
        .filter(contact__in=contacts)
        .select_related("stream")
        .order_by("contact_id", "-last_message_at", "-id")
        .distinct("contact_id")
    }
    states = {
        (state.phone, state.channel): state
        for state in ConsentState.objects.everywhere().filter(phone__in=[contact.phone for contact in contacts])
    }
    return [_person(contact, newest.get(contact.pk), states) for contact in contacts]


def _person(
    contact: Contact, conversation: Conversation | None, states: dict[tuple[str, str], ConsentState]
) -> PersonFound:
    if conversation is None:
        return PersonFound(contact, notice="No conversation yet")
    stream = conversation.stream
    state = states.get((contact.phone, stream.channel))
    decision = state.service if state else ""
    consent = f"{stream.get_channel_display()} {_DECISIONS[decision]}" if decision in _DECISIONS else ""
    notice = ""
    if conversation.status == ConversationStatus.RESOLVED:
        notice = "Resolved"
    elif stream.channel == Channel.WHATSAPP and not conversation.window_is_open:
        notice = "Window closed"
    return PersonFound(contact, conversation, consent, notice)


@never_cache
@require_safe
def at_message(request: HttpRequest, pk: int) -> HttpResponse:
    """Lead to a message, in the middle of a page of its conversation."""
    message = get_object_or_404(Message.objects.visible_to(signed_in(request)), pk=pk)
    address = reverse("conversation", args=[message.conversation_id])
    newer = message.conversation.messages.filter(pk__gt=pk).order_by("pk").values_list("pk", flat=True)
    next_ids = list(newer[:TIMELINE_PAGE])
    if len(next_ids) == TIMELINE_PAGE:  # else it is on the newest page
        address += f"?before={next_ids[TIMELINE_PAGE // 2]}"
    return HttpResponseRedirect(f"{address}#message-{pk}")
