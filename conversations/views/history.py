"""The life of one message, for people: what was tried, what the provider said, who or what decided next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from conversations.models import AttemptResult, Message, MessageEvent, User
from conversations.models.message import MessageStatus as Status
from conversations.services.wire_log import readable
from messaging.types import Outcome

RECEIPT = "Receipt"  # the reason of the events that delivery reports make (services/receipts.py)


@dataclass(frozen=True, slots=True)
class Wire:
    """A request and its answer as they went, redacted. Empty texts where there was none, or none may be seen."""

    request: str = ""
    request_body: str = ""
    answer: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the history: what happened, when, by whom; an attempt has its `result` and its `wire`."""

    at: datetime
    icon: str
    words: str
    by: str = ""
    detail: str = ""
    tone: str = ""
    number: int = 0
    result: AttemptResult | None = None
    others: int = 0
    wire: Wire | None = None

    @property
    def seconds(self) -> str:
        """How long the provider took to answer, such as 0.42 s."""
        attempt = self.result.attempt if self.result else None
        if attempt is None or attempt.on_wire_at is None or attempt.finished_at is None:
            return ""
        return f"{max(0.0, (attempt.finished_at - attempt.on_wire_at).total_seconds()):.2f} s"


def history(message: Message, user: User) -> list[Step]:
    """Everything that happened to a message, in its order, as this user may see it.

    A request that carried messages to others too is shown whole only to whoever may see all of them.
    """
    events = list(message.events.select_related("actor"))
    attempts = list(_attempts(message, user))
    said = {attempt.detail for attempt in attempts}
    return sorted([*attempts, *_decisions(message, events, said), *_reports(message, events)], key=lambda step: step.at)


def _attempts(message: Message, user: User) -> Iterator[Step]:
    results = list(message.results.select_related("attempt", "released_by"))
    beside = _messages_beside(results, user)
    for number, result in enumerate(results, start=1):
        attempt = result.attempt
        carried, seen = beside.get(attempt.pk, (1, 1))
        icon, words, tone = _outcome_words(result, message.stream.account.provider_label)
        yield Step(
            at=attempt.started_at,
            icon=icon,
            words=words,
            tone=tone,
            detail=readable(result.text, stream=message.stream),
            number=number,
            result=result,
            others=carried - 1,
            wire=_wire(result, message) if seen == carried else Wire(hidden=True),
        )


def _messages_beside(results: Iterable[AttemptResult], user: User) -> dict[int, tuple[int, int]]:
    """How many messages each request carried, and how many of them this user may see."""
    attempts = [result.attempt_id for result in results]
    mine = Q(message__in=Message.objects.visible_to(user))
    counted = AttemptResult.objects.filter(attempt__in=attempts).order_by().values("attempt")
    rows = counted.annotate(carried=Count("pk"), seen=Count("pk", filter=mine))
    return {row["attempt"]: (row["carried"], row["seen"]) for row in rows}


def _wire(result: AttemptResult, message: Message) -> Wire:
    attempt, stream = result.attempt, message.stream
    return Wire(
        request=readable(f"{attempt.request_method} {attempt.request_url}".strip(), stream=stream),
        request_body=readable(attempt.request_body, stream=stream),
        answer=readable(attempt.response_body, stream=stream),
    )


def _outcome_words(result: AttemptResult, provider: str) -> tuple[str, str, str]:
    """Icon, sentence and tone of what an attempt came to for this message."""
    match result.outcome:
        case Outcome.ACCEPTED:
            return "check", f"{provider} accepted it", "good"
        case Outcome.REFUSED if result.on_wire:
            return "circle-alert", f"{provider} refused it", "danger"
        case Outcome.REFUSED:
            return "circle-alert", "It could not be sent", "danger"
        case Outcome.BLOCKED:
            return "key-round", f"{provider} refused our credentials", "danger"
        case Outcome.UNCONFIRMED:
            return "circle-question-mark", f"{provider} gave no clear answer: it may have been sent", "warning"
        case Outcome.RETRY if result.code == "fenced":
            return "ban", "Stopped before anything was sent", ""
        case Outcome.RETRY if result.on_wire:
            return "hourglass", f"{provider} did not take it and asked us to wait", "warning"
        case Outcome.RETRY:
            return "hourglass", f"{provider} could not be reached. Nothing was sent", "warning"
        case _:
            return "loader", "Under way", ""


def _decisions(message: Message, events: Iterable[MessageEvent], said: Collection[str]) -> Iterator[Step]:
    """The moves of the message. That a worker took it is said by the attempt, what a report did by the report.

    A reason that is among the `said`, the words of the attempts, is not said again.
    """
    for event in events:
        if event.to_status == Status.SENDING or event.reason == RECEIPT:
            continue
        icon, words = _move_words(event)
        reason = readable(event.reason, stream=message.stream)
        yield Step(
            at=event.created_at,
            icon=icon,
            words=words,
            by=str(event.actor or "Parley"),
            detail="" if reason in said else reason,
        )


def _move_words(event: MessageEvent) -> tuple[str, str]:
    if event.from_status == event.to_status:
        return "pencil", "Changed while it waited"
    if not event.from_status:
        return _BEGINNINGS.get(event.to_status, ("info", "Stored"))
    if event.to_status == Status.QUEUED:
        return _RETURNS.get(event.from_status, ("clock", "Queued"))
    return _MOVES.get(event.to_status, ("info", event.to_status.capitalize()))


_BEGINNINGS: dict[str, tuple[str, str]] = {
    Status.DRAFT: ("pencil", "Written as a draft"),
    Status.SCHEDULED: ("calendar-clock", "Scheduled"),
    Status.HELD: ("circle-dashed", "Kept back, so that it could be undone"),
    Status.QUEUED: ("clock", "Queued"),
    Status.RECEIVED: ("inbox", "Received"),
}
_RETURNS: dict[str, tuple[str, str]] = {
    Status.SCHEDULED: ("clock", "Queued, no longer scheduled"),
    Status.HELD: ("clock", "Queued, no longer held"),
    Status.SENDING: ("clock", "Queued again, to be tried later"),
    Status.UNCONFIRMED: ("reply", "Queued again, a possible double accepted"),
}
_MOVES: dict[str, tuple[str, str]] = {
    Status.HELD: ("circle-dashed", "Held"),
    Status.ACCEPTED: ("check-line", "Accepted"),
    Status.SENT: ("check", "Sent"),
    Status.DELIVERED: ("check-check", "Delivered"),
    Status.READ: ("check-check", "Read"),
    Status.UNDELIVERED: ("circle-alert", "Not delivered"),
    Status.FAILED: ("circle-alert", "Failed, not tried again"),
    Status.EXPIRED: ("clock-alert", "Its time ran out"),
    Status.CANCELLED: ("calendar-x", "Cancelled"),
    Status.UNCONFIRMED: ("circle-question-mark", "Not confirmed, not sent again by itself"),
}


def _reports(message: Message, events: Iterable[MessageEvent]) -> Iterator[Step]:
    """Every delivery report, whether it raised the message or not."""
    raised = [event.to_status for event in events if event.reason == RECEIPT]
    for receipt in message.receipts.all():
        parts = [receipt.code, receipt.text]
        if receipt.status in raised:
            raised.remove(receipt.status)
        else:
            parts.append("(it changed nothing)")
        yield Step(
            at=receipt.received_at,
            icon="info",
            words=f"Report: {receipt.get_status_display()}",
            by=message.stream.account.provider_label,
            detail=readable(" ".join(part for part in parts if part), stream=message.stream),
        )
