"""Ends what takes longer than it may: a reader that waits on a socket cannot look at the clock."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Any


class Watched:
    """Something on a socket that has to be over at `deadline`, in seconds of the monotonic clock."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.was_cut = False
        self.sock: Any = None

    def cut(self) -> None:
        """End it now: a reader that waits on the socket wakes with an error."""
        self.was_cut = True
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


class Watchdog:
    """Cuts what is watched at its deadline: one thread for all of a process, which ends when there is nothing left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: set[Watched] = set()
        self._runs = False

    def watch(self, one: Watched) -> None:
        """Cut it at its deadline, which is not before those of all that are watched already."""
        with self._lock:
            if not self._runs:
                threading.Thread(target=self._run, name="watchdog", daemon=True).start()
                self._runs = True
            self._watched.add(one)

    def leave(self, one: Watched) -> None:
        """It is over: it is not cut after this returns."""
        with self._lock:
            self._watched.discard(one)

    def _run(self) -> None:
        while True:
            with self._lock:
                now = time.monotonic()
                for late in [one for one in self._watched if one.deadline <= now]:
                    late.cut()
                    self._watched.discard(late)
                if not self._watched:
                    self._runs = False
                    return
                nearest = min(one.deadline for one in self._watched)
            time.sleep(max(nearest - now, 0.0))
