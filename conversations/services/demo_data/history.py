"""What was there before: customers wrote, a message failed here, one was stopped here, a conversation is done.

Nothing that a provider would have to confirm: that goes through the sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from conversations.models import Activity, Contact, Conversation, Message, Stream, User, WhatsAppTemplate
from conversations.models.message import Direction, Kind, MessageStatus
from conversations.services import conversations, lifecycle
from conversations.services.demo_data.company import (
    AMIRA,
    BULK,
    CARE,
    DANA,
    MARK,
    PRIYA,
    ROSA,
    TEXTS,
    TOM,
    US_LINE,
    US_PHONE,
)
from messaging.whatsapp import window_closes_at


class History:
    """A few conversations that were there before: each is written once."""

    def __init__(
        self, streams: Mapping[str, Stream], contacts: Mapping[str, Contact], users: Mapping[str, User]
    ) -> None:
        self.streams, self.contacts, self.users = streams, contacts, users
        self.now = timezone.now()

    def write(self) -> None:
        """Write those whose customer has no conversation on the stream yet."""
        for stream, phone, tell in (
            (TEXTS, MARK, self._refund),
            (CARE, ROSA, self._router),
            (BULK, DANA, self._visit),
            (US_LINE, US_PHONE, self._outage),
            (TEXTS, AMIRA, self._bill),
        ):
            ours = Conversation.objects.filter(stream=self.streams[stream], contact=self.contacts[phone])
            if not ours.exists():
                tell(conversations.open_conversation(stream=self.streams[stream], contact=self.contacts[phone]))

    def _refund(self, conversation: Conversation) -> None:
        priya, tom = self.users[PRIYA], self.users[TOM]
        self._customer(conversation, "You took £42.50 twice this month.", hours=26)
        stopped = self._ours(
            conversation, "Sorry Mark, we are looking into it.", hours=25, status=MessageStatus.CANCELLED
        )
        conversations.note_cancelled(stopped, actor=priya)
        conversations.assign(conversation, to=priya, actor=tom)
        conversations.add_remark(
            conversation, text="Refund RF-3391 left on Friday. Same card, ends in 4417.", actor=tom
        )
        self._customer(conversation, "Is the refund coming to the same card?", hours=1)
        conversations.set_indicator(conversation, key="refund", title="Refund RF-3391", actor=tom)

    def _router(self, conversation: Conversation) -> None:
        self._customer(conversation, "Perfetto, grazie. Do I send the old one back?", hours=53)
        template = WhatsAppTemplate.objects.get(stream=conversation.stream, name="return_reminder")
        self._ours(
            conversation,
            "Hello Rosa, please return your old router within 14 days.",
            hours=2,
            status=MessageStatus.FAILED,
            kind=Kind.TEMPLATE,
            template=template,
            template_values={"body": ["Rosa"]},
            failure_code="template_not_approved",
            failure_text="The template return_reminder is paused. Choose an approved one.",
        )
        conversations.add_remark(
            conversation,
            text="Old router not scanned in. Needs one reminder before we charge £40.",
            actor=self.users[TOM],
        )

    def _visit(self, conversation: Conversation) -> None:
        self._customer(conversation, "מתי הטכנאי מגיע מחר?", hours=3)

    def _outage(self, conversation: Conversation) -> None:
        self._customer(conversation, "Is there an outage in San Francisco today?", hours=5)

    def _bill(self, conversation: Conversation) -> None:
        self._customer(conversation, "Why is my bill £4 higher this month?", hours=24 * 20)
        remark = "Explained by phone: the new contract began on the 3rd."
        conversations.add_remark(conversation, text=remark, actor=self.users[PRIYA])
        conversations.resolve(conversation, actor=self.users[PRIYA])
        Activity.objects.filter(conversation=conversation).update(occurred_at=self.now - timedelta(days=20))

    def _customer(self, conversation: Conversation, text: str, *, hours: float) -> Message:
        at = self.now - timedelta(hours=hours)
        message = self._message(conversation, text, at, Direction.IN, MessageStatus.RECEIVED)
        conversation.last_inbound_at, conversation.waiting_since = at, conversation.waiting_since or at
        conversation.unread_count += 1
        if conversation.stream.channel == "whatsapp":
            conversation.window_closes_at = window_closes_at(at)
        conversation.save()
        return message

    def _ours(self, conversation: Conversation, text: str, *, hours: float, status: str, **fields: Any) -> Message:
        at = self.now - timedelta(hours=hours)
        return self._message(conversation, text, at, Direction.OUT, status, author=self.users[PRIYA], **fields)

    def _message(
        self, conversation: Conversation, text: str, at: datetime, direction: str, status: str, **fields: Any
    ) -> Message:
        message = Message.objects.create(
            conversation=conversation,
            stream=conversation.stream,
            direction=direction,
            status=status,
            body=text,
            **fields,
        )
        lifecycle.record_new(message, actor=message.author)
        # Both times are set by Django at creation; these rows are about the past.
        Message.objects.filter(pk=message.pk).update(created_at=at)
        message.events.update(created_at=at)
        conversation.last_message_at, conversation.last_message_direction = at, direction
        conversation.last_message_preview = conversations.preview(message)
        conversation.save()
        return message
