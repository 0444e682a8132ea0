"""The rows behind a number of a report: as many as it says, of those that the user may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import F, IntegerField, Q, QuerySet
from django.db.models.functions import Coalesce, TruncDate

from conversations.models import ConversationTimes, Message, NextReply
from conversations.models.message import NOT_ARRIVED, TAKEN, Direction, MessageStatus
from conversations.services.reports import numbers
from conversations.services.reports.scope import Scope

PAGE = 50  # rows

_NUMBER = IntegerField()
_LOST = Q(status__in=NOT_ARRIVED, sent_at__isnull=False)
_REPORTED = Q(status__in=(MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ)) | _LOST


class Kind(StrEnum):
    """What is listed."""

    MESSAGES = "messages"
    CONVERSATIONS = "conversations"
    REPLIES = "replies"
    DECISIONS = "decisions"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of a report: what it is called, what it counts, and of which rows."""

    title: str
    definition: str
    kind: Kind
    which: Q


_FIGURES = {
    "received": Figure(
        "Messages received", "Messages that customers wrote.", Kind.MESSAGES, Q(direction=Direction.IN)
    ),
    "taken": Figure(
        "Messages sent", "Our messages that a provider took, whatever became of them.", Kind.MESSAGES,
        Q(direction=Direction.OUT) & (Q(status__in=TAKEN) | _LOST),
    ),
    "reported": Figure(
        "Messages that reached the network",
        "Our messages of which a receipt says what became of them: sent, delivered, read or not arrived.",
        Kind.MESSAGES, Q(direction=Direction.OUT) & _REPORTED,
    ),
    "arrived": Figure(
        "Messages delivered", "Our messages of which a receipt says that they arrived, or were read.", Kind.MESSAGES,
        Q(status__in=(MessageStatus.DELIVERED, MessageStatus.READ)),
    ),
    "read": Figure(
        "Messages read", "Our messages of which a receipt says that they were read. Only WhatsApp tells.",
        Kind.MESSAGES, Q(status=MessageStatus.READ),
    ),
    "failed": Figure(
        "Messages that failed",
        "Our messages that no provider took, and those that did not arrive. What a person cancelled is not counted.",
        Kind.MESSAGES, Q(status__in=NOT_ARRIVED),
    ),
    "unconfirmed": Figure(
        "Messages not confirmed", "Our messages that may have left, and nobody knows yet.", Kind.MESSAGES,
        Q(status=MessageStatus.UNCONFIRMED),
    ),
    "begun": Figure(
        "Conversations that began",
        "Conversations whose first message was written in this time, by a customer or by one of us. What campaigns "
        "send counts once the customer answers.",
        Kind.CONVERSATIONS, Q(),
    ),
    "answered": Figure(
        "Conversations with a first reply",
        "Conversations that began in this time, in which a person answered the customer. The time runs from the "
        "customer's first message until a provider took the answer.",
        Kind.CONVERSATIONS, Q(replied_at__isnull=False),
    ),
    "resolved": Figure(
        "Conversations resolved",
        "Conversations that began in this time and are resolved now. The time runs from their first message until "
        "they were resolved, for the last time where they were opened again.",
        Kind.CONVERSATIONS, Q(resolved_at__isnull=False),
    ),
    "same-day": Figure(
        "Conversations resolved on the same day",
        "Conversations that were resolved on the day on which they began, of all that began.",
        Kind.CONVERSATIONS, Q(ended_on=F("began_on")),
    ),
    "in-time": Figure(
        "Conversations with a first reply in time",
        "Conversations that began in this time, in which a person answered within the working hours that the stream "
        "promises now for the first answer.",
        Kind.CONVERSATIONS, Q(reply_working__lte=F("stream__reply_within") * 60),
    ),
    "resolved-in-time": Figure(
        "Conversations resolved in time",
        "Conversations that began in this time and were resolved within the working hours that the stream promises "
        "now.",
        Kind.CONVERSATIONS, Q(resolution_working__lte=F("stream__resolve_within") * 60),
    ),
    "again": Figure(
        "Next replies",
        "Answers of a person to customers who were answered before in that conversation, and wrote again in this time. "
        "The time runs from the customer's first message since the answer before until a provider took this one.",
        Kind.REPLIES, Q(),
    ),
    "again-in-time": Figure(
        "Next replies in time",
        "Answers to customers who were answered before, within the working hours that the stream promises now for "
        "such answers.",
        Kind.REPLIES,
        Q(reply_working__lte=Coalesce("stream__reply_again_within", "stream__reply_within", output_field=_NUMBER) * 60),
    ),
    "opt-outs": Figure(
        "Opt-outs", "Decisions of customers not to be written to, by when they were made.", Kind.DECISIONS, Q()
    ),
}  # fmt: skip


