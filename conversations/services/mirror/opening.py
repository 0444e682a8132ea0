"""An agent's first message waits a moment for the conversation to be there, so that it becomes a part of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from conversations.models import Message
from conversations.models.activity import ActivityKind
from conversations.models.message import Kind
from conversations.models.stream import Channel

PATIENCE = timedelta(seconds=10)  # then it goes without
LOOK_AGAIN = timedelta(seconds=1)


def is_awaited(message: Message, at: datetime) -> bool:
    """Is the conversation of this message, which is about to leave, about to be opened on the other side?"""
    conversation = message.conversation
    if conversation.external_id or message.kind != Kind.TEXT or message.stream.channel != Channel.SMS:
        return False
    if message.author_id is None or message.queued_at is None or message.queued_at + PATIENCE < at:
        return False
    if not message.stream.is_mirrored:
        return False
    return conversation.activities.to_push().filter(kind=ActivityKind.OPENED).exists()
