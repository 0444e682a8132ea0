"""The few words in a list row that decide what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from unicodedata import east_asian_width

from django.utils import timezone
from django.utils.formats import date_format

from conversations.models import Contact, Conversation, Stream
from conversations.models.consent import ConsentDecision
from conversations.models.conversation import CLOSING_SOON, IN_INBOX, ConversationStatus
from conversations.models.message import Purpose
from conversations.models.stream import Channel
from conversations.services import consent
from conversations.views.wording import clock_ahead, time_left

MOST_CHIPS = 3
SOON, VERY_SOON = timedelta(hours=1), timedelta(minutes=15)

# The room of a row and what stands in it, in px (static/css/rows.css, and Inter at 12 px).
ROOM, AVATAR, FOLDED, GAP = 241, 24, 30, 4
_EDGES, _ICON = 10, 15
_LETTER, _NARROW_LETTER, _SLIM_LETTER, _DIGIT_OR_CAPITAL, _WIDE_LETTER, _SQUARE_LETTER = 7.3, 3.5, 4.7, 8.3, 10, 12
_NARROW, _SLIM, _WIDE = frozenset("ijlI .,:'"), frozenset("tfr"), frozenset("mwMWOQGNHU")


class Chip(NamedTuple):
    """Some words; with `until` they are a clock, and {} the time that is left. `icon` may be empty.

    `whole` is what is meant by words that were made short for a chip.
    """

    icon: str
    words: str
    tone: str = ""
    until: datetime | None = None
    whole: str = ""

    @property
    def said(self) -> str:
        """What it says where there is room for all of it."""
        return self.whole or self._words_now

    @property
    def width(self) -> float:
        """About how wide it is now, in px; rather too wide than too narrow."""
        return _EDGES + (_ICON if self.icon else 0) + sum(map(_width_of_letter, self._words_now))

    @property
    def _words_now(self) -> str:
        return self.words.format(time_left(self.until)) if self.until else self.words


def _width_of_letter(letter: str) -> float:
    if letter in _NARROW:
        return _NARROW_LETTER
    if letter in _SLIM:
        return _SLIM_LETTER
    if letter in _WIDE:
        return _WIDE_LETTER
    if east_asian_width(letter) in "WF":
        return _SQUARE_LETTER
    return _DIGIT_OR_CAPITAL if letter.isdecimal() or letter.isupper() else _LETTER


class ChipLine(NamedTuple):
    """The chips that a row has room for, and those behind its "+1"."""

    shown: list[Chip]
    folded: list[Chip]

    @property
    def folded_words(self) -> str:
        """What is behind the "+1", in words."""
        return ", ".join(chip.said for chip in self.folded)


def chips_of(conversation: Conversation, *, people: int = 0) -> ChipLine:
    """The most pressing first, at most three, and none that would be cut off; the others are folded.

    Of conversations with_attention() and with their tags. `people` is how many avatars stand at the end of the line.
    """
    chips = [*_pressing(conversation), *_standing(conversation)]
    if conversation.team is not None and conversation.assignee_id is None:
        chips.append(Chip("users", conversation.team.name, "outline", whole=f"For the team {conversation.team}"))
    chips += [Chip("", tag.name, "outline") for tag in conversation.tags.all()]
    number = _number_that_fits(chips, ROOM - people * AVATAR)
    return ChipLine(chips[:number], chips[number:])


def _number_that_fits(chips: list[Chip], room: float) -> int:
    """How many stand beside each other, beside a "+1" if any are left; the first one always does."""
    taken = 0.0
    for number, chip in enumerate(chips):
        taken += chip.width + GAP
        for_the_rest = FOLDED if number + 1 < len(chips) else 0
        if number and (number == MOST_CHIPS or taken - GAP + for_the_rest > room):
            return number
    return len(chips)


def _pressing(conversation: Conversation) -> Iterator[Chip]:
    facts = conversation.__dict__  # the annotations of with_attention(), which the model does not declare
    if facts["has_question"]:
        yield Chip("shield-question-mark", "STOP?", "warning", whole="Did they mean STOP?")
    if conversation.due_at is not None and conversation.status == ConversationStatus.OPEN:
        yield due_chip(conversation)
    of_whatsapp = conversation.stream.channel == Channel.WHATSAPP and conversation.status in IN_INBOX
    if of_whatsapp and conversation.window_is_open and conversation.window_closes_at is not None:
        yield window_chip(conversation.window_closes_at)
    if conversation.failed_at is not None:
        yield Chip("circle-alert", "Failed", "danger")
    if facts["is_unconfirmed"]:
        yield Chip("circle-question-mark", "Not confirmed", "warning")
    if of_whatsapp and not conversation.window_is_open:
        yield Chip("lock", "Window closed")
    if facts["has_draft"]:
        yield Chip("pencil", "Draft", "info")
    if facts["sends_at"]:
        yield Chip("calendar-clock", f"Sends {clock_ahead(facts['sends_at'])}", "info")
    if facts["is_opted_out"]:
        yield Chip("ban", "Opted out", whole=f"Opted out of {conversation.stream.get_channel_display()}")


def _standing(conversation: Conversation) -> Iterator[Chip]:
    match conversation.status:
        case ConversationStatus.SNOOZED:
            until = conversation.snoozed_until
            yield Chip("moon", f"Until {clock_ahead(until)}" if until else "Until they reply")
        case ConversationStatus.WAITING:
            yield Chip("hourglass", "Waiting on customer")
        case ConversationStatus.RESOLVED:
            yield Chip("circle-check", "Resolved")


def due_chip(conversation: Conversation) -> Chip:
    """When the customer should have an answer, or the conversation be resolved; of one in which something is due."""
    assert conversation.due_at is not None
    left = conversation.due_at - timezone.now()
    what = "Reply" if conversation.owes_a_reply else "Resolution"
    if left <= timedelta():
        return Chip("clock-alert", "Overdue", "danger", whole=f"{what} overdue")
    tone = "danger" if left <= VERY_SOON else "warning" if left <= SOON else ""
    if conversation.owes_a_reply:
        return Chip("clock", "Reply due in {}" if left <= SOON else "Due in {}", tone, conversation.due_at)
    return Chip("clock", "Resolve in {}", tone, conversation.due_at)


def permission_chip(contact: Contact, stream: Stream, purpose: Purpose) -> Chip:
    """Whether a customer allowed messages of this purpose on a stream, and since when."""
    present = consent.present(contact.phone, stream.channel, stream=stream, purpose=purpose)
    day = date_format(timezone.localtime(present.entry.occurred_at), "j M Y") if present.entry else ""
    match present.decision:
        case ConsentDecision.OPTED_IN:
            return Chip("shield-check", f"Opted in {day}", "good")
        case ConsentDecision.OPTED_OUT:
            return Chip("ban", f"Opted out {day}", "danger")
    return Chip("shield-question-mark", f"No opt-in for {purpose.label.lower()} messages", "warning")


def window_chip(closes_at: datetime) -> Chip:
    """How long free text may still be sent on WhatsApp."""
    left = closes_at - timezone.now()
    words = "Closes in {}" if left < SOON else "{} left"
    return Chip("timer", words, "warning" if left < CLOSING_SOON else "", closes_at)
