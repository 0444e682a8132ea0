"""The provider has a message: what its answer, or a look-up, lets us write down."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from conversations.models import Conversation, Message
from conversations.models.message import Direction
from conversations.models.message import MessageStatus as Status
from conversations.services import consequences, lifecycle, parked_calls, receipts, sessions
from conversations.services.mirror import telling
from messaging.types import RecipientResult

logger = logging.getLogger(__name__)


def accept(
    message: Message,
    result: RecipientResult,
    *,
    come_from: Collection[str],
    of_claim: UUID | None = None,
    at: datetime,
    reason: str = "",
) -> None:
    """Raise a message that is in one of `come_from` to accepted, with the ids that the provider gave.

    Moves nothing unless the row still has the claim `of_claim`, where one is named. Reports that came earlier are
    applied. In a transaction.
    """
    is_late = message.status != Status.SENDING
    changes: dict[str, Any] = {"lease_until": None, "sent_at": at, "failure_code": "", "failure_text": ""}
    moved = []
    try:
        with transaction.atomic(savepoint=bool(result.external_id)):  # nothing else can be there already
            moved = lifecycle.move(
                [message],
                Status.ACCEPTED,
                come_from=come_from,
                of_claim=of_claim,
                reason=reason,
                external_id=result.external_id,
                **changes,
            )
    except IntegrityError:
        # The provider gave an id twice. The message was taken; which one the id means is not ours to decide.
        logger.error("The provider gave the id of message %s to another message before.", message.pk)
        moved = lifecycle.move(
            [message], Status.ACCEPTED, come_from=come_from, of_claim=of_claim, reason=reason, **changes
        )
    if not moved and of_claim is not None and result.external_id:
        _keep_late_id(message, result.external_id, of_claim)
    if result.conversation_id and not (is_late and _went_on(message)):
        known = Conversation.objects.filter(pk=message.conversation_id).exclude(external_id=result.conversation_id)
        if known.update(external_id=result.conversation_id):
            parked_calls.wake(message.stream.account_id, result.conversation_id)
            telling.wake_what_waited(message.conversation_id)
        sessions.begin(message, result.conversation_id)
    if moved:
        consequences.follow(message, taken=True)
        receipts.apply_parked(message, external_id=result.external_id, by_number=True)


def _went_on(message: Message) -> bool:
    """Was something said since the message left? Then the conversation may be in another one of the provider's."""
    if message.on_wire_at is None:
        return False
    said = Message.objects.filter(conversation=message.conversation_id).exclude(conversation__external_id="")
    since = Q(direction=Direction.IN, created_at__gt=message.on_wire_at) | Q(sent_at__gt=message.on_wire_at)
    return said.exclude(pk=message.pk).filter(since).exists()


def _keep_late_id(message: Message, external_id: str, claim: UUID) -> None:
    """A receipt was quicker than the answer: the message has its status already and still lacks its id."""
    with suppress(IntegrityError), transaction.atomic():
        Message.objects.filter(pk=message.pk, claim=claim, external_id="").update(external_id=external_id)
