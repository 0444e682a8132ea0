"""The few words in a list row that decide what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from conversations.models import Conversation
from conversations.models.conversation import CLOSING_SOON, IN_INBOX, ConversationStatus
from conversations.models.stream import Channel
from conversations.views.wording import clock_ahead

MOST_CHIPS = 3
SOON, VERY_SOON = timedelta(hours=1), timedelta(minutes=15)


class Chip(NamedTuple):
    """Some words; with `until` they are a clock, and {} the time that is left. `icon` may be empty."""

    icon: str
    words: str
    tone: str = ""
    until: datetime | None = None


def chips_of(conversation: Conversation) -> list[Chip]:
    """At most three, the most pressing first. Of conversations with_attention() and with their tags."""
    chips = [*_pressing(conversation), *_standing(conversation)]
    chips += [Chip("", tag.name, "outline") for tag in conversation.tags.all()]
    return chips[:MOST_CHIPS]


def _pressing(conversation: Conversation) -> Iterator[Chip]:
    facts = conversation.__dict__  # the annotations of with_attention(), which the model does not declare
    if conversation.reply_due_at is not None and conversation.status == ConversationStatus.OPEN:
        yield due_chip(conversation.reply_due_at)
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
        yield Chip("ban", f"Opted out of {conversation.stream.get_channel_display()}")


def _standing(conversation: Conversation) -> Iterator[Chip]:
    match conversation.status:
        case ConversationStatus.SNOOZED:
            until = conversation.snoozed_until
            yield Chip("moon", f"Until {clock_ahead(until)}" if until else "Until they reply")
        case ConversationStatus.WAITING:
            yield Chip("hourglass", "Waiting on customer")
        case ConversationStatus.RESOLVED:
            yield Chip("circle-check", "Resolved")


def due_chip(due_at: datetime) -> Chip:
    """When the customer should have an answer."""
    left = due_at - timezone.now()
    if left <= timedelta():
        return Chip("clock-alert", "Reply overdue", "danger")
    tone = "danger" if left <= VERY_SOON else "warning" if left <= SOON else ""
    return Chip("clock", "Reply due in {}", tone, due_at)


def window_chip(closes_at: datetime) -> Chip:
    """How long free text may still be sent on WhatsApp."""
    left = closes_at - timezone.now()
    words = "Closes in {}" if left < SOON else "{} left"
    return Chip("timer", words, "warning" if left < CLOSING_SOON else "", closes_at)
