"""Replies as agents send them from a page: with the time to undo, on what they have seen, and what follows."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from conversations.models import Conversation, Message, User
from conversations.models.draft import DraftKind
from conversations.models.message import Direction, Kind, MessageStatus
from conversations.services import compose, drafts
from conversations.services.canned import check_filled


def send_reply(
    *,
    conversation: Conversation,
    author: User,
    body: str,
    client_key: str,
    seen: int | None,
    scheduled_for: datetime | None = None,
    cancel_on_reply: bool = False,
    then_resolve: bool = False,
) -> Message:
    """Queue a reply, kept back for as long as its author wants to be able to undo; their draft is let go with it.

    `seen` is the last message that the author has read (None: never mind): raises ValidationError with code
    `not_seen` when somebody wrote after it. The conversation is locked meanwhile, so that of two agents who press
    Send together the second is told of the first. `cancel_on_reply` stops a scheduled message when the customer
    writes first. Raises what queue_message raises, too; then nothing is stored.
    """
    check_filled(body)
    with transaction.atomic():
        conversation = _locked(conversation)
        first_time = not Message.objects.filter(client_key=client_key).exists()
        if first_time and seen is not None and newer_messages(conversation, author, seen).exists():
            raise ValidationError("Somebody wrote while you did.", code="not_seen")
        message = compose.queue_message(
            conversation=conversation,
            body=body,
            author=author,
            client_key=client_key,
            scheduled_for=scheduled_for,
            hold=time_to_undo(author, scheduled_for),
        )
        if first_time:
            message.resolve_after = then_resolve
            message.cancel_on_reply = cancel_on_reply and scheduled_for is not None
            message.save(update_fields=["resolve_after", "cancel_on_reply"])
            drafts.let_go(conversation, author, DraftKind.REPLY)
    return message


def time_to_undo(author: User, scheduled_for: datetime | None) -> timedelta | None:
    """How long what somebody sends is kept back; None where they want no time, or where it waits for one anyway."""
    return timedelta(seconds=author.undo_seconds) if author.undo_seconds and not scheduled_for else None


def _locked(conversation: Conversation) -> Conversation:
    """The row as it is now, which nobody changes until we have."""
    return Conversation.objects.select_for_update(no_key=True, of=("self",)).for_list().get(pk=conversation.pk)


def newer_messages(conversation: Conversation, reader: User, seen: int) -> QuerySet[Message]:
    """What others wrote after the message `seen`, newest first: the customer, colleagues, nobody's own words."""
    theirs = Q(direction=Direction.IN) | ~Q(author=reader) | Q(author=None)
    return (
        conversation.messages.filter(theirs, pk__gt=seen)
        .exclude(status=MessageStatus.CANCELLED)
        .select_related("author")
        .order_by("-id")
    )


def undo_send(message: Message, *, actor: User) -> None:
    """Take back a message that has not left us, and put its text into the actor's composer.

    Raises ValidationError when the message has left, or is not the actor's to stop.
    """
    with transaction.atomic():
        compose.cancel_message(message, actor=actor, reason="Undone")
        if message.kind == Kind.TEXT:
            drafts.put_back(message.conversation, actor, DraftKind.REPLY, message.body)


def undoable(conversation: Conversation, user: User) -> Message | None:
    """What this user sent here last and may still undo."""
    held = conversation.messages.filter(status=MessageStatus.HELD, held_for="undo", author=user)
    return held.filter(next_attempt_at__gt=timezone.now()).order_by("-id").first()
