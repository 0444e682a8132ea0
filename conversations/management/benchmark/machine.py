"""The machine under a benchmark: what it is, how busy it is, and what our processes take of it."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import django_rq
import psutil
from django.db import connection

from config import local_services
from config.local_services.places import PROJECT, Places
from config.local_services.processes import find_processes

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Machine:
    """What a reader has to know to compare figures."""

    processor: str
    cores: int
    memory_gigabytes: int
    system: str
    versions: dict[str, str]

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        hardware = f"{self.cores} cores ({self.processor}) and {self.memory_gigabytes} GiB"
        return f"{hardware} under {self.system}, with {versions}"

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


def this_machine() -> Machine:
    """The machine and the versions that this process runs on."""
    broker = django_rq.get_connection("default").info("server")
    postgres = connection.pg_version  # type: ignore[attr-defined]
    return Machine(
        processor=_processor(),
        cores=psutil.cpu_count() or 1,
        memory_gigabytes=round(psutil.virtual_memory().total / 1024**3),
        system=f"{platform.system()} {platform.release()}",
        versions={
            "Python": platform.python_version(),
            "Django": version("django"),
            "RQ": version("rq"),
            "PostgreSQL": f"{postgres // 10_000}.{postgres % 10_000}",
            "Valkey": str(broker.get("valkey_version") or broker["redis_version"]),
        },
    )


def load() -> list[float]:
    """The average number of processes that wanted a core, over 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


@dataclass(frozen=True, slots=True)
class Used:
    """Processor seconds, of user and system: all so far, or between two moments."""

    workers: float
    postgres: float
    valkey: float

    def __sub__(self, earlier: Used) -> Used:
        return Used(self.workers - earlier.workers, self.postgres - earlier.postgres, self.valkey - earlier.valkey)


def used_so_far(workers: Sequence[int]) -> Used:
    """What these processes, our PostgreSQL (with the backends that have ended) and our Valkey took so far."""
    places = Places(PROJECT, local_services.profile())
    return Used(
        sum(processor_seconds(pid) for pid in workers),
        _server_cpu_seconds("postgres", f"unix_socket_directories={places.sockets} "),
        _server_cpu_seconds("valkey-server", f"{places.valkey_socket} "),
    )


def processor_seconds(pid: int) -> float:
    """What a process and its children, those that have ended too, took of user and system so far."""
    return sum(_with_ended_children(one) for one in _with_children(psutil.Process(pid)))


def peak_megabytes(pid: int) -> float:
    """The most memory that a process, or one of its present children, ever held: workers of RQ fork.

    Their present size where the kernel does not remember.
    """
    peaks = []
    for process in _with_children(psutil.Process(pid)):
        with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
            peaks.append(_peak_megabytes(process.pid))
    return max(peaks, default=0.0)


def _with_children(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children()]


def _peak_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        peaks = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(peaks[0].split()[1]) / 1024 if peaks else 0.0  # one that has just ended holds nothing
    return psutil.Process(pid).memory_info().rss / MEGABYTE


def _server_cpu_seconds(name: str, mark: str) -> float:
    # A child that it has just made still has its name.
    main = min(find_processes(name, mark), key=lambda process: process.create_time())
    return _with_ended_children(main) + sum(_cpu_seconds(process) for process in main.children())


def _with_ended_children(process: psutil.Process) -> float:
    """What a process took, and what its children had taken that it has seen the end of: workers of RQ fork."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(ended + times.user + times.system)


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
