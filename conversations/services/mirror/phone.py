"""What a customer said on the phone, written down by an agent: a message of the customer's, told on their behalf."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from conversations.models import Conversation, Message, User
from conversations.models.activity import ActivityKind
from conversations.models.message import Direction, MessageStatus
from conversations.services import activities, lifecycle
from conversations.services.conversations import preview

LONGEST = 10_000


def write_down(conversation: Conversation, *, text: str, actor: User, tells_provider: bool = True) -> Message:
    """Add what the customer said. It opens no window at WhatsApp: nobody wrote there.

    Raises ValidationError for nothing, for too much, and where no provider keeps the conversation, unless nobody
    expects one to be told (`tells_provider`).
    """
    text = text.strip()
    if not text:
        raise ValidationError("Write down what the customer said.", code="empty")
    if len(text) > LONGEST:
        raise ValidationError(f"Use {LONGEST:,} characters at most, not {len(text):,}.", code="too_long")
    if tells_provider and not conversation.stream.is_mirrored:
        raise ValidationError("No provider keeps this conversation. Leave a remark instead.", code="not_mirrored")
    with transaction.atomic():
        locked = Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
        message = Message.objects.create(
            conversation=conversation,
            stream=conversation.stream,
            direction=Direction.IN,
            status=MessageStatus.RECEIVED,
            body=text,
            author=actor,
        )
        lifecycle.record_new(message, actor=actor, reason="Said on the phone")
        activities.note(conversation, ActivityKind.PHONE_MESSAGE, actor=actor, data={"message": message.pk})
        locked.last_message_at, locked.last_message_preview = timezone.now(), preview(message)
        locked.last_message_direction = Direction.IN
        locked.save(update_fields=["last_message_at", "last_message_preview", "last_message_direction"])
    return message
