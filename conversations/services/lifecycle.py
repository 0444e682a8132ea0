"""The life of a message: which moves are legal, and the one function that makes them.

The table follows delivery.md 3.3 with the settled points of the architecture (held, unconfirmed).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from conversations import live
from conversations.models import Message, MessageEvent, User
from conversations.models.message import MessageStatus as Status

_REPORTED = frozenset({Status.SENT, Status.DELIVERED, Status.READ, Status.UNDELIVERED, Status.FAILED, Status.EXPIRED})

LEGAL: dict[str, frozenset[str]] = {
    Status.DRAFT: frozenset({Status.SCHEDULED, Status.HELD, Status.QUEUED, Status.CANCELLED}),
    Status.SCHEDULED: frozenset({Status.QUEUED, Status.CANCELLED, Status.EXPIRED, Status.FAILED}),
    Status.HELD: frozenset({Status.QUEUED, Status.CANCELLED, Status.EXPIRED}),
    Status.QUEUED: frozenset({Status.SENDING, Status.HELD, Status.CANCELLED, Status.EXPIRED, Status.FAILED}),
    Status.SENDING: frozenset({Status.QUEUED, Status.ACCEPTED, Status.FAILED, Status.UNCONFIRMED, Status.EXPIRED}),
    Status.UNCONFIRMED: _REPORTED | {Status.ACCEPTED, Status.QUEUED},  # queued: only when a person says so
    Status.ACCEPTED: _REPORTED | {Status.CANCELLED},
    Status.SENT: frozenset({Status.DELIVERED, Status.READ, Status.UNDELIVERED, Status.FAILED, Status.EXPIRED}),
    Status.DELIVERED: frozenset({Status.READ}),
    Status.READ: frozenset(),
    Status.UNDELIVERED: frozenset({Status.DELIVERED, Status.READ}),  # the handset is the stronger witness
    Status.FAILED: frozenset({Status.DELIVERED, Status.READ}),
    Status.EXPIRED: frozenset({Status.DELIVERED, Status.READ}),
    Status.CANCELLED: frozenset({Status.DELIVERED, Status.READ}),
    Status.RECEIVED: frozenset(),
}

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
    return to_status in LEGAL[from_status]


def raises(from_status: str, to_status: str) -> bool:
    """Would a receipt with that status raise the message? False for anything that would lower or repeat it."""
    return is_legal(from_status, to_status) and RANK.get(to_status, 0) > RANK.get(from_status, 0)


def record_new(message: Message, *, actor: User | None = None, reason: str = "") -> None:
    """Write the first event of a message that was just created, and tell open pages."""
    MessageEvent.objects.create(message=message, to_status=message.status, actor=actor, reason=reason)
    live.publish(
        stream_id=message.stream_id, kind="message", conversation_id=message.conversation_id, message=message.pk
    )


def move(
    messages: Iterable[Message],
    to: str,
    *,
    come_from: Collection[str],
    actor: User | None = None,
    reason: str = "",
    where: dict[str, Any] | None = None,
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
    with transaction.atomic():
        rows = list(
            Message.objects.select_for_update(no_key=True)
            .filter(pk__in=[message.pk for message in messages], status__in=list(come_from), **(where or {}))
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
        for pk, _, stream_id, conversation_id in rows:
            live.publish(stream_id=stream_id, kind="status", conversation_id=conversation_id, message=pk)
    return ids
