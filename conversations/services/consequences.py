"""What follows for a conversation from what became of a message, or from the customer's answer."""

from __future__ import annotations

from contextlib import suppress

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from conversations.models import Conversation, Message
from conversations.models.conversation import ConversationStatus
from conversations.models.message import PENDING, Direction, MessageStatus
from conversations.services import conversations, lifecycle


def follow(message: Message, *, taken: bool) -> None:
    """Do what the author wished for the time after sending, once the present transaction has committed.

    `taken`: the provider has the message; False says that it did not arrive. What is recorded of the message stands
    whatever comes of this.
    """
    if message.resolve_after:
        consequence = after_accepted if taken else after_failed
        transaction.on_commit(lambda: consequence(message), robust=True)


def after_accepted(message: Message) -> None:
    """The provider has taken the message: resolve the conversation if its author wished so.

    Not when the customer has written since, or when more of ours is to follow.
    """
    if not message.resolve_after or message.author is None:
        return
    conversation = Conversation.objects.select_related("stream").get(pk=message.conversation_id)
    since = conversation.messages.filter(pk__gt=message.pk)
    if not since.filter(Q(direction=Direction.IN) | Q(status__in=PENDING)).exists():
        conversations.resolve(conversation, actor=message.author)


def after_failed(message: Message) -> None:
    """The message did not arrive: a conversation that was resolved on the strength of it is open again."""
    conversation = Conversation.objects.select_related("stream", "contact").get(pk=message.conversation_id)
    if message.resolve_after and conversation.status == ConversationStatus.RESOLVED:
        with suppress(ValidationError):  # the customer has a newer conversation: there it is seen
            conversations.reopen(conversation, actor=None)


def cancel_after_reply(conversation: Conversation) -> None:
    """The customer wrote: stop the scheduled messages that were to go out only if they did not."""
    for message in conversation.messages.filter(status=MessageStatus.SCHEDULED, cancel_on_reply=True):
        if lifecycle.move(
            [message], MessageStatus.CANCELLED, come_from=(MessageStatus.SCHEDULED,), reason="The customer wrote first"
        ):
            conversations.note_cancelled(message, actor=None)
