"""A whole site of its own: PostgreSQL, Valkey, workers, dispatcher and web process, any of which may be killed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, LiteralString

import environ
import psutil
import psycopg
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from psycopg.sql import Composed

from config import local_services
from config.local_services import LocalServices
from config.local_services.places import PROJECT
from config.local_services.processes import find_processes
from config.supervisor.guard import Guard
from conversations.queue import BULK, DEFAULT, INTERACTIVE, worker_command
from conversations.services import accounts
from tests.chaos.processes import PATIENCE, Process, eventually
from tests.chaos.provider import Provider
from tests.sandbox.playing import free_port

# Seconds. Small, so that leases end and sweeps come while a test waits.
TIMES = {
    "DELIVERY_CONNECT_SECONDS": "1",
    "DELIVERY_READ_SECONDS": "1.5",
    "DELIVERY_TOTAL_SECONDS": "2",
    "DELIVERY_LEASE_SECONDS": "3",
    "DELIVERY_MARGIN_SECONDS": "0.5",
    "DELIVERY_HINT_SECONDS": "1",
    "DISPATCHER_TICK_SECONDS": "0.2",
    "CAMPAIGN_CHUNK": "500",
}
# A request of 500 people takes a busy machine longer than one of a single text.
BULK_TIMES = {"DELIVERY_READ_SECONDS": "4", "DELIVERY_TOTAL_SECONDS": "5", "DELIVERY_LEASE_SECONDS": "9"}
PATIENT = f"-c statement_timeout={PATIENCE:.0f}s"  # of the test's own statements: none may hang it
WORKERS = ("interactive-1", "interactive-2")
EXTRA_WORKERS = ("interactive-3", "interactive-4")
BULK_WORKERS = ("bulk-1", "bulk-2")
MANAGE = (sys.executable, "manage.py")


def rq_worker(queue: str) -> Sequence[str]:
    """The command of a worker on one queue, as a site starts it."""
    return (*MANAGE, *worker_command(queue), "--verbosity", "0")


class Site:
    """The servers and processes. Everything is started by `start`, mended by `mend` and ended by `stop`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.services = LocalServices(PROJECT, f"{local_services.profile()[:24]}-chaos")
        self.provider = Provider()
        self.web_port = free_port()
        self.web_url = f"http://127.0.0.1:{self.web_port}"
        self.environment = {
            **TIMES,
            "REDIS_URL": self.services.places.redis_url,
            "SANDBOX_PORT": str(self.provider.port),  # numbers kept for films are for accounts of that address
            "EXTRA_PROVIDER_HOSTS": "gone.invalid:443",
            "BASE_URL": self.web_url,
            "SPOOL_DIR": str(directory / "spool"),
            "INTERACTIVE_WORKERS": "9",  # so that one stream may occupy every worker there is
            "PYTHONUNBUFFERED": "1",
        }
        self._stack = ExitStack()
        self._sql: psycopg.Connection[Any] | None = None
        self._processes: dict[str, Process] = {}
        self._wanted: set[str] = set()
        self._changes: Mapping[str, Mapping[str, str]] = {}

    def start(self) -> None:
        """Bring up servers, schema and the processes that every fault needs."""
        self.services.ensure_running()
        guard = Guard()
        self._stack.enter_context(guard)
        commands = {
            **dict.fromkeys((*WORKERS, *EXTRA_WORKERS), rq_worker(INTERACTIVE)),
            **dict.fromkeys(BULK_WORKERS, rq_worker(BULK)),
            "default": rq_worker(DEFAULT),
            "dispatcher-1": (*MANAGE, "dispatcher"),
            "dispatcher-2": (*MANAGE, "dispatcher"),
            "web": (
                *(sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", "127.0.0.1"),
                *("--port", str(self.web_port), "--no-access-log", "--log-level", "warning", "--ws", "none"),
            ),
        }
        for name, command in commands.items():
            self._processes[name] = Process(name, command, self.environment_of, self.directory / f"{name}.log", guard)
        with self.connected():
            call_command("migrate", verbosity=0, interactive=False)
        self.need(*WORKERS, "dispatcher-1")

    def stop(self) -> None:
        """End every process and both servers."""
        for process in self._processes.values():
            process.kill()
        self.provider.stop()
        self._close_sql()
        self.thaw_servers()
        self._stack.close()
        self.services.release()

    def environment_of(self, connection_name: str) -> dict[str, str]:
        """The environment of a process whose connections are to be known by a name."""
        address = f"{self.services.places.database_url}&application_name={connection_name}"
        name = connection_name.partition(".")[0]
        pool = {"DATABASE_POOL": "on"} if name == "web" else {}
        times = BULK_TIMES if name in BULK_WORKERS else {}
        return {**self.environment, **times, **pool, **self._changes.get(name, {}), "DATABASE_URL": address}

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Let the product's own functions in this process work on this site."""
        default = connections.settings["default"]
        former = dict(default)
        connections["default"].close()
        default.update(environ.Env.db_url_config(self.environment_of("test")["DATABASE_URL"]))
        default["OPTIONS"]["options"] = PATIENT
        address = f"{self.services.places.redis_url}&socket_connect_timeout=0.2&socket_timeout=2"
        changed = {
            "RQ_QUEUES": {name: {**queue, "URL": address} for name, queue in settings.RQ_QUEUES.items()},
            "SANDBOX_URL": self.provider.url,
            "BASE_URL": self.web_url,
            "SPOOL_DIR": self.environment["SPOOL_DIR"],
        }
        accounts.transport.cache_clear()
        try:
            with override_settings(**changed):
                yield
        finally:
            connections["default"].close()
            default.clear()
            default.update(former)
            accounts.transport.cache_clear()

    # --- Processes --------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Process:
        return self._processes[name]

    @property
    def processes(self) -> list[Process]:
        """Those that run."""
        return [process for process in self._processes.values() if process.is_alive]

    @property
    def workers(self) -> list[Process]:
        """The workers for agents' messages."""
        return [self._processes[name] for name in WORKERS]

    def need(self, *names: str) -> None:
        """Start these processes unless they run; from now on `mend` keeps them."""
        self._wanted |= set(names)
        for name in names:
            self._processes[name].start()

    def wait_for_worker(self, queue: str) -> None:
        """Wait until a worker says that it listens to a queue."""
        with self.valkey() as client:
            eventually(lambda: client.scard(f"rq:workers:{queue}"), f"a worker listens to {queue}")

    def spare(self, *names: str) -> None:
        """End these processes; `mend` keeps them no longer."""
        self._wanted -= set(names)
        for name in names:
            self._processes[name].kill()

    def forget_workers(self, queue: str) -> None:
        """Strike the workers that were killed off the list of those who listen to a queue."""
        with suppress(redis.RedisError), self.valkey() as client:
            client.delete(f"rq:workers:{queue}")

    @contextmanager
    def changed(self, environments: Mapping[str, Mapping[str, str]]) -> Iterator[None]:
        """Run these processes in a changed environment until the block ends."""
        self._changes = environments
        try:
            self.start_again(*environments)
            yield
        finally:
            self._changes = {}
            self.start_again(*environments)

    def start_again(self, *names: str) -> None:
        """End these processes and start them."""
        for name in names:
            self._processes[name].kill()
        self.need(*names)

    def last_words(self) -> str:
        """How each process stands and the last line that it wrote, for whoever reads of a failure."""
        lines = []
        for name in sorted(self._wanted):
            process = self._processes[name]
            written = process.log.read_text(errors="replace").splitlines() or ["nothing"]
            lines.append(f"{name} {'runs' if process.is_alive else 'has ended'}, wrote last: {written[-1][:300]}")
        return "\n".join(lines)

    def mend(self) -> None:
        """Bring back whatever a fault took away: servers, processes, frozen ones."""
        self.thaw_servers()
        self.services.ensure_running()
        for process in self.processes:
            process.thaw()
        self.restart_the_dead()

    def restart_the_dead(self) -> None:
        """Start what has ended by itself, as a supervisor does."""
        self.need(*self._wanted)

    def start_afresh(self) -> None:
        """End every process and begin again: after a test that failed nobody knows what they are doing."""
        for process in self.processes:
            process.kill()
        self.mend()

    def process_at(self, port: int) -> Process:
        """The process that has, itself or in a fork of its, a connection from this port of the machine."""
        for process in self.processes:
            with suppress(psutil.Error):
                main = psutil.Process(process.pid)
                family = (main, *main.children(recursive=True))
                if any(one.laddr.port == port for member in family for one in member.net_connections("tcp")):
                    return process
        raise LookupError(f"no process of the site connects from port {port}")

    def waiting_process(self, what: str = "a process waits for the lock") -> Process:
        """The first process that waits for a lock in PostgreSQL, once there is one."""
        waiting = "SELECT application_name FROM pg_stat_activity WHERE wait_event_type = 'Lock' ORDER BY query_start"
        names = {process.connection_name: process for process in self._processes.values()}

        def find() -> Process | None:
            return next((names[name] for (name,) in self.sql(waiting) if name in names), None)

        found = eventually(find, what)
        assert found is not None
        return found

    # --- PostgreSQL -------------------------------------------------------------------------------------------

    def sql(self, statement: LiteralString | Composed, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement on a connection of the test's own; the rows, if there are any."""
        if self._sql is None or self._sql.closed:
            self._sql = self.connection(autocommit=True)
        try:
            cursor = self._sql.execute(statement, parameters or None)
        except psycopg.OperationalError:
            self._close_sql()
            raise
        return cursor.fetchall() if cursor.description else []

    def connection(self, *, autocommit: bool = False) -> psycopg.Connection[Any]:
        """A connection of the test's own; what waits there for too long fails."""
        return psycopg.connect(
            self.services.places.database_url, autocommit=autocommit, connect_timeout=5, options=PATIENT
        )

    @contextmanager
    def holding(self, statement: LiteralString, *parameters: Any) -> Iterator[None]:
        """Hold what a statement locks until the block ends."""
        with self.connection() as holder:
            holder.execute(statement, parameters)
            yield
            holder.rollback()

    def kill_postgres(self) -> None:
        """kill -9 of the server with every backend, as when the machine goes."""
        for main in find_processes("postgres", f"-D {self.services.places.cluster} "):
            main.suspend()  # it would start anew when the first backend dies
            for process in (*main.children(recursive=True), main):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        self._close_sql()
        connections["default"].close()
        eventually(lambda: not find_processes("postgres", f"-D {self.services.places.cluster} "), "PostgreSQL is gone")

    def start_postgres(self) -> None:
        """Start it on the data it left."""
        self.services.ensure_running(valkey=False)

    def _close_sql(self) -> None:
        if self._sql is not None:
            self._sql.close()
            self._sql = None

    # --- Valkey -----------------------------------------------------------------------------------------------

    @contextmanager
    def valkey(self) -> Iterator[redis.Redis]:
        """A connection to it."""
        with redis.from_url(f"{self.services.places.redis_url}&socket_timeout=5") as client:
            yield client

    def kill_valkey(self) -> None:
        """kill -9: what it held is lost."""
        for process in self._valkey_processes():
            process.kill()
        eventually(lambda: not self._valkey_processes(), "Valkey is gone")

    def freeze_valkey(self) -> None:
        """SIGSTOP: it takes connections and answers nothing."""
        for process in self._valkey_processes():
            process.suspend()

    def thaw_servers(self) -> None:
        """SIGCONT for whatever server stands still."""
        for process in self._valkey_processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    def start_valkey(self) -> None:
        """Start it, empty."""
        self.services.ensure_running(postgres=False)

    def _valkey_processes(self) -> list[psutil.Process]:
        return find_processes("valkey-server", f"{self.services.places.valkey_socket} ")
