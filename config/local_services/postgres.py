"""The embedded PostgreSQL 18 of one profile."""

from __future__ import annotations

import contextlib
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import psycopg

from config.local_services.binaries import Binaries, find_binaries
from config.local_services.errors import LocalServicesError
from config.local_services.places import POSTGRES_PORT, Places
from config.local_services.processes import (
    end_processes,
    find_processes,
    is_alive,
    make_server_directory,
    run_as,
    start_server,
)

MAJOR_VERSION = "18"
SUPERUSER, ROLE, DATABASE = "postgres", "parley", "parley"
START_PATIENCE = 120.0  # seconds: recovery after a crash takes as long as the log since the last checkpoint
STOP_PATIENCE = 30.0
SAME_START = 10.0  # seconds between the start that postmaster.pid names and the one the kernel names

# mmap, because containers often have 64 MB of /dev/shm. Terse, because an error's statement and detail would carry
# message bodies and phone numbers into the log.
SETTINGS = {
    "listen_addresses": "",
    "port": str(POSTGRES_PORT),
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "dynamic_shared_memory_type": "mmap",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "random_page_cost": "1.1",
}
DURABLE_SETTINGS = {"synchronous_commit": "on", "max_wal_size": "2GB", "checkpoint_timeout": "15min"}
# Commits reach the kernel still, so that tests can kill the server and find them again.
SCRATCH_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "256MB"}


class Postgres:
    """One cluster and its server."""

    def __init__(self, places: Places, account: pwd.struct_passwd | None) -> None:
        self._places = places
        self._account = account
        self._mark = f"{places.runtime.name}-{places.profile}"  # in the command line of each of its processes
        self._log = places.room / "postgres.log"
        self._socket = places.sockets / f".s.PGSQL.{POSTGRES_PORT}"
        self._socket_lock = self._socket.with_name(f"{self._socket.name}.lock")

    def is_up(self) -> bool:
        """Whether the server accepts our role, serves a cluster that still exists, and has our database."""
        try:
            served = Path(self._socket_lock.read_text().splitlines()[1])  # the format of postmaster.pid
            if not (served / "postmaster.pid").exists():
                return False
            with self._connect() as connection:
                self._make_database(connection)
        except (OSError, IndexError, psycopg.OperationalError):
            return False
        return True

    def start(self) -> None:
        """Bring the server up, whatever a crash left behind. Raises LocalServicesError."""
        cluster = self._places.cluster
        intact = self._socket.exists() and (cluster / "postmaster.pid").exists()
        if self._main_process() and self._answers_within(START_PATIENCE if intact else 1.0):
            return
        self.stop()
        binaries = find_binaries(self._places, self._account)
        if not (cluster / "PG_VERSION").exists():
            self._initialise(cluster, binaries)
        self._refuse_other_version(cluster)
        # Nobody serves this cluster, see above. PostgreSQL itself would believe a pid that now is a stranger's.
        for stale in (cluster / "postmaster.pid", self._socket, self._socket_lock):
            stale.unlink(missing_ok=True)
        settings = {
            **SETTINGS,
            **(DURABLE_SETTINGS if self._places.durable else SCRATCH_SETTINGS),
            "unix_socket_directories": str(self._places.sockets),
            "cluster_name": self._mark,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        start_server(
            "PostgreSQL",
            [binaries.postgres, "-D", cluster, *options],
            account=self._account,
            log=self._log,
            is_up=self.is_up,
            patience=START_PATIENCE,
        )

    def stop(self) -> None:
        """Stop the server, ending its connections."""
        main = self._main_process()
        if main is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                main.send_signal(signal.SIGINT if self._places.durable else signal.SIGQUIT)
            end_processes([main], within=STOP_PATIENCE)
        # Orphans of a killed server: a new one beside them would ruin the cluster.
        end_processes(find_processes("postgres", f"postgres: {self._mark}: "), within=0)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._places.sockets),
            port=POSTGRES_PORT,
            user=ROLE,
            dbname="postgres",
            connect_timeout=2,
            autocommit=True,
        )

    def _make_database(self, connection: psycopg.Connection) -> None:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
            with contextlib.suppress(psycopg.errors.DuplicateDatabase):  # another process asked at the same time
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _answers_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self.is_up():
            if time.monotonic() > deadline or self._main_process() is None:
                return False
            time.sleep(0.05)
        return True

    def _main_process(self) -> psutil.Process | None:
        """Return the live server of this cluster."""
        marked = find_processes("postgres", f"cluster_name={self._mark} ")
        return marked[0] if marked else self._server_named_in(self._places.cluster / "postmaster.pid")

    @staticmethod
    def _server_named_in(pid_file: Path) -> psutil.Process | None:
        """Return the server that the cluster's own pid file names: it has another mark once the project moved.

        A copied project names the server of the original, which still is where the file says: not ours.
        """
        try:
            lines = pid_file.read_text().splitlines()
            process, served = psutil.Process(int(lines[0])), Path(lines[1])
            genuine = (
                (not served.exists() or served.samefile(pid_file.parent))
                and is_alive(process)
                and process.name() == "postgres"
                and abs(process.create_time() - float(lines[2])) < SAME_START
            )
        except (OSError, ValueError, IndexError, psutil.Error):
            return None
        return process if genuine else None

    def _initialise(self, cluster: Path, binaries: Binaries) -> None:
        """Make the cluster beside its place and move it there: a killed maker leaves no half of one."""
        if cluster.exists():
            raise LocalServicesError(f"{cluster} is not a PostgreSQL cluster. Move it away and start again.")
        if cluster.parent == self._places.memory:
            self._places.make_memory()
        _remove_abandoned(cluster)
        fresh = cluster.with_name(f"{cluster.name}.new-{secrets.token_hex(4)}")
        make_server_directory(fresh, self._account)
        # Trust lets in whoever can enter the sockets' directory, which is the owner alone; there is no TCP.
        options = ["--auth-local=trust", "--auth-host=reject", f"--username={SUPERUSER}", "--encoding=UTF8"]
        options += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        if not self._places.durable:
            options.append("--no-sync")
        self._run([binaries.initdb, "-D", fresh, *options])
        role = f"CREATE ROLE {ROLE} LOGIN CREATEDB\n"
        self._run([binaries.postgres, "--single", "-D", fresh, "postgres"], stdin=role)
        fresh.rename(cluster)
        _remove_abandoned(cluster)  # an initdb that survived its starter may have written on for a moment

    def _run(self, command: list[str | Path], stdin: str | None = None) -> None:
        arguments = run_as(self._account)
        if stdin is not None:
            del arguments["stdin"]
        done = subprocess.run(
            command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **arguments
        )
        if done.returncode != 0:
            raise LocalServicesError(
                "The PostgreSQL cluster cannot be made. Set DATABASE_URL to use a server of your own instead.\n"
                + done.stdout.strip()
            )

    @staticmethod
    def _refuse_other_version(cluster: Path) -> None:
        found = (cluster / "PG_VERSION").read_text().strip()
        if found != MAJOR_VERSION:
            raise LocalServicesError(
                f"The data in {cluster} were written by PostgreSQL {found}, this one is {MAJOR_VERSION}. "
                "Move the directory away to start afresh, or carry the data over with pg_upgrade."
            )


def _remove_abandoned(cluster: Path) -> None:
    """Remove the halves of clusters whose starter was killed while making them."""
    for abandoned in cluster.parent.glob(f"{cluster.name}.new-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
