"""The loop that keeps the children alive until a signal ends it."""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from config.supervisor.child import Child, ProcessSpec
from config.supervisor.guard import STOP_SIGNALS, Guard
from config.supervisor.terminal import Output, own_terminal

TICK = 0.1  # seconds between looks at the children
WATCH_EVERY = 2.0
SAME_PRESS = 0.5  # seconds: wrappers pass on a Ctrl-C that the terminal has delivered already


class Supervisor:
    """Runs `processes` until a signal ends it.

    `on_start` is called once, when those run that need not wait, for work to be done while they load; `on_ready` once,
    when all run and are ready; `on_stop` once, when none is left; `watch` every two seconds in between, for what must
    be kept alive beside the children: an exception of it is reported, no more.
    """

    def __init__(
        self,
        processes: Sequence[ProcessSpec],
        *,
        on_start: Callable[[], None] = lambda: None,
        on_ready: Callable[[], None] = lambda: None,
        on_stop: Callable[[], None] = lambda: None,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_start = on_start
        self._on_ready = on_ready
        self._on_stop = on_stop
        self._watch = watch
        self._output = Output(width=max(len(spec.name) for spec in processes))
        self._guard = Guard()
        self._selector = selectors.DefaultSelector()
        self._children = [Child(spec, self._output, self._guard, self._selector) for spec in processes]
        self._received: list[signal.Signals] = []

    def run(self) -> int:
        """Block until SIGINT, SIGTERM, SIGHUP or SIGQUIT; return the exit code.

        0 after an orderly end, 130 if a second Ctrl-C killed the children. Must be called once, in the main thread.
        Exceptions of `on_start`, `on_ready` and `on_stop` pass through, after the children have ended.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._selector)
            closed = stack.enter_context(own_terminal())
            stack.enter_context(self._handled_signals())  # until the very end: a closed terminal may tell us twice
            stack.callback(self._on_stop)
            stack.enter_context(self._guard)
            try:
                self._keep_running(closed)
            finally:
                orderly = self._end_children()
        return 0 if orderly else 128 + signal.SIGINT

    def _keep_running(self, terminal_closed: Callable[[], bool]) -> None:
        ready = False
        watch_at = time.monotonic() + WATCH_EVERY
        for child in self._children:
            child.keep_running()
        self._call(self._on_start)
        while not self._received:
            for child in self._children:
                child.keep_running()
            if not ready and all(child.is_ready for child in self._children):
                ready = True
                self._call(self._on_ready)
            if time.monotonic() > watch_at:
                self._call_watch()
                watch_at = time.monotonic() + WATCH_EVERY
            self._wait()
            if terminal_closed():
                self._received.append(signal.SIGHUP)
        self._output.say(f"{self._received[0].name}: stopping")

    def _call(self, hook: Callable[[], None]) -> None:
        try:
            hook()
        except BrokenPipeError:
            pass  # nobody reads what it prints: no reason to end what runs
        except Exception:
            if not self._received:  # Ctrl-C also ends the processes that it waits for: no failure of its own
                raise

    def _call_watch(self) -> None:
        try:
            self._watch()
        except Exception as error:
            self._output.say(f"{type(error).__name__}: {error}")

    def _end_children(self) -> bool:
        """Stop the children, each within its grace; False if a second Ctrl-C made it short."""
        self._received.clear()
        began = time.monotonic()
        for child in self._children:
            child.ask_to_stop()
        while not all(child.is_over for child in self._children):
            for child in self._children:
                child.finish()
            self._wait()
            if signal.SIGINT in self._received and time.monotonic() - began > SAME_PRESS:
                self._output.say("killing everything")
                for child in self._children:
                    child.kill()
                return False
            self._received.clear()
        return True

    def _wait(self) -> None:
        """Pass on output until the next tick, or until a signal or the death of a child."""
        for key, _ in self._selector.select(TICK):
            key.data()

    @contextlib.contextmanager
    def _handled_signals(self) -> Iterator[None]:
        """Collect the stop signals, and wake the loop by them and by the death of a child."""
        wake, wakened = socket.socketpair()
        wake.setblocking(False)
        wakened.setblocking(False)
        self._selector.register(wake, selectors.EVENT_READ, lambda: wake.recv(4096))

        def note(signum: int, _frame: FrameType | None) -> None:
            if signum != signal.SIGCHLD:
                self._received.append(signal.Signals(signum))

        former = {
            signum: signal.signal(signum, note)
            for signum in (*STOP_SIGNALS, signal.SIGCHLD)
            if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN  # nohup
        }
        former_wake = signal.set_wakeup_fd(wakened.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(former_wake)
            for signum, handler in former.items():
                signal.signal(signum, handler)
            wake.close()
            wakened.close()
