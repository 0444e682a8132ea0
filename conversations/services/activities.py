"""Writing down what was done to conversations, and telling open pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from conversations import live
from conversations.models import Activity, Conversation, User
from conversations.models.activity import ActivityKind
from conversations.services.mirror import telling
from conversations.services.mirror.agreement import status_word


class Note(NamedTuple):
    """What one conversation's activity says."""

    conversation: Conversation
    text: str = ""
    data: Mapping[str, Any] = {}


def note(
    conversation: Conversation,
    kind: str,
    *,
    actor: User | None,
    text: str = "",
    data: Mapping[str, Any] | None = None,
) -> Activity:
    """Write down one thing that was done."""
    activity = Activity(conversation=conversation, kind=kind, actor=actor, text=text, data=dict(data or {}))
    write([activity])
    return activity


def note_all(kind: str, notes: Iterable[Note], *, actor: User | None) -> None:
    """Write down the same thing for many conversations, in one statement."""
    write(
        [
            Activity(conversation=one.conversation, kind=kind, actor=actor, text=one.text, data=dict(one.data))
            for one in notes
        ]
    )


def write(activities: Sequence[Activity], *, is_theirs: bool = False) -> None:
    """Store activities in one statement, and see that the mirror hears of them unless it `is_theirs` already."""
    if not is_theirs:
        telling.mark(activities)
    Activity.objects.bulk_create(activities)
    for one in activities:
        tell(one.conversation)
    if not is_theirs:
        telling.wake_on_commit(activities)


def note_silent_move(conversation: Conversation, before: str) -> None:
    """A message moved a conversation between done, snoozed and open: the other side, where there is one, is told."""
    moved = status_word(before) != status_word(conversation.status)
    if moved and conversation.stream.is_mirrored:
        data = {"from": before, "to": conversation.status}
        note(conversation, ActivityKind.STATUS_CHANGE, actor=None, data=data)


def tell(conversation: Conversation) -> None:
    """Tell open pages that something of a conversation changed."""
    live.publish(stream_id=conversation.stream_id, kind="conversation", conversation_id=conversation.pk)
