"""Who may start and stop the servers, and who uses them: kernel locks, which a killed process cannot leave behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for whoever holds it."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class UserList:
    """The live users of the servers: each holds the same file's shared lock.

    A process forked by a user counts until both are gone; that is right, it uses the servers as well.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._member: int | None = None

    @property
    def is_member(self) -> bool:
        """Whether this very process, not the one it was forked from, joined."""
        return self._member == os.getpid()

    def join(self) -> bool:
        """Count this process as a user; refused (False) only while the last user stops the servers."""
        if self.is_member:
            return True
        self._forget()
        descriptor = _open(self._path)
        if not _try(descriptor, fcntl.LOCK_SH):
            os.close(descriptor)
            return False
        self._descriptor, self._member = descriptor, os.getpid()
        return True

    def leave(self) -> None:
        """Stop counting this process."""
        if self.is_member:
            self._forget()

    @contextlib.contextmanager
    def closed(self) -> Iterator[bool]:
        """Yield whether nobody uses the servers; while it holds, nobody can join."""
        descriptor = _open(self._path)
        try:
            yield _try(descriptor, fcntl.LOCK_EX)
        finally:
            os.close(descriptor)

    def _forget(self) -> None:
        # Closing, never unlocking: the lock is shared with the process that we were forked from or that we forked.
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = self._member = None


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _try(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
