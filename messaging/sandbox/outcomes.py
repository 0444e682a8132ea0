"""What becomes of an accepted message: which reports are sent, when, and what the phone shows."""

from __future__ import annotations

from datetime import datetime, timedelta

from .database import writing
from .faults import ActiveFault
from .models import MessageStatus, PhoneMessage, SandboxChannel, TimerEvent, TimerKind
from .plays import play

NOT_ON_WHATSAPP = "131026: Message undeliverable"  # Meta's error codes
WINDOW_CLOSED = "131047: More than 24 hours have passed since the recipient last replied to the sender number"
NO_SUCH_NUMBER = "Unknown subscriber"
DROPPED = "Rejected by the network"
EXPIRED = "The validity period ended before delivery"

Step = tuple[str, float]  # a word and after how many seconds


def plan(message: PhoneMessage, fault: ActiveFault, now: datetime) -> list[TimerEvent]:
    """The events to come for a message accepted at `now`, not saved yet.

    `sent` follows after a quarter of the account's `delivered_after`. Only WhatsApp messages are read: no provider
    documents a read report for SMS.
    """
    account = message.account
    sent, delivered = ("sent", account.delivered_after / 4), ("delivered", account.delivered_after)
    failed = ("failed", account.delivered_after)
    reason = _why_it_fails(message, fault)
    steps: list[Step]
    if reason:
        steps = [sent, failed]
    elif fault.key == "switched_off" or message.phone.is_blocked:
        steps = [sent]
    elif message.channel == SandboxChannel.WHATSAPP and fault.key != "delivered_only":
        steps = [sent, delivered, ("read", account.read_after)]
    else:
        steps = [sent, delivered]
    if fault.key == "out_of_order":
        times = [seconds for _, seconds in steps]
        words = [word for word, _ in reversed(steps)]
        steps = [*zip(words, times, strict=True), ("delivered", times[-1] + account.delivered_after / 4)]
    events = [_event(message, word, now + timedelta(seconds=seconds), reason) for word, seconds in steps]
    for event in events:
        event.posts_hook = fault.key != "no_report" and account.sends_receipts
    if fault.key == "duplicate_reports":
        events = [copy for event in events for copy in (event, _copy(event))]
    return events


def _why_it_fails(message: PhoneMessage, fault: ActiveFault) -> str:
    phone = message.phone
    if message.failure_reason:
        return message.failure_reason
    if message.channel == SandboxChannel.WHATSAPP:
        if fault.key == "not_on_whatsapp" or not phone.on_whatsapp:
            return NOT_ON_WHATSAPP
    elif not phone.on_sms:
        return NO_SUCH_NUMBER
    return {"dropped": DROPPED, "not_valid": NO_SUCH_NUMBER}.get(fault.key, "")


def _event(message: PhoneMessage, word: str, at: datetime, reason: str) -> TimerEvent:
    return TimerEvent(
        kind=TimerKind.REPORT,
        account=message.account,
        message=message,
        lane=lane(message),
        word=word,
        event_id=play(message.provider).new_event_id(at),
        reason=reason if word == "failed" else "",
        due_at=at,
        occurred_at=at,
    )


def _copy(event: TimerEvent) -> TimerEvent:
    return TimerEvent(
        kind=event.kind,
        account=event.account,
        message=event.message,
        lane=event.lane,
        word=event.word,
        event_id=event.event_id,
        reason=event.reason,
        posts_hook=event.posts_hook,
        due_at=event.due_at,
        occurred_at=event.occurred_at,
    )


def lane(message: PhoneMessage) -> str:
    """The queue a message's events wait in: one per account and phone, so order is kept where it is seen."""
    return f"{message.account_id}:{message.phone.number}"


_RANK = {
    MessageStatus.SCHEDULED: 0,
    MessageStatus.ACCEPTED: 1,
    MessageStatus.SENT: 2,
    MessageStatus.DELIVERED: 3,
    MessageStatus.READ: 4,
    MessageStatus.FAILED: 5,
}


_MOVED = ("status", "delivered_at", "read_at", "failure_reason")
_AT_ONCE = 500


def take(event: TimerEvent) -> None:
    """Let a report's time have come: its message moves. Call inside `database.writing()`."""
    if _expire(event):
        event.save(update_fields=["word", "reason"])
    if _move(event.letter, event):
        event.letter.save(update_fields=_MOVED)


def take_untold(now: datetime) -> bool:
    """The same for due reports of which the product is not told, many at once; returns whether there may be more.

    A campaign's come together. No order is theirs to keep but that of their message.
    """
    untold = TimerEvent.objects.filter(kind=TimerKind.REPORT, posts_hook=False, due_at__lte=now)
    with writing():
        events = list(untold.select_related("message")[:_AT_ONCE])
        messages: dict[int, PhoneMessage] = {}
        for event in events:
            message = messages.setdefault(event.letter.pk, event.letter)
            event.message = message
            _expire(event)
            _move(message, event)
        PhoneMessage.objects.bulk_update(messages.values(), _MOVED)
        TimerEvent.objects.filter(pk__in=[event.pk for event in events]).delete()
    return len(events) == _AT_ONCE


def _expire(event: TimerEvent) -> bool:
    """A message whose validity has ended is not delivered: its report says failed instead."""
    ends = event.letter.valid_until
    if event.word != MessageStatus.DELIVERED or ends is None or event.due_at <= ends:
        return False
    event.word, event.reason = MessageStatus.FAILED.value, EXPIRED
    return True


def _move(message: PhoneMessage, event: TimerEvent) -> bool:
    """Give the phone's message the status that a report names; a later report of less changes nothing."""
    status = MessageStatus(event.word)
    if message.status not in _RANK or _RANK[status] <= _RANK[MessageStatus(message.status)]:
        return False
    message.status = status
    if status in (MessageStatus.DELIVERED, MessageStatus.READ):
        message.delivered_at = message.delivered_at or event.occurred_at
    if status == MessageStatus.READ:
        message.read_at = event.occurred_at
    if status == MessageStatus.FAILED:
        message.failure_reason = event.reason
    return True
