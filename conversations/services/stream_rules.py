"""What supervisors set on a stream themselves; each change is in the audit."""

from __future__ import annotations

from django.db import transaction

from conversations.models import Stream, User
from conversations.models.audit import AuditAction
from conversations.services import audit
from messaging.registry import provider_class


def can_be_asked(stream: Stream) -> bool:
    """Can the provider be asked for what customers wrote?"""
    return provider_class(stream.account.provider).plan_session_messages("0") is not None


@transaction.atomic
def change(stream: Stream, *, reopen_days: int, polls_messages: bool, actor: User) -> None:
    """Set when a closed conversation opens again, and whether the provider is asked for messages."""
    stream.reopen_days = reopen_days
    stream.polls_messages = polls_messages and can_be_asked(stream)
    stream.save(update_fields=["reopen_days", "polls_messages"])
    summary = stream.threading_rule + (" Its provider is asked for messages." if stream.polls_messages else "")
    audit.record(AuditAction.STREAM_CHANGED, actor=actor, subject=stream, summary=summary)
