"""What waits for its time can still be changed or sent at once: by its author, or by a supervisor.

Stopping it is compose.cancel_message. Whoever comes second finds the row already gone: every change is made under
the row's lock and only while the message still waits.
"""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from conversations import live
from conversations.models import Conversation, Message, MessageEvent, User
from conversations.models.message import Kind
from conversations.models.message import MessageStatus as Status
from conversations.permissions import may_cancel
from conversations.services import compose, conversations, dispatch, lifecycle
from conversations.services.gate import GateRefusal, Verdict, verdict_on

WAITING = (Status.DRAFT, Status.SCHEDULED, Status.HELD)


def fingerprint(message: Message) -> str:
    """What somebody saw who began to edit: it differs once a colleague has changed words or times."""
    return f"{zlib.crc32(repr((message.body, message.scheduled_for, message.valid_until)).encode()):08x}"


def edit_waiting(
    *,
    message: Message,
    actor: User,
    body: str,
    scheduled_for: datetime | None,
    valid_until: datetime | None,
    seen: str = "",
) -> None:
    """Give a waiting message other words or times, after the gate and the checks of a new one.

    `scheduled_for` is for scheduled messages, and they need it. `seen` is the fingerprint of what the actor saw.
    Raises ValidationError: without the right, when the message has left (`too_late`) or was changed by somebody
    else meanwhile (`changed_meanwhile`), when a rule says no; then nothing is changed.
    """
    _check_right(message, actor)
    now = timezone.now()
    with transaction.atomic():
        # Its preview may change: whoever locks both locks the conversation first.
        Conversation.objects.select_for_update(no_key=True).get(pk=message.conversation_id)
        row = _locked(message)
        if seen and seen != fingerprint(row):
            raise ValidationError(
                "Somebody changed this message while you did. Nothing of yours was stored. Read it again.",
                code="changed_meanwhile",
            )
        _check_words(row, body)
        _check_time(row, scheduled_for)
        compose.check_times(
            scheduled_for=scheduled_for, valid_until=valid_until, conversation=row.conversation, now=now
        )
        verdict = _pass_gate(row, actor, at=scheduled_for or now)
        _store(row, actor, verdict, now, body=body, scheduled_for=scheduled_for, valid_until=valid_until)
    message.refresh_from_db()


def send_now(*, message: Message, actor: User) -> None:
    """Let a waiting message go at once, after the gate.

    Raises ValidationError without the right, when the message has left (`too_late`), or when a rule says no.
    """
    _check_right(message, actor)
    now = timezone.now()
    with transaction.atomic():
        row = _locked(message)
        compose.check_times(scheduled_for=None, valid_until=row.valid_until, conversation=row.conversation, now=now)
        _pass_gate(row, actor, at=now, is_leaving=True)
        lifecycle.move(
            [row],
            Status.QUEUED,
            come_from=WAITING,
            actor=actor,
            reason="Sent ahead of its time",
            queued_at=now,
            scheduled_for=None,  # one with a time is exempt from the order in its conversation
            next_attempt_at=None,
            hinted_at=None,
            held_for="",
            failure_code="",
            failure_text="",
        )
        dispatch.hint_on_commit([row])
    message.refresh_from_db()


def _check_right(message: Message, actor: User) -> None:
    if not may_cancel(actor, message):
        raise ValidationError("Only its author or a supervisor can change this message.", code="not_allowed")


def _locked(message: Message) -> Message:
    waiting = Message.objects.filter(pk=message.pk, status__in=WAITING).select_related(
        "stream__account", "conversation__contact", "conversation__stream__account", "template"
    )
    row = waiting.select_for_update(no_key=True, of=("self",)).first()
    if row is None:
        status = Message.objects.values_list("status", flat=True).get(pk=message.pk)
        how = "It was cancelled" if status == Status.CANCELLED else "It has just left"
        raise ValidationError(f"{how}. Nothing was changed.", code="too_late")
    return row


def _check_words(row: Message, body: str) -> None:
    if body == row.body:
        return
    if row.kind != Kind.TEXT:
        raise ValidationError(
            "The words of a template stay as they are. Cancel it and fill in another one.", code="wrong_kind"
        )
    if row.results.exists():
        raise ValidationError(
            "It was tried before, so its words stay as they are. Cancel it and write a new one.", code="already_tried"
        )
    compose.check_body(body, row.conversation)


def _check_time(row: Message, scheduled_for: datetime | None) -> None:
    if row.status == Status.SCHEDULED and scheduled_for is None:
        raise ValidationError("Choose a date and a time, or send it now.", code="time_missing")
    if row.status != Status.SCHEDULED and scheduled_for is not None:
        raise ValidationError(
            "This message waits for the customer, not for a time. Send it now or cancel it.", code="no_time"
        )


def _pass_gate(row: Message, actor: User, *, at: datetime, is_leaving: bool = False) -> Verdict:
    verdict = verdict_on(row, at=at, author=actor, anew=True)
    waits_for_window = row.held_for == "window" and verdict.code == "window_closed" and not is_leaving
    if not verdict.ok and not waits_for_window:
        raise GateRefusal(verdict)
    return verdict


def _store(row: Message, actor: User, verdict: Verdict, now: datetime, **wanted: Any) -> None:
    changes = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    if not changes:
        return
    for name, value in changes.items():
        setattr(row, name, value)
    row.segments = compose.count_segments(row.body, row.conversation)
    row.verdict = verdict.as_json(at=now)
    row.save(update_fields=[*changes, "segments", "verdict"])
    what = {"body": "words", "scheduled_for": "time", "valid_until": "end of validity"}
    MessageEvent.objects.create(
        message=row,
        from_status=row.status,
        to_status=row.status,
        actor=actor,
        reason=f"Changed: {', '.join(what[name] for name in changes)}",
    )
    Conversation.objects.filter(pk=row.conversation_id, last_message_at=row.created_at).update(
        last_message_preview=conversations.preview(row)
    )
    live.publish(stream_id=row.stream_id, kind="status", conversation_id=row.conversation_id, message=row.pk)
