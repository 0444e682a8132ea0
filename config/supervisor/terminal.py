"""The terminal: whole lines on it while it is there, and being its foreground group."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator

COLOURS = (36, 33, 32, 35, 34, 31)


class Output:
    """Writes whole lines to standard output, until nobody is there to read them."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._colours: dict[str, int] = {}
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def say(self, text: str) -> None:
        """Write a line of the supervisor's own."""
        self.line("", text.encode())

    def line(self, name: str, text: bytes) -> None:
        """Write one line of a child, with its name before it."""
        prefix = f"{name:<{self._width}} | "
        if self._coloured:
            colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        rest = prefix.encode() + text.rstrip(b"\r") + b"\n"
        try:
            sys.stdout.flush()
            while rest:
                rest = rest[os.write(1, rest) :]
        except OSError:
            # A closed terminal or pipe: whatever is printed from here on, by us or by a hook, goes nowhere.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            os.close(nowhere)


@contextlib.contextmanager
def own_terminal() -> Iterator[Callable[[], bool]]:
    """Be the terminal's foreground group, apart from a wrapper such as make; yield how to ask if it was closed.

    Ctrl-C then reaches us and not make, which would die of it and call the orderly end a failure. A closed
    terminal's SIGHUP goes to the wrapper where that leads the session (`ssh -t host make run`): hence the question.
    """
    wrapper = os.getpgrp()
    try:
        in_foreground = os.isatty(0) and os.tcgetpgrp(0) == wrapper
    except OSError:
        in_foreground = False
    if not in_foreground or wrapper == os.getpid():
        yield lambda: False
        return
    # SIGTTOU: tcsetpgrp raises it in a background group, which we are for a moment. SIGTSTP: Ctrl-Z would stop us
    # alone, and the shell, waiting for make, would not take the terminal back.
    former = {signum: signal.signal(signum, signal.SIG_IGN) for signum in (signal.SIGTTOU, signal.SIGTSTP)}
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    hang_up = select.poll()
    hang_up.register(0, 0)  # POLLHUP and POLLERR come without being asked for
    try:
        yield lambda: bool(hang_up.poll(0))
    finally:
        with contextlib.suppress(OSError):  # the terminal or the wrapper may be gone
            os.tcsetpgrp(0, wrapper)
            os.setpgid(0, wrapper)
        for signum, handler in former.items():
            signal.signal(signum, handler)
