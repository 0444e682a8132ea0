"""May one more request leave on this stream now? Rate, places, the provider's own wish to wait, and the breaker.

All in one row per stream under a lock: it survives a flushed Valkey and binds every worker.
The numbers of the breaker: 3 time-outs or 20 faults of any kind in a row.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from conversations.models import SendAttempt, Stream, StreamGate
from conversations.models.composed import Given, Joined, Question
from messaging.types import Outcome, RecipientResult

FAULTS = 20
TIMEOUTS = 3
SHORTEST_BREAK, LONGEST_BREAK = timedelta(seconds=5), timedelta(seconds=60)
LONGEST_BACKOFF = 300.0  # seconds
LONGEST_PROBE = timedelta(seconds=35)  # the total deadline and a little: a lost probe does not shut the stream

_TIMEOUT_CODES = ("no_answer",)
_FAULT_CODES = (*_TIMEOUT_CODES, "not_sent", "connection_broke")
_A_HAIR = 1e-6  # of a token: what sums of floating point may lack


def backoff(tries: int, *, longest: float = LONGEST_BACKOFF) -> timedelta:
    """How long to wait after so many tries without success: at random, so that not all come back at once."""
    return timedelta(seconds=random.uniform(0.2, min(longest, 0.5 * 2 ** min(tries, 12))))  # noqa: S311 no secret


def lock(stream: Stream) -> StreamGate:
    """The gate of a stream, locked until the present transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [stream.pk])
        found = cursor.fetchone()
    if found is not None:
        (gate,) = _GATE.read(found)
        return gate
    StreamGate.objects.get_or_create(stream=stream)
    return StreamGate.objects.select_for_update().get(stream=stream)


# Written out, as what is saved: each message asks it twice, and so does every window of a campaign.
_GATE = Joined(gate=StreamGate)
_LOCK = f"SELECT {_GATE.columns} FROM conversations_streamgate AS gate WHERE stream_id = %s FOR UPDATE"  # noqa: S608


def _save(gate: StreamGate, *names: str) -> None:
    assigned = ", ".join(f"{name} = %s" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE conversations_streamgate SET {assigned} WHERE stream_id = %s",  # noqa: S608 - names of ours
            [*(getattr(gate, name) for name in names), gate.stream_id],
        )


def has_place(gate: StreamGate, *, at: datetime) -> bool:
    """May one more of the workers for agents' messages be busy with this stream?

    One of them is always left to the other streams, so that a slow provider holds up nobody else. False is
    written down: the request that ends next wakes the message that comes next (`let_next`).
    """
    lease = timedelta(seconds=settings.DELIVERY_LEASE_SECONDS)
    busy = _BUSY.ask(stream=gate.stream_id, since=at - lease)
    if len(busy) < max(settings.INTERACTIVE_WORKERS - 1, 1):
        return True
    if not gate.somebody_waits:
        gate.somebody_waits = True
        _save(gate, "somebody_waits")
    return False


def _busy() -> Any:
    under_way = SendAttempt.objects.under_way().filter(is_bulk=False)
    return under_way.filter(stream=Given("stream"), started_at__gt=Given("since")).order_by().values_list("pk")


_BUSY = Question(_busy)


def admit(gate: StreamGate, *, at: datetime, has_waited: bool = False, is_bulk: bool = False) -> datetime | None:
    """Take one request's turn and return None, or return the moment to ask again.

    Whoever is turned away stands in a line, one moment each: `has_waited` says that this was its moment, and
    newcomers do not pass it. Bulk has no place in that line; it goes when nobody stands there, and leaves one
    turn for an agent. `gate` is locked by the transaction of the claim: the turn is given back when that rolls back.
    """
    with _saved(gate, *_TURN):
        return _take_turn(gate, at=at, has_waited=has_waited, is_bulk=is_bulk)


def admit_many(gate: StreamGate, number: int, *, at: datetime) -> tuple[int, datetime | None]:
    """Take the turns of up to `number` bulk requests that leave together, as admit does for one.

    Returns how many go, and the moment to ask again for the first that does not.
    """
    granted, wait_until = 0, None
    with _saved(gate, *_TURN):
        while granted < number and wait_until is None:
            wait_until = _take_turn(gate, at=at, has_waited=True, is_bulk=True)
            granted += wait_until is None
    return granted, wait_until


_TURN = ("tokens", "refilled_at", "open_until", "next_slot")


@contextmanager
def _saved(gate: StreamGate, *names: str) -> Iterator[None]:
    """Save these fields at the end, if one of them has changed."""
    before = [getattr(gate, name) for name in names]
    yield
    if before != [getattr(gate, name) for name in names]:
        _save(gate, *names)


def _take_turn(gate: StreamGate, *, at: datetime, has_waited: bool, is_bulk: bool) -> datetime | None:
    if gate.paused_until is not None and gate.paused_until > at:
        return gate.paused_until
    is_probe = gate.open_until is not None
    if gate.open_until is not None and gate.open_until > at:
        return gate.open_until
    gate.tokens, gate.refilled_at = gate.tokens_at(at), max(at, gate.refilled_at)
    somebody_stands_there = gate.next_slot is not None and gate.next_slot > at and (is_bulk or not has_waited)
    leaves_a_turn = somebody_stands_there or (is_bulk and gate.burst > 1)
    if gate.tokens + _A_HAIR >= (2 if leaves_a_turn else 1):
        gate.tokens = max(gate.tokens - 1, 0.0)
        if is_probe:
            gate.open_until = at + LONGEST_PROBE  # the others wait for what it finds
        return None
    turn = timedelta(seconds=1 / gate.turns_a_second)
    slot = at + max(1 - gate.tokens, 0.0) * turn
    if is_bulk:
        slot = max(slot, at + turn)
    else:
        slot = max(slot, gate.next_slot or slot)
        gate.next_slot = slot + turn
    return slot


def note(stream: Stream, results: Iterable[RecipientResult], *, at: datetime, retry_after: float | None) -> bool:
    """Learn from one request: an answer closes the breaker, faults in a row open it, a wish to wait pauses.

    Returns what `let_next` returns.
    """
    return note_all(stream, [(results, retry_after)], at=at)


def note_all(
    stream: Stream, answers: Iterable[tuple[Iterable[RecipientResult], float | None]], *, at: datetime
) -> bool:
    """Learn from requests that left together, as `note` does from one: the results of each, and its wish to wait."""
    gate = lock(stream)
    with _saved(gate, "paused_until", "faults", "timeouts", "open_until", "somebody_waits"):
        somebody_waits, gate.somebody_waits = gate.somebody_waits, False
        for results, retry_after in answers:
            _learn(gate, results, at=at, retry_after=retry_after)
    return somebody_waits


def _learn(gate: StreamGate, results: Iterable[RecipientResult], *, at: datetime, retry_after: float | None) -> None:
    codes = {one.code for one in results if one.outcome in (Outcome.RETRY, Outcome.UNCONFIRMED)}
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


def let_next(stream: Stream) -> bool:
    """A request has ended: was a message turned away because too many were under way? Forgets it."""
    gate = lock(stream)
    somebody_waits, gate.somebody_waits = gate.somebody_waits, False
    _save(gate, "somebody_waits")
    return somebody_waits


def _break_length(gate: StreamGate) -> timedelta:
    """Twice as long with each fault after the first break, up to a minute."""
    beyond = max(gate.faults - FAULTS, gate.timeouts - TIMEOUTS, 0)
    return min(SHORTEST_BREAK * 2 ** min(beyond, 8), LONGEST_BREAK)
