"""A wave: requests that each connect in a thread of their own, and that one commit puts on the wire together.

Only the caller's thread touches the database. A provider that takes one message a request would otherwise be
waited for a thousand times a chunk.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from conversations.models import SendAttempt
from conversations.services.exchange import Exchange, Fenced, exchange
from messaging.providers.base import Operation, Provider
from messaging.types import Outcome, SendResult

PATIENCE = 2.0  # seconds beyond the connect time-out in which every thread has connected or given up


@dataclass(slots=True)
class Call:
    """One request of a window: its attempt, the places in the chunk that it carries, and afterwards what it came to.

    `done` stays None when nothing was written: it was fenced.
    """

    attempt: SendAttempt
    places: tuple[int, ...]
    refs: tuple[str, ...]
    plan: Callable[[], Operation[SendResult]]
    done: Exchange | None = None

    @property
    def was_judged(self) -> bool:
        """Has the provider accepted or refused each person, and asked for no pause?"""
        return (
            self.done is not None
            and self.done.retry_after is None
            and all(one.outcome in (Outcome.ACCEPTED, Outcome.REFUSED) for one in self.done.result.results)
        )


class UnderWay:
    """A wave that has left, or was kept back: its requests are answered in threads of their own."""

    def __init__(self, calls: Sequence[Call], requests: Sequence[Future[None]], start: _Start) -> None:
        self.calls = calls
        self.kept_back: Exception | None = None
        self._requests = requests
        self._start = start

    @property
    def was_judged(self) -> bool:
        """Has the provider accepted or refused everybody, and asked for no pause? To be asked after `wait`."""
        return all(call.was_judged for call in self.calls)

    def wait(self) -> float:
        """Return when all have their answer: the seconds that took from when they were written."""
        for one in self._requests:
            one.result()
        return self._start.seconds


def leave(
    provider: Provider,
    calls: Sequence[Call],
    put_on_wire: Callable[[Sequence[Call]], None],
    threads: ThreadPoolExecutor,
) -> UnderWay:
    """Send these requests together and return while their answers are under way. There must be a thread for each.

    `put_on_wire` is called once, in this thread, with those whose connection stands. When it raises, Fenced or anything
    else, none of them is written, and what it raised is `kept_back`: it is no reason to forget the answers to others.
    """
    start = _Start(len(calls))
    requests = [threads.submit(_exchange, provider, call, place, start) for place, call in enumerate(calls)]
    under_way = UnderWay(calls, requests, start)
    connected = start.wait(seconds=provider.transport.connect_seconds + PATIENCE)
    if connected:
        try:
            put_on_wire([calls[place] for place in connected])
        except Exception as error:
            under_way.kept_back = error
    start.give(connected if under_way.kept_back is None else frozenset())
    return under_way


def _exchange(provider: Provider, call: Call, place: int, start: _Start) -> None:
    try:
        call.done = exchange(provider, call.plan, refs=call.refs, put_on_wire=lambda: start.ask(place))
    except Fenced:
        call.done = None
    finally:
        start.leave(place)


class _Start:
    """Where threads wait, connected, until they are told to write.

    Whoever comes wakes nobody but the last one, who wakes the caller: with one condition for all, twenty threads would
    wake each other four hundred times.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._lock = threading.Lock()
        self._all_there = threading.Event()
        self._told = threading.Event()
        self._waiting: set[int] = set()
        self._gone: set[int] = set()
        self._given: frozenset[int] = frozenset()
        self._given_at = self._ended_at = 0.0

    @property
    def seconds(self) -> float:
        """From when they were told to write to the end of the last thread."""
        return self._ended_at - self._given_at

    def ask(self, place: int) -> None:
        """Called with the connection standing: returns when this request may be written, else raises Fenced."""
        self._came(place, self._waiting)
        self._told.wait()
        if place not in self._given:
            raise Fenced("it may not be written")

    def leave(self, place: int) -> None:
        """Called at the end of a thread, whatever became of it."""
        self._ended_at = time.monotonic()
        self._came(place, self._gone)

    def wait(self, *, seconds: float) -> frozenset[int]:
        """The requests whose connection stands, once every thread has come or gone, or the time is over."""
        self._all_there.wait(seconds)
        with self._lock:
            return frozenset(self._waiting - self._gone)

    def give(self, places: frozenset[int]) -> None:
        """Let these be written; whoever asks later, or is not among them, is told no."""
        self._given, self._given_at = places, time.monotonic()
        self._told.set()

    def _came(self, place: int, among: set[int]) -> None:
        with self._lock:
            among.add(place)
            if len(self._waiting | self._gone) == self._number:
                self._all_there.set()
