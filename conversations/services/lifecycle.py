"""The life of a message: the one function that makes its moves.

The table of legal moves is LEGAL_MOVES in models/message.py; the database refuses the others too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from conversations import live
from conversations.models import Message, MessageEvent, User
from conversations.models.message import LEGAL_MOVES
from conversations.models.message import MessageStatus as Status
from conversations.services import notifications

# A receipt raises a message and never lowers it.
RANK: dict[str, int] = {
    Status.SENDING: 1,
    Status.UNCONFIRMED: 1,
    Status.ACCEPTED: 2,
    Status.SENT: 3,
    Status.UNDELIVERED: 4,
    Status.FAILED: 4,
    Status.EXPIRED: 4,
    Status.CANCELLED: 4,
    Status.DELIVERED: 5,
    Status.READ: 6,
}


def is_legal(from_status: str, to_status: str) -> bool:
    """May a message of that status become the other?"""
    return to_status in LEGAL_MOVES[from_status]


def raises(from_status: str, to_status: str) -> bool:
    """Would a receipt with that status raise the message? False for anything that would lower or repeat it.

    False too for a message that waits to leave: a late report of an earlier try must not stop a new one.
    """
    return from_status in RANK and is_legal(from_status, to_status) and RANK.get(to_status, 0) > RANK[from_status]


def record_new(message: Message, *, actor: User | None = None, reason: str = "") -> None:
    """Write the first event of a message that was just created, and tell open pages."""
    MessageEvent.objects.create(message=message, to_status=message.status, actor=actor, reason=reason)
    live.publish(
        stream_id=message.stream_id, kind="message", conversation_id=message.conversation_id, message=message.pk
    )


def record_new_many(messages: Sequence[Message], *, reason: str = "") -> None:
    """The same for many that came together, in one statement."""
    MessageEvent.objects.bulk_create(MessageEvent(message=one, to_status=one.status, reason=reason) for one in messages)
    for one in messages:
        live.publish(stream_id=one.stream_id, kind="message", conversation_id=one.conversation_id, message=one.pk)


def move(
    messages: Iterable[Message],
    to: str,
    *,
    come_from: Collection[str],
    actor: User | None = None,
    reason: str = "",
    where: Q | None = None,
    **changes: Any,
) -> list[int]:
    """Move messages to a status, by compare and set, with an event for each; returns the ids that moved.

    Only rows that are still in one of `come_from` (and match the further look-ups in `where`) move: whoever came
    second moves nothing. `changes` are written in the same statement. Raises ValidationError (code
    `illegal_move`) when the table has no such move.
    """
    illegal = [status for status in come_from if not is_legal(status, to)]
    if illegal:
        raise ValidationError(f"A message cannot go from {illegal[0]} to {to}.", code="illegal_move")
    with transaction.atomic(savepoint=False):
        rows = list(
            Message.objects.select_for_update(no_key=True)
            .filter(where or Q(), pk__in=[message.pk for message in messages], status__in=list(come_from))
            .order_by("pk")
            .values_list("pk", "status", "stream_id", "conversation_id")
        )
        if not rows:
            return []
        ids = [row[0] for row in rows]
        Message.objects.filter(pk__in=ids).update(status=to, **changes)
        MessageEvent.objects.bulk_create(
            MessageEvent(message_id=pk, from_status=status, to_status=to, actor=actor, reason=reason)
            for pk, status, _, _ in rows
        )
        notifications.moved([(pk, status) for pk, status, _, _ in rows], to, actor=actor)
        for pk, _, stream_id, conversation_id in rows:
            live.publish(stream_id=stream_id, kind="status", conversation_id=conversation_id, message=pk)
    return ids
