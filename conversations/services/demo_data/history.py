"""What was there before: customers wrote, a message failed here, one was stopped here, a conversation is done.

Nothing that a provider would have to confirm: that goes through the sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from conversations.models import Activity, Contact, Conversation, Draft, Message, Stream, Tag, User, WhatsAppTemplate
from conversations.models.activity import ActivityKind
from conversations.models.draft import DraftKind
from conversations.models.message import Direction, Kind, MessageStatus
from conversations.models.stream import Channel
from conversations.services import conversations, lifecycle
from conversations.services.demo_data.company import (
    AGENT_EMAIL,
    AMIRA,
    BULK,
    CARE,
    DANA,
    MARK,
    ROSA,
    SUPERVISOR_EMAIL,
    TEXTS,
    US_LINE,
    US_PHONE,
)
from conversations.services.demo_data.today import TODAY, Asked
from messaging.whatsapp import window_closes_at


class History:
    """A few conversations that were there before."""

    def __init__(
        self, streams: Mapping[str, Stream], contacts: Mapping[str, Contact], users: Mapping[str, User]
    ) -> None:
        self._streams, self._contacts = streams, contacts
        self._priya, self._tom = users[AGENT_EMAIL], users[SUPERVISOR_EMAIL]
        self._now = timezone.now()

    def write(self) -> None:
        """Write them all."""
        self._refund(self._open(TEXTS, MARK))
        self._router(self._open(CARE, ROSA))
        self._bill(self._open(TEXTS, AMIRA))
        self._customer(self._open(BULK, DANA), "מתי הטכנאי מגיע מחר?", hours=3)
        self._customer(self._open(US_LINE, US_PHONE), "Is there an outage in San Francisco today?", hours=5)
        for asked in TODAY:
            self._today(asked)
        first = Message.objects.filter(conversation=OuterRef("conversation")).order_by("created_at")
        Activity.objects.filter(kind=ActivityKind.OPENED).update(occurred_at=Subquery(first.values("created_at")[:1]))

    def _open(self, stream: str, phone: str) -> Conversation:
        return conversations.open_conversation(stream=self._streams[stream], contact=self._contacts[phone])

    def _refund(self, conversation: Conversation) -> None:
        self._customer(conversation, "You took £42.50 twice this month.", hours=26)
        stopped = self._ours(
            conversation, "Sorry Mark, we are looking into it.", hours=25, status=MessageStatus.CANCELLED
        )
        conversations.note_cancelled(stopped, actor=self._priya)
        conversations.assign(conversation, to=self._priya, actor=self._tom)
        conversations.add_remark(conversation, text="Refund RF-3391 left on Friday, to the same card.", actor=self._tom)
        self._tag(conversation, "Billing")
        conversations.set_indicator(conversation, key="refund", title="Refund RF-3391", actor=self._tom)
        self._customer(conversation, "Is the refund coming to the same card?", hours=1)

    def _router(self, conversation: Conversation) -> None:
        self._customer(conversation, "Perfetto, grazie. Do I send the old one back?", hours=53)
        paused = WhatsAppTemplate.objects.get(stream=conversation.stream, name="return_reminder")
        self._ours(
            conversation,
            "Hello Rosa, please return your old router within 14 days.",
            hours=2,
            status=MessageStatus.FAILED,
            kind=Kind.TEMPLATE,
            template=paused,
            template_values={"body": ["Rosa"]},
            failure_code="template_not_approved",
            failure_text="The template return_reminder is paused. Choose an approved one.",
        )
        self._tag(conversation, "Hardware")
        remark = "Old router not scanned in. Needs one reminder before we charge £40."
        conversations.add_remark(conversation, text=remark, actor=self._tom)

    def _bill(self, conversation: Conversation) -> None:
        self._customer(conversation, "Why is my bill £4 higher this month?", hours=20 * 24)
        self._tag(conversation, "Billing")
        remark = "Explained by phone: the new contract began on the 3rd."
        conversations.add_remark(conversation, text=remark, actor=self._priya)
        conversations.resolve(conversation, actor=self._priya)
        Activity.objects.filter(conversation=conversation).update(occurred_at=self._now - timedelta(days=20))

    def _today(self, asked: Asked) -> None:
        contact = Contact.objects.create(
            phone=asked.phone,
            first_name=asked.first_name,
            last_name=asked.last_name,
            language=asked.language,
            time_zone="Europe/London",
        )
        conversation = conversations.open_conversation(stream=self._streams[asked.stream], contact=contact)
        self._customer(conversation, asked.text, hours=asked.minutes_ago / 60)
        if asked.tag:
            self._tag(conversation, asked.tag)
        if asked.mine:
            conversations.assign(conversation, to=self._priya, actor=self._priya)
        if asked.begun:
            Draft.objects.create(user=self._priya, conversation=conversation, kind=DraftKind.REPLY, body=asked.begun)

    def _tag(self, conversation: Conversation, name: str) -> None:
        conversation.tag_rows.create(tag=Tag.objects.get(name=name))

    def _customer(self, conversation: Conversation, text: str, *, hours: float) -> None:
        at = self._now - timedelta(hours=hours)
        self._write(conversation, text, at, direction=Direction.IN, status=MessageStatus.RECEIVED)
        conversation.last_inbound_at, conversation.waiting_since = at, conversation.waiting_since or at
        conversation.unread_count += 1
        if conversation.stream.channel == Channel.WHATSAPP:
            conversation.window_closes_at = window_closes_at(at)
        conversation.save()

    def _ours(self, conversation: Conversation, text: str, *, hours: float, **fields: Any) -> Message:
        at = self._now - timedelta(hours=hours)
        return self._write(conversation, text, at, direction=Direction.OUT, author=self._priya, **fields)

    def _write(self, conversation: Conversation, text: str, at: datetime, **fields: Any) -> Message:
        message = Message.objects.create(conversation=conversation, stream=conversation.stream, body=text, **fields)
        lifecycle.record_new(message, actor=message.author)
        # Django sets both times to now; these rows are about the past.
        Message.objects.filter(pk=message.pk).update(created_at=at)
        message.events.update(created_at=at)
        conversation.last_message_at, conversation.last_message_direction = at, message.direction
        conversation.last_message_preview = conversations.preview(message)
        conversation.save()
        return message
