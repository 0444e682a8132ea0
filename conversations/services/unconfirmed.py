"""A person decides about a message that may have arrived: nobody and nothing else ever does.

Besides a person, a receipt (services/receipts.py) settles such a message; it is never sent again by itself.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from conversations.models import AttemptResult, Message, User
from conversations.models.audit import AuditAction
from conversations.models.message import MessageStatus as Status
from conversations.permissions import may_decide_on
from conversations.services import audit, consequences, dispatch, lifecycle
from conversations.services.gate import GateRefusal, verdict_on
from messaging.types import Outcome


def it_arrived(message: Message, *, actor: User, reason: str) -> None:
    """Somebody knows that the customer got it. Raises ValidationError without the right or a reason."""
    _check(message, actor, reason)
    with transaction.atomic():
        moved = lifecycle.move(
            [message],
            Status.DELIVERED,
            come_from=(Status.UNCONFIRMED,),
            actor=actor,
            reason=f"It arrived: {reason.strip()}"[:300],
            delivered_at=timezone.now(),
            failure_code="",
            failure_text="",
        )
        if not moved:
            raise _already_settled()
        consequences.follow(message, taken=True)
        audit.record(AuditAction.UNCONFIRMED_DECIDED, actor=actor, subject=message, summary="It arrived.")


def send_again(message: Message, *, actor: User, reason: str) -> None:
    """Send it once more and accept that the customer may get it twice.

    The result that nobody knows is marked as released, so that the database lets the message onto the wire
    again. Raises ValidationError without the right or a reason, or when it was settled meanwhile.
    """
    _check(message, actor, reason)
    now = timezone.now()
    verdict = verdict_on(message, at=now, author=actor)
    if not verdict.ok:
        raise GateRefusal(verdict)
    with transaction.atomic():
        moved = lifecycle.move(
            [message],
            Status.QUEUED,
            come_from=(Status.UNCONFIRMED,),
            actor=actor,
            reason=f"Sent again, possibly twice: {reason.strip()}"[:300],
            counting="release_count",
            claim=None,
            lease_until=None,
            on_wire_at=None,
            next_attempt_at=None,
            next_lookup_at=None,
            hinted_at=None,
            queued_at=now,
            failure_code="",
            failure_text="",
        )
        if not moved:
            raise _already_settled()
        AttemptResult.objects.filter(
            message=message, outcome=Outcome.UNCONFIRMED.value, released_at__isnull=True
        ).update(released_at=now, released_by=actor)
        audit.record(
            AuditAction.UNCONFIRMED_DECIDED, actor=actor, subject=message, summary="Sent again, possibly twice."
        )
        dispatch.hint_on_commit([message])


def _check(message: Message, actor: User, reason: str) -> None:
    if not may_decide_on(actor, message):
        raise ValidationError("Ask a supervisor: only they decide on unconfirmed messages.", code="not_allowed")
    if not reason.strip():
        raise ValidationError("Write down how you know.", code="reason_missing")


def _already_settled() -> ValidationError:
    return ValidationError("It is settled already. Reload the page to see how.", code="already_settled")
