"""One text to one person, as the pages send it: the contact, the conversation, the gate, the outbox."""

from __future__ import annotations

from datetime import datetime

from conversations.models import Contact, Conversation, Message, Stream, User
from conversations.models.message import Kind
from conversations.services import compose, conversations


def conversation_with(contact: Contact, *, stream: Stream, user: User) -> Conversation:
    """The conversation in which a contact is written to; nobody has a new one, since a program answers nobody.

    Raises ValidationError (`not_yours`) where somebody else has it and the user does not see theirs.
    """
    return conversations.open_conversation(stream=stream, contact=contact, actor=user)


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
        conversation=conversation_with(contact, stream=stream, user=user),
        body=body,
        author=user,
        kind=kind,
        scheduled_for=scheduled_for,
        valid_until=valid_until,
    )
