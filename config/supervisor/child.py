"""One supervised process: started, read, restarted with growing delays, ended with all that it forked."""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from config.supervisor.guard import Guard
from config.supervisor.terminal import Output

LONGEST_DELAY = 10.0  # seconds between restarts of a child that keeps dying
STEADY_AFTER = 30.0  # seconds of life after which a child's delay starts over
LONGEST_LINE = 64 * 1024
PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True)
class ProcessSpec:
    """What to run and how to treat it. Times are in seconds.

    `env` is added to the supervisor's environment. `stop_grace` passes between SIGTERM and SIGKILL. `may_begin` is
    asked until it says yes, before the first start; `is_ready` likewise, for `on_ready`. Both must answer within
    milliseconds.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    restart_delay: float = 0.5
    stop_grace: float = 10.0
    may_begin: Callable[[], bool] = lambda: True
    is_ready: Callable[[], bool] = lambda: True


class Child:
    """One process of a specification after the other."""

    def __init__(self, spec: ProcessSpec, output: Output, guard: Guard, selector: selectors.BaseSelector) -> None:
        self._spec = spec
        self._output = output
        self._guard = guard
        self._selector = selector
        self._process: subprocess.Popen[bytes] | None = None
        self._line = b""
        self._delay = spec.restart_delay
        self._has_begun = False
        self._started_at = 0.0
        self._start_at = 0.0
        self._kill_at = float("inf")

    @property
    def is_over(self) -> bool:
        """Whether no process runs."""
        return self._process is None

    @property
    def is_ready(self) -> bool:
        """Whether it runs and says that it is ready."""
        return self._process is not None and self._process.poll() is None and self._spec.is_ready()

    def keep_running(self) -> None:
        """Start the process when that is due; when it has died, plan the next start."""
        if self._process is None:
            if time.monotonic() >= self._start_at and self._begins():
                self._start()
        elif self._process.poll() is not None:
            returncode = self._process.returncode
            self._bury()
            if time.monotonic() - self._started_at >= STEADY_AFTER:
                self._delay = self._spec.restart_delay
            self._plan_restart(_cause_of_death(returncode))

    def _begins(self) -> bool:
        self._has_begun = self._has_begun or self._spec.may_begin()
        return self._has_begun

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the process alone, which knows best in which order its own children end."""
        if self._process is not None:
            self._process.terminate()
            self._kill_at = time.monotonic() + self._spec.stop_grace

    def finish(self) -> None:
        """Take note of the end of a process that was asked to stop; kill it after its grace."""
        if self._process is not None and self._process.poll() is not None:
            self._bury()
        elif self._process is not None and time.monotonic() >= self._kill_at:
            self._output.say(f"{self._spec.name} did not stop within {self._spec.stop_grace:g} s: killed")
            self.kill()

    def kill(self) -> None:
        """Kill the process and all that it forked."""
        if self._process is not None:
            self._kill_group()
            self._process.wait()
            self._bury()

    def _kill_group(self) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter on macOS, for zombies
            os.killpg(self._process.pid, signal.SIGKILL)

    def _start(self) -> None:
        self._started_at = time.monotonic()
        try:
            self._process = subprocess.Popen(
                self._spec.argv,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self._spec.env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),
            )
        except OSError as error:
            self._plan_restart(f"cannot be started ({error.strerror}: {error.filename})")
            return
        self._guard.add(self._process.pid)
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._selector.register(self._process.stdout, selectors.EVENT_READ, self._read)

    def _bury(self) -> None:
        """End what a dead process left behind: two generations of a worker must not run side by side."""
        assert self._process is not None
        assert self._process.stdout is not None
        self._kill_group()
        self._guard.remove(self._process.pid)
        while self._read():
            pass
        with contextlib.suppress(KeyError):
            self._selector.unregister(self._process.stdout)
        self._process.stdout.close()
        if self._line:
            self._output.line(self._spec.name, self._line)
        self._line = b""
        self._process = None

    def _plan_restart(self, why: str) -> None:
        self._output.say(f"{self._spec.name} {why}; starting it again in {self._delay:g} s")
        self._start_at = time.monotonic() + self._delay
        self._delay = min(self._delay * 2, LONGEST_DELAY)

    def _read(self) -> bool:
        """Pass on what the process wrote; False when there is nothing to read now."""
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            data = os.read(self._process.stdout.fileno(), LONGEST_LINE)
        except BlockingIOError:
            return False
        if not data:  # it closed its output, which it may do while it runs
            with contextlib.suppress(KeyError):
                self._selector.unregister(self._process.stdout)
        *lines, self._line = (self._line + data).split(b"\n")
        if len(self._line) > LONGEST_LINE:
            lines, self._line = [*lines, self._line], b""
        for line in lines:
            self._output.line(self._spec.name, line)
        return bool(data)


def _die_with(supervisor: int) -> Callable[[], None] | None:
    """Return what a child does before its program starts, so that the kernel ends it with the supervisor (Linux)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != supervisor:  # it died before we asked
            os.kill(os.getpid(), signal.SIGTERM)

    return ask_the_kernel


def _cause_of_death(returncode: int) -> str:
    if returncode < 0:
        return f"was ended by signal {-returncode} ({signal.strsignal(-returncode)})"
    return f"ended with exit code {returncode}"
