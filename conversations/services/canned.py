"""Canned replies: finding one, and filling in what we know of the customer and the agent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError

from conversations.models import CannedReply, Contact, Stream, User
from messaging.merge import MergeError, fields_of, render

MOST = 50


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a filled text. `kind` is text, value or missing."""

    text: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Filled:
    """A canned reply for one customer. In `text`, fields without a value stay as they are: ${postal_address}."""

    reply: CannedReply
    text: str
    missing: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def missing_words(self) -> str:
        """What has no value, for people: postal address, account."""
        return ", ".join(words_of(name) for name in self.missing)


def find(text: str, *, user: User, contact: Contact, stream: Stream) -> list[Filled]:
    """The canned replies that match, filled in: those in the customer's language first, then by shortcut.

    One that is in another language than the customer's comes last.
    """
    language = contact.language[:2].lower()
    known = values_for(contact=contact, agent=user, stream=stream)

    def rank(reply: CannedReply) -> tuple[int, bool, str, str]:
        theirs = reply.language[:2].lower()
        order = 1 if not theirs else 0 if theirs == language else 2
        return order, not reply.shortcut.startswith(text.lower()), reply.shortcut, reply.language

    found = CannedReply.objects.visible_to(user).matching(text)
    return [fill(reply, known) for reply in sorted(found, key=rank)[:MOST]]


def values_for(*, contact: Contact, agent: User, stream: Stream) -> dict[str, str]:
    """What we know of the customer, the agent and the line, by the names that texts use."""
    return {
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "name": contact.full_name,
        "phone": contact.phone_display,
        "email": contact.email,
        "agent_name": agent.name,
        "agent_first_name": agent.name.partition(" ")[0],
        "business_name": stream.business_name,
        "stream_name": stream.name,
    }


def fill(reply: CannedReply, values: Mapping[str, str]) -> Filled:
    """Fill a text in. A field that is not well formed is ordinary text, as is the whole text around it."""
    try:
        names = fields_of(reply.body)
    except MergeError:
        return Filled(reply, reply.body, (), (Part(reply.body),))
    missing = tuple(name for name in names if not values.get(name, "").strip())
    text = render(reply.body, values, fallbacks={name: f"${{{name}}}" for name in missing})
    return Filled(reply, text, missing, tuple(_parts(reply.body, names, values, missing)))


def _parts(body: str, names: tuple[str, ...], values: Mapping[str, str], missing: tuple[str, ...]) -> Iterator[Part]:
    if not names:
        yield Part(body)
        return
    pieces = re.split(r"\$\{(" + "|".join(names) + r")\}", body)
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            if piece:
                yield Part(piece)
        elif piece in missing:
            yield Part(words_of(piece), "missing")
        else:
            yield Part(values[piece], "value")


def check_filled(body: str) -> None:
    """Raise ValidationError (code `missing_value`) when a text still has fields: nobody is written ${first_name}."""
    try:
        names = fields_of(body)
    except MergeError:
        return  # a dollar sign and a brace that somebody meant
    if names:
        words = " and ".join(words_of(name) for name in names)
        fields = " and ".join(f"${{{name}}}" for name in names)
        raise ValidationError(
            f"The {words} {'is' if len(names) == 1 else 'are'} missing. Write it in place of {fields}.",
            code="missing_value",
        )


def words_of(name: str) -> str:
    """A field's name for people: postal_address is postal address."""
    return name.replace("_", " ")
