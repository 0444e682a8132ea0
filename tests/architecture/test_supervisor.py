"""The supervisor: real processes, real signals, a real terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from config.local_services.places import PROJECT
from config.supervisor import free_port
from tests.architecture.servers import wait_until

# Writes one line per life, a pid per process, and leaves a grandchild behind, as an RQ worker does with its horse.
WORKER = """
import os, signal, sys, time
if "stubborn" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
    time.sleep(60)
open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
print("working", os.getpid())
if "dying" in sys.argv: sys.exit(3)
time.sleep(60)
"""

DRIVER = """
import json, sys, time
from config.supervisor import ProcessSpec, Supervisor
names, pids, options = json.loads(sys.argv[1])
started = time.monotonic()
specs = [
    ProcessSpec(n, [sys.executable, "-c", sys.argv[2], f"{pids}/{n}", n], {"NAME": n}, **options) for n in names
]
sys.exit(Supervisor(
    specs,
    on_ready=lambda: print("all ready", flush=True),
    on_stop=lambda: (print("all stopped", flush=True), open(f"{pids}/stopped", "w").close()),
    watch=lambda: 1 / 0,
).run())
"""


class Run:
    """One supervisor in a process of its own, over children that write down their pids."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "pids"
        self.directory.mkdir()
        self.process: subprocess.Popen[str] | None = None

    def command(self, *names: str, **options: float) -> list[str]:
        return [sys.executable, "-c", DRIVER, json.dumps([names, str(self.directory), options]), WORKER]

    def start(self, *names: str, **options: float) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        command = self.command(*names, **options)
        self.process = subprocess.Popen(command, cwd=PROJECT, text=True, **pipes)  # type: ignore[call-overload]
        return self.process

    def pids(self, name: str) -> list[int]:
        """The pids that the child and its grandchild wrote, over all their lives."""
        with suppress(FileNotFoundError):
            return [int(line) for line in (self.directory / name).read_text().split()]
        return []

    def wait_for_lives(self, name: str, count: int) -> None:
        wait_until(lambda: len(self.pids(name)) >= 2 * count)

    def living(self) -> list[int]:
        pids = [pid for file in self.directory.iterdir() for pid in self.pids(file.name)]
        return [pid for pid in pids if lives(pid)]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    started = Run(tmp_path)
    yield started
    if started.process is not None and started.process.stdout is not None:
        started.process.kill()
        started.process.wait()
        started.process.stdout.close()
    for pid in started.living():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_child_is_started_again_without_its_old_forks(run: Run) -> None:
    process = run.start("web", "worker", restart_delay=0.1)
    run.wait_for_lives("web", 1)
    run.wait_for_lives("worker", 1)
    first = run.pids("worker")
    leader = max(first, key=lambda pid: psutil.Process(pid).ppid() == process.pid)
    os.kill(leader, signal.SIGKILL)
    run.wait_for_lives("worker", 2)
    assert not any(lives(pid) for pid in first)
    assert len(run.pids("web")) == 2, "the other child was left alone"

    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "worker was ended by signal 9 (Killed); starting it again in 0.1 s" in output
    assert re.search(r"^worker \| working \d+$", output, re.MULTILINE)
    assert re.search(r"^web    \| working \d+$", output, re.MULTILINE)
    assert output.count("all ready\n") == output.count("all stopped\n") == 1


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_children_and_grandchildren(run: Run, signum: signal.Signals) -> None:
    process = run.start("web", "worker")
    run.wait_for_lives("web", 1)
    run.wait_for_lives("worker", 1)
    process.send_signal(signum)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert run.living() == []
    assert f"{signum.name}: stopping" in output
    assert output.endswith("all stopped\n")


def test_a_child_that_will_not_stop_is_killed_after_its_grace(run: Run) -> None:
    process = run.start("stubborn", stop_grace=0.5)
    run.wait_for_lives("stubborn", 1)
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "stubborn did not stop within 0.5 s: killed" in output
    assert run.living() == []


def test_a_second_interrupt_kills_at_once(run: Run) -> None:
    process = run.start("stubborn", stop_grace=60)
    run.wait_for_lives("stubborn", 1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)  # a wrapper passing on the same Ctrl-C
    time.sleep(0.6)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=5)
    assert process.returncode == 130
    assert "killing everything" in output
    assert run.living() == []


def test_a_killed_supervisor_leaves_no_child(run: Run) -> None:
    process = run.start("worker", "stubborn")
    run.wait_for_lives("worker", 1)
    run.wait_for_lives("stubborn", 1)
    process.kill()
    wait_until(lambda: run.living() == [])


def test_a_child_that_keeps_dying_is_started_less_and_less_often(run: Run) -> None:
    process = run.start("dying", restart_delay=0.1)
    run.wait_for_lives("dying", 4)
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert re.findall(r"ended with exit code 3; starting it again in (\S+) s", output)[:3] == ["0.1", "0.2", "0.4"]
    assert process.returncode == 0


def test_what_the_watch_raises_is_reported_and_harms_nobody(run: Run) -> None:
    process = run.start("worker")
    assert process.stdout is not None
    assert any("ZeroDivisionError: division by zero" in line for line in process.stdout)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_program_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    code = "from config.supervisor import *; Supervisor([ProcessSpec('web', ['/nowhere'])]).run()"
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "web cannot be started (No such file or directory: /nowhere)" in process.stdout.readline()
    process.terminate()
    process.communicate(timeout=20)


