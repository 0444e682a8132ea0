"""An answer to somebody whose 24 hours are over: held, with a template sent, until they write back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from conversations.models import Conversation, Message, User, WhatsAppTemplate
from conversations.models.draft import DraftKind
from conversations.models.message import Direction, Kind, MessageStatus
from conversations.services import compose, conversations, drafts, lifecycle
from conversations.services.canned import check_filled
from conversations.services.gate import GateRefusal, verdict_on

KEPT_FOR = timedelta(days=3)
WAITS = ("window_closed", "no_object")  # a text waits for the customer's answer; a template may go


def hold_and_send_template(
    *,
    conversation: Conversation,
    body: str,
    template: WhatsAppTemplate,
    values: Mapping[str, Any],
    author: User,
    media: Mapping[str, str] | None = None,
    client_key: str,
    hold: timedelta | None = None,
) -> tuple[Message, Message]:
    """Hold an answer and queue a template, both or neither; a second call with the same key returns the first two.

    The answer leaves once when the customer writes, and expires after three days otherwise. When their window is
    open after all nothing has to be held: raises ValidationError (`window_open`). `hold` is the time in which the
    template can be undone. Raises what queue_message and queue_template raise, too.
    """
    check_filled(body)
    compose.check_body(body, conversation)
    with transaction.atomic():
        Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
        held = _hold(conversation, body, author, client_key=f"{client_key}-held")
        sent = compose.queue_template(
            conversation=conversation,
            template=template,
            values=values,
            author=author,
            media=media,
            client_key=client_key,
            hold=hold,
        )
        drafts.let_go(conversation, author, DraftKind.REPLY)
    return held, sent


def _hold(conversation: Conversation, body: str, author: User, *, client_key: str) -> Message:
    if first := compose.first_with_key(client_key, conversation=conversation, body=body):
        return first
    held = Message(
        conversation=conversation,
        stream=conversation.stream,
        direction=Direction.OUT,
        kind=Kind.TEXT,
        body=body,
        author=author,
        client_key=client_key,
        status=MessageStatus.HELD,
        held_for="window",
        failure_text="It waits until the customer writes.",
    )
    now = timezone.now()
    verdict = verdict_on(held, at=now, author=author)
    if verdict.ok:
        raise ValidationError("The customer has written: your answer can be sent as it is.", code="window_open")
    if verdict.code not in WAITS:
        raise GateRefusal(verdict)
    held.valid_until, held.verdict, held.failure_code = now + KEPT_FOR, verdict.as_json(at=now), verdict.code
    held.save()
    lifecycle.record_new(held, actor=author)
    conversations.note_outbound(conversation, held)
    return held
