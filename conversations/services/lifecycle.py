"""The life of a message: the one function that makes its moves.

The table of legal moves is LEGAL_MOVES in models/message.py; the database refuses the others too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

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
    of_claim: UUID | None = None,
    counting: str = "",
    moments: tuple[str, Mapping[int, datetime]] | None = None,
    **changes: Any,
) -> list[int]:
    """Move messages to a status, by compare and set, with an event for each; returns the ids that moved.

    Only rows that are still in one of `come_from` (and of the claim `of_claim`, where one is named) move: whoever came
    second moves nothing. `changes` are written in the same statement, and the number in the column `counting` goes up
    by one. `moments` names a column and a moment of each message's own for it. Raises ValidationError (code
    `illegal_move`) when the table has no such move.
    """
    illegal = [status for status in come_from if not is_legal(status, to)]
    if illegal:
        raise ValidationError(f"A message cannot go from {illegal[0]} to {to}.", code="illegal_move")
    ids = [message.pk for message in messages]
    if not ids:
        return []
    written = {"status": to, **changes}
    fields = [_FIELDS[name] for name in written]
    assigned = [f"{field.column} = %s" for field in fields]
    if counting:
        assigned.append(f"{counting} = message.{counting} + 1")
    each = joined = ""
    if moments is not None:
        assigned.append(f"{moments[0]} = each.moment")
        each = ", unnest(%s::bigint[], %s::timestamptz[]) AS each (id, moment)"
        joined = "AND message.id = each.id"
    guard = "" if of_claim is None else "AND claim = %s"
    statement = _MOVE.format(assigned=", ".join(assigned), of_claim=guard, each=each, joined=joined)
    values = [
        *(ids, [str(status) for status in come_from]),
        *(() if of_claim is None else (of_claim,)),
        *(field.get_db_prep_save(written[field.name], connection) for field in fields),
        *((list(moments[1]), list(moments[1].values())) if moments is not None else ()),
        *(to, actor.pk if actor else None, reason, timezone.now()),
    ]
    with transaction.atomic(savepoint=False):
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            rows = cursor.fetchall()
        notifications.moved([(pk, status) for pk, status, _, _ in rows], to, actor=actor)
        for pk, _, stream_id, conversation_id in rows:
            live.publish(stream_id=stream_id, kind="status", conversation_id=conversation_id, message=pk)
    return [row[0] for row in rows]


_FIELDS = {field.name: field for field in Message._meta.concrete_fields}
# Written out: Django would compose three statements for each step of each message, which takes longer than this one.
_MOVE = """
    WITH before AS MATERIALIZED (
        SELECT id, status, stream_id, conversation_id FROM conversations_message
         WHERE id = ANY(%s) AND status = ANY(%s) {of_claim}
         ORDER BY id FOR NO KEY UPDATE
    ), moved AS (
        UPDATE conversations_message AS message SET {assigned} FROM before {each} WHERE message.id = before.id {joined}
    ), told AS (
        INSERT INTO conversations_messageevent (message_id, from_status, to_status, actor_id, reason, created_at)
        SELECT id, status, %s, %s, %s, %s FROM before ORDER BY id
    )
    SELECT id, status, stream_id, conversation_id FROM before ORDER BY id
"""
