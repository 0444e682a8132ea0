"""One text to one person, as the pages send it: the contact, the conversation, the gate, the outbox."""

from __future__ import annotations

from datetime import datetime

from conversations.models import Contact, Message, Stream, User
from conversations.models.message import Kind
from conversations.services import compose
from conversations.services.conversations import open_conversation


def send_text(
    *,
    contact: Contact,
    stream: Stream,
    user: User,
    body: str,
    kind: str = Kind.TEXT,
    scheduled_for: datetime | None = None,
    valid_until: datetime | None = None,
) -> Message:
    """Queue a text for a person on a stream. Raises ValidationError as compose.queue_message does."""
    return compose.queue_message(
        conversation=open_conversation(stream=stream, contact=contact, actor=user),
        body=body,
        author=user,
        kind=kind,
        scheduled_for=scheduled_for,
        valid_until=valid_until,
    )
