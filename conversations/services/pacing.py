"""May one more request leave on this stream now? Rate, the provider's own wish to wait, and the breaker.

All in one row per stream under a lock: it survives a flushed Valkey and binds every worker.
The numbers of the breaker: 3 time-outs or 20 faults of any kind in a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from conversations.models import Stream, StreamGate
from messaging.types import Outcome, RecipientResult

FAULTS = 20
TIMEOUTS = 3
SHORTEST_BREAK, LONGEST_BREAK = timedelta(seconds=5), timedelta(seconds=60)
LONGEST_PROBE = timedelta(seconds=35)  # the total deadline and a little: a lost probe does not shut the stream

_TIMEOUT_CODES = ("no_answer",)
_FAULT_CODES = (*_TIMEOUT_CODES, "not_sent", "connection_broke")


def admit(stream: Stream, *, at: datetime) -> datetime | None:
    """Take one request's place and return None, or return the moment to ask again.

    Must run in the transaction of the claim: the place is given back when that rolls back.
    """
    StreamGate.objects.get_or_create(stream=stream)
    gate = StreamGate.objects.select_for_update().get(stream=stream)
    if gate.paused_until is not None and gate.paused_until > at:
        return gate.paused_until
    if gate.open_until is not None:
        if gate.open_until > at:
            return gate.open_until
        gate.open_until = at + LONGEST_PROBE  # this one is the probe; the others wait for what it finds
    seconds = max((at - gate.refilled_at).total_seconds(), 0.0)
    gate.tokens = min(float(gate.burst), gate.tokens + seconds * gate.rate)
    gate.refilled_at = max(at, gate.refilled_at)
    wait = None
    if gate.tokens < 1:
        wait = at + timedelta(seconds=(1 - gate.tokens) / gate.rate)
    else:
        gate.tokens -= 1
    gate.save(update_fields=["tokens", "refilled_at", *([] if wait else ["open_until"])])
    return wait


def note(stream: Stream, results: Iterable[RecipientResult], *, at: datetime, retry_after: float | None) -> None:
    """Learn from one request: an answer closes the breaker, faults in a row open it, a wish to wait pauses."""
    codes = {one.code for one in results if one.outcome in (Outcome.RETRY, Outcome.UNCONFIRMED)}
    gate = StreamGate.objects.select_for_update().filter(stream=stream).first()
    if gate is None:
        return
    if retry_after is not None:
        gate.paused_until = at + timedelta(seconds=retry_after)
    if codes & set(_FAULT_CODES):
        gate.faults += 1
        gate.timeouts = gate.timeouts + 1 if codes & set(_TIMEOUT_CODES) else 0
        if gate.open_until is not None or gate.faults >= FAULTS or gate.timeouts >= TIMEOUTS:
            gate.open_until = at + _break_length(gate)
    else:
        gate.faults = gate.timeouts = 0
        gate.open_until = None
    gate.save(update_fields=["paused_until", "faults", "timeouts", "open_until"])


def _break_length(gate: StreamGate) -> timedelta:
    """Twice as long with each fault after the first break, up to a minute."""
    beyond = max(gate.faults - FAULTS, gate.timeouts - TIMEOUTS, 0)
    return min(SHORTEST_BREAK * 2 ** min(beyond, 8), LONGEST_BREAK)
