"""Ends the children's process groups if the supervisor is killed and can no longer do it.

This file is also the program of the guard process, so it imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

GRACE = 3.0  # seconds between SIGTERM and SIGKILL
TICK = 0.1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Guard:
    """The process that ends the children's groups if the supervisor can no longer do it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )

    def __exit__(self, *_exception: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def add(self, group: int) -> None:
        """Have the group ended with the supervisor."""
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """Forget a group that has ended."""
        self._tell(f"-{group}\n")

    def _tell(self, message: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # somebody killed the guard: children still die with us on Linux
            self._process.stdin.write(message.encode())


def _guard_groups() -> None:
    """Be the guard: follow standard input, and when it ends, end the groups that it named."""
    for signum in STOP_SIGNALS:
        signal.signal(signum, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(group, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while any(_exists(group) for group in groups) and time.monotonic() < deadline:
        time.sleep(TICK)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    _guard_groups()
