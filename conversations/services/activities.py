"""Writing down what was done to conversations, and telling open pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from conversations import live
from conversations.models import Activity, Conversation, User


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
    activity = Activity.objects.create(
        conversation=conversation, kind=kind, actor=actor, text=text, data=dict(data or {})
    )
    tell(conversation)
    return activity


def note_all(kind: str, notes: Iterable[Note], *, actor: User | None) -> None:
    """Write down the same thing for many conversations, in one statement."""
    written = list(notes)
    Activity.objects.bulk_create(
        Activity(conversation=one.conversation, kind=kind, actor=actor, text=one.text, data=dict(one.data))
        for one in written
    )
    for one in written:
        tell(one.conversation)


def tell(conversation: Conversation) -> None:
    """Tell open pages that something of a conversation changed."""
    live.publish(stream_id=conversation.stream_id, kind="conversation", conversation_id=conversation.pk)
