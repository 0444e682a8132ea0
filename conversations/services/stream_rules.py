"""What people set on a stream: its rules, and whether it sends. Each change is in the audit."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from conversations import live
from conversations.models import CampaignChunk, Message, Stream, User
from conversations.models.audit import AuditAction
from conversations.models.campaign import ChunkStatus
from conversations.models.message import MessageStatus
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


@transaction.atomic
def pause(
    stream: Stream, *, until: datetime, reason: str, actor: User | None, request: HttpRequest | None = None
) -> None:
    """Let messages and campaigns wait until then. Nothing that is already with the provider is stopped."""
    _set_pause(stream, until, reason)
    audit.record(AuditAction.STREAM_CHANGED, actor=actor, subject=stream, summary=f"Paused: {reason}", request=request)


@transaction.atomic
def resume(stream: Stream, *, actor: User | None, request: HttpRequest | None = None) -> None:
    """Send again, what waited first: the dispatcher wakes for it at once. Raises ValidationError (`not_paused`)."""
    if not stream.is_paused:
        raise ValidationError("This stream is not paused.", code="not_paused")
    _set_pause(stream, None, "")
    # What was woken for while it waited would be woken for again only when the hint is stale.
    Message.objects.filter(stream=stream, status=MessageStatus.QUEUED).update(hinted_at=None)
    CampaignChunk.objects.filter(campaign__stream=stream, status=ChunkStatus.READY).update(hinted_at=None)
    audit.record(AuditAction.STREAM_CHANGED, actor=actor, subject=stream, summary="Resumed.", request=request)


def _set_pause(stream: Stream, until: datetime | None, reason: str) -> None:
    stream.paused_until, stream.pause_reason = until, reason
    stream.save(update_fields=["paused_until", "pause_reason"])
    live.publish(stream_id=stream.pk, kind="stream", conversation_id=0)
