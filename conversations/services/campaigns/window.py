"""Several requests at once: each connects in a thread of its own, one commit puts all of them on the wire.

Only the caller's thread touches the database. A provider that takes one message a request would otherwise be
waited for a thousand times a chunk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conversations.services.exchange import Exchange, Fenced, exchange
from messaging.providers.base import Operation, Provider
from messaging.types import SendResult

PATIENCE = 2.0  # seconds beyond the connect time-out in which every thread has connected or given up


@dataclass(slots=True)
class Call:
    """One request of a window: the places in the chunk that it carries, and afterwards what it came to.

    `done` stays None when nothing was written: it was fenced.
    """

    places: tuple[int, ...]
    refs: tuple[str, ...]
    plan: Callable[[], Operation[SendResult]]
    done: Exchange | None = None


def send(provider: Provider, calls: Sequence[Call], put_on_wire: Callable[[Sequence[Call]], None]) -> None:
    """Send the requests together and wait for all.

    `put_on_wire` is called once, in this thread, with those whose connection stands; when it raises Fenced, none of
    them is written. Whatever else it raises does the same, and comes out.
    """
    start = _Start(len(calls))
    threads = [
        threading.Thread(target=_exchange, args=(provider, call, place, start), name=f"window-{place}", daemon=True)
        for place, call in enumerate(calls)
    ]
    for thread in threads:
        thread.start()
    connected = start.wait(seconds=provider.transport.connect_seconds + PATIENCE)
    failure: Exception | None = None
    if connected:
        try:
            put_on_wire([calls[place] for place in connected])
        except Exception as error:
            failure = error
    start.give(connected if failure is None else frozenset())
    for thread in threads:
        thread.join()
    if failure is not None and not isinstance(failure, Fenced):
        raise failure


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

    def ask(self, place: int) -> None:
        """Called with the connection standing: returns when this request may be written, else raises Fenced."""
        self._came(place, self._waiting)
        self._told.wait()
        if place not in self._given:
            raise Fenced("it may not be written")

    def leave(self, place: int) -> None:
        """Called at the end of a thread, whatever became of it."""
        self._came(place, self._gone)

    def wait(self, *, seconds: float) -> frozenset[int]:
        """The requests whose connection stands, once every thread has come or gone, or the time is over."""
        self._all_there.wait(seconds)
        with self._lock:
            return frozenset(self._waiting - self._gone)

    def give(self, places: frozenset[int]) -> None:
        """Let these be written; whoever asks later, or is not among them, is told no."""
        self._given = places
        self._told.set()

    def _came(self, place: int, among: set[int]) -> None:
        with self._lock:
            among.add(place)
            if len(self._waiting | self._gone) == self._number:
                self._all_there.set()
