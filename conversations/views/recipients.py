"""Who a new message goes to, and from which stream: what was typed, read as a number or a name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone

from conversations.models import Contact, Conversation, Stream, User
from conversations.models.message import Kind, Purpose
from conversations.models.stream import Channel
from conversations.services.conversations import refuse_own_number
from conversations.services.gate import can_send
from messaging.phone import PhoneError, PhoneNumber, parse_number

MOST_MATCHES = 8
KIND_WORDS = {"mobile": "mobile", "fixed_or_mobile": "mobile or landline", "landline": "landline"}


@dataclass(frozen=True, slots=True)
class Recipient:
    """What was typed. With a number: `contact` (not saved when new to this user). Else `matches` or `problem`."""

    typed: str = ""
    contact: Contact | None = None
    number_kind: str = ""
    matches: list[Contact] = field(default_factory=list)
    problem: str = ""
    current: list[Conversation] = field(default_factory=list)

    @property
    def is_new(self) -> bool:
        """Is this a number that we do not know?"""
        return self.contact is not None and self.contact.pk is None


@dataclass(frozen=True, slots=True)
class StreamChoice:
    """A stream to write from, with the reason for or against it."""

    stream: Stream
    allowed: bool
    reason: str = ""
    needs_permission: bool = False


def read_recipient(typed: str, user: User, streams: Sequence[Stream]) -> Recipient:
    """What a person typed into To; `streams` are those they may send on."""
    typed = typed.replace("\x00", "").strip()[:200]
    if not typed:
        return Recipient()
    visible = Contact.objects.visible_to(user)
    if known := _contact_named(typed, visible):
        current = Conversation.objects.visible_to(user).current().filter(contact=known).for_list()
        return Recipient(typed, known, current=list(current[:MOST_MATCHES]))
    if not any(character.isdecimal() for character in typed):
        matches = list(visible.filter(_named(typed))[:MOST_MATCHES])
        problem = "" if matches else f"Nobody called {typed} is in your conversations. Enter a number instead."
        return Recipient(typed, matches=matches, problem=problem)
    try:
        number = _number(typed, streams)
        refuse_own_number(number)
    except PhoneError as error:
        return Recipient(typed, problem=error.sentence)
    except ValidationError as error:
        return Recipient(typed, problem=error.messages[0])
    contact = visible.filter(phone=number.e164).first() or Contact(phone=number.e164)
    current = Conversation.objects.visible_to(user).current().filter(contact__phone=number.e164).for_list()
    return Recipient(typed, contact, KIND_WORDS.get(number.kind, ""), current=list(current[:MOST_MATCHES]))


def number_of(typed: str, user: User) -> str:
    """The number of what was typed: as it stands, or that of the one contact of that name.

    Raises ValidationError (codes `several_people`, `nobody_of_that_name`) when a name does not tell.
    """
    if known := _contact_named(typed, Contact.objects.visible_to(user)):
        return known.phone
    if any(character.isdecimal() for character in typed):
        return typed
    matches = list(Contact.objects.visible_to(user).filter(_named(typed))[:MOST_MATCHES])
    if not matches:
        raise ValidationError(
            f"Nobody called {typed} is in your conversations. Enter a number instead.", code="nobody_of_that_name"
        )
    if len(matches) > 1:
        raise ValidationError(f"Several people match {typed}. Choose one of them.", code="several_people")
    return matches[0].phone


def _contact_named(typed: str, visible: QuerySet[Contact]) -> Contact | None:
    """The contact of `contact-12`, which stands for the number where numbers are not shown."""
    found = re.fullmatch(r"contact-([1-9]\d{0,17})", typed)
    return visible.filter(pk=found[1]).first() if found else None


def stream_choices(streams: Sequence[Stream], recipient: Recipient, user: User) -> list[StreamChoice]:
    """The streams, best first: those that can reach the person, and of these where they already talk to us."""
    talking = {conversation.stream_id for conversation in recipient.current}

    def rank(one: StreamChoice) -> tuple[bool, bool, bool, str]:
        troubled = one.stream.is_paused or one.stream.account.is_troubled
        return not one.allowed, troubled, one.stream.pk not in talking, one.stream.name

    choices = (_choice(stream, recipient.contact, user, is_talking=stream.pk in talking) for stream in streams)
    return sorted(choices, key=rank)


def _choice(stream: Stream, contact: Contact | None, user: User, *, is_talking: bool) -> StreamChoice:
    whatsapp = stream.channel == Channel.WHATSAPP
    reason = "Begins with a template" if whatsapp else "They talk to us here" if is_talking else ""
    if stream.is_paused or stream.account.is_troubled:
        reason = "Messages wait here for now: the stream is paused or its provider does not answer"
    if contact is None:
        return StreamChoice(stream, True, reason)
    verdict = can_send(
        stream=stream,
        contact=contact,
        kind=Kind.TEMPLATE if whatsapp else Kind.TEXT,
        purpose=Purpose.SERVICE,
        at=timezone.now(),
        author=user,
    )
    # Asked without a template, the gate ends at the template once everything before it is in order.
    if verdict.ok or verdict.code == "template_missing":
        return StreamChoice(stream, True, reason)
    return StreamChoice(stream, False, verdict.sentence, needs_permission=verdict.code == "no_opt_in")


def _number(typed: str, streams: Sequence[Stream]) -> PhoneNumber:
    """Read the number as the first stream would; a number kept for films if any of the streams takes them."""
    region = streams[0].region if streams else None
    return parse_number(typed, region=region, allow_fictional=any(stream.account.is_sandbox for stream in streams))


def _named(text: str) -> Q:
    condition = Q()
    for word in text.split():
        condition &= Q(first_name__icontains=word) | Q(last_name__icontains=word)
    return condition