def test_who_waits_for_another_begins_once_and_is_started_again_without_waiting(run: Run) -> None:
    code = (
        "import sys; from pathlib import Path; from config.supervisor import *\n"
        "pids, worker = sys.argv[1:]; flag = Path(pids, 'served')\n"
        "def spec(name, **waits): return ProcessSpec(name, [sys.executable, '-c', worker, f'{pids}/{name}', name],"
        " restart_delay=0.1, **waits)\n"
        "sys.exit(Supervisor([spec('web'), spec('dying', may_begin=flag.exists)],"
        " on_start=lambda: print('web loads', flush=True), on_ready=lambda: print('all ready', flush=True)).run())"
    )
    command = [sys.executable, "-c", code, str(run.directory), WORKER]
    run.process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    run.wait_for_lives("web", 1)
    time.sleep(0.5)
    assert run.pids("dying") == [], "it was not asked to begin yet"
    (run.directory / "served").touch()
    run.wait_for_lives("dying", 1)
    (run.directory / "served").unlink()
    run.wait_for_lives("dying", 2)
    run.process.terminate()
    output, _ = run.process.communicate(timeout=20)
    assert output.startswith("web loads\n")


@pytest.mark.parametrize("hook", ["on_start", "on_ready"])
@pytest.mark.parametrize(("stop", "returncode"), [(True, 0), (False, 1)])
def test_a_failing_hook_ends_everything_and_is_no_failure_after_a_stop(stop: bool, returncode: int, hook: str) -> None:
    code = (
        "import os, signal, sys; from config.supervisor import *\n"
        "def fail():\n"
        f"    if {stop}: os.kill(os.getpid(), signal.SIGINT)\n"
        "    raise ValueError('not ready at all')\n"
        "web = ProcessSpec('web', [sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"sys.exit(Supervisor([web], {hook}=fail, on_stop=lambda: print('all stopped')).run())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=20)
    assert done.returncode == returncode
    assert done.stdout.endswith("all stopped\n")
    assert ("ValueError: not ready at all" in done.stderr) is not stop


def test_nobody_reading_the_output_is_survived(run: Run) -> None:
    process = run.start("dying", "worker", restart_delay=0.05)
    run.wait_for_lives("worker", 1)
    assert process.stdout is not None
    process.stdout.close()
    run.wait_for_lives("dying", 3)
    assert process.poll() is None
    process.terminate()
    process.wait(timeout=20)
    assert process.returncode == 0
    assert run.living() == []


def test_nobody_reading_is_survived_also_before_everything_is_ready(run: Run) -> None:
    process = run.start("worker")
    assert process.stdout is not None
    process.stdout.close()  # before the interpreter has even started
    run.wait_for_lives("worker", 1)
    time.sleep(0.5)  # it says that all is ready, to nobody
    assert process.poll() is None
    process.terminate()
    process.wait(timeout=20)
    assert process.returncode == 0
    assert run.living() == []


@pytest.fixture
def terminal(run: Run, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """`make` over the supervisor in a terminal of its own: the terminal and make's pid."""
    makefile = tmp_path / "Makefile.txt"
    makefile.write_text('run:\n\t@exec "$$PYTHON" "$$DRIVER"\n')
    driver = tmp_path / "driver.txt"
    arguments = run.command("web", "worker")[3:]
    driver.write_text(f"import sys; sys.path.insert(0, {str(PROJECT)!r}); sys.argv[1:] = {arguments!r}\n{DRIVER}")
    pid, descriptor = pty.fork()
    if pid == 0:
        os.environ |= {"PYTHON": sys.executable, "DRIVER": str(driver)}
        os.execvp("make", ["make", "-f", str(makefile), "run"])
    yield descriptor, pid
    with suppress(OSError):
        os.close(descriptor)
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def read_until(descriptor: int, text: str) -> str:
    """Read the terminal until `text` appears, or to its end."""
    output = ""
    deadline = time.monotonic() + 20
    while text not in output and time.monotonic() < deadline:
        if select.select([descriptor], [], [], 0.1)[0]:
            try:
                output += os.read(descriptor, 4096).decode()
            except OSError:  # EIO: the last process has closed the terminal
                break
    return output


def test_ctrl_c_under_make_is_an_orderly_end(run: Run, terminal: tuple[int, int]) -> None:
    descriptor, make = terminal
    run.wait_for_lives("web", 1)
    run.wait_for_lives("worker", 1)
    read_until(descriptor, "all ready")
    os.write(descriptor, b"\x03")
    output = read_until(descriptor, "all stopped")
    assert "SIGINT: stopping" in output
    _, status = os.waitpid(make, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert run.living() == []


def test_a_closed_terminal_stops_everything(run: Run, terminal: tuple[int, int]) -> None:
    descriptor, _ = terminal
    run.wait_for_lives("web", 1)
    run.wait_for_lives("worker", 1)
    read_until(descriptor, "all ready")
    os.close(descriptor)
    wait_until(lambda: (run.directory / "stopped").exists())
    assert run.living() == []


def test_a_taken_port_gives_the_next_free_one() -> None:
    with socket.socket() as taken:
        port = free_port(21000)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert port < free_port(port) < 32768
    with pytest.raises(RuntimeError, match=r"No port between 32768 and 32767 is free"):
        free_port(32768)