def figure(name: str) -> Figure | None:
    """The figure of that name."""
    return _FIGURES.get(name)


def definition(name: str) -> str:
    """What a figure counts."""
    return _FIGURES[name].definition


def rows_behind(name: str, scope: Scope, narrowed: Mapping[str, Any]) -> QuerySet[Any]:
    """The messages, conversation times, later answers or decisions that a figure counts in a scope, newest first.

    `narrowed` holds words of a cell: agent, template, campaign, tag, hour, weekday (Monday is 0), channel, source.
    """
    one = _FIGURES[name]
    if one.kind is Kind.MESSAGES:
        return _messages(one, scope, narrowed)
    if one.kind is Kind.DECISIONS:
        wanted = {key: narrowed[key] for key in ("channel", "source") if key in narrowed}
        return numbers.opt_outs(scope).filter(**wanted).order_by("-occurred_at", "-pk")
    if one.kind is Kind.REPLIES:
        return _replies(one, scope, narrowed)
    return _conversations(one, scope, narrowed)


def newest(found: QuerySet[Any], kind: Kind, scope: Scope, *, first: int, number: int) -> QuerySet[Any]:
    """So many of the rows behind a figure, from the `first` on, which is 0 for the newest.

    The newest messages of each stream are where its index ends: those of all streams together would be sorted whole.
    """
    if kind is not Kind.MESSAGES or len(scope.stream_ids) < 2:
        return found[first : first + number]
    keys = found.values_list("created_at", "pk")
    one, *others = [keys.filter(stream=stream)[: first + number] for stream in scope.stream_ids]
    together = one.union(*others, all=True).order_by("-created_at", "-pk")[first : first + number]
    return found.filter(pk__in=[pk for _, pk in together])


def _messages(one: Figure, scope: Scope, narrowed: Mapping[str, Any]) -> QuerySet[Any]:
    found = Message.objects.visible_to(scope.user).filter(one.which, stream__in=scope.stream_ids)
    found = found.filter(created_at__gte=scope.since, created_at__lt=scope.until)
    if "agent" in narrowed:
        found = found.filter(author=narrowed["agent"], recipient=None)
    if "template" in narrowed:
        found = found.filter(template=narrowed["template"])
    if "campaign" in narrowed:
        found = found.filter(recipient__campaign=narrowed["campaign"])
    if "hour" in narrowed:
        found = found.filter(created_at__hour=narrowed["hour"])
    if "weekday" in narrowed:
        found = found.filter(created_at__iso_week_day=narrowed["weekday"] + 1)
    return found.order_by("-created_at", "-pk")


def _conversations(one: Figure, scope: Scope, narrowed: Mapping[str, Any]) -> QuerySet[Any]:
    found = ConversationTimes.objects.visible_to(scope.user).filter(stream__in=scope.stream_ids)
    found = found.begun(scope.since, scope.until)
    found = found.alias(began_on=TruncDate("started_at"), ended_on=TruncDate("resolved_at")).filter(one.which)
    if "agent" in narrowed:
        found = found.filter(replied_by=narrowed["agent"])
    if "tag" in narrowed:
        found = found.filter(conversation__tag_rows__tag=narrowed["tag"])
    if "hour" in narrowed:
        found = found.filter(asked_at__hour=narrowed["hour"])
    return found.order_by("-started_at", "-pk")


def _replies(one: Figure, scope: Scope, narrowed: Mapping[str, Any]) -> QuerySet[Any]:
    found = NextReply.objects.visible_to(scope.user).filter(one.which, stream__in=scope.stream_ids)
    found = found.asked(scope.since, scope.until)
    if "agent" in narrowed:
        found = found.filter(replied_by=narrowed["agent"])
    return found.order_by("-asked_at", "-pk")
