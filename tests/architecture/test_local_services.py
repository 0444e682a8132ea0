"""The embedded servers: addresses, users, scratch profiles, keys. Real PostgreSQL, Valkey and processes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import environ
import psycopg
import pytest
import redis
from cryptography.fernet import Fernet

from config.local_services import LocalServices, LocalServicesError
from config.local_services.keys import read_or_make_key
from config.local_services.places import PROJECT, Places
from tests.architecture.servers import (
    is_up,
    keep_note,
    kill_all,
    main_process,
    notes,
    server_processes,
    start_user,
)

LONGEST_SOCKET_PATH = 107

# --- Addresses ------------------------------------------------------------------------------------------------


def test_addresses_are_read_alike_by_django_and_by_the_drivers(tmp_path: Path) -> None:
    places = Places(tmp_path)
    django = environ.Env.db_url_config(places.database_url)
    libpq = psycopg.conninfo.conninfo_to_dict(places.database_url)
    assert django["NAME"] == django["USER"] == libpq["dbname"] == libpq["user"] == "parley"
    assert django["OPTIONS"] == {"host": str(places.sockets), "port": 5432}
    assert (libpq["host"], libpq["port"]) == (str(places.sockets), "5432")
    pool = redis.ConnectionPool.from_url(places.redis_url)
    assert (pool.connection_kwargs["path"], pool.connection_kwargs["db"]) == (str(places.valkey_socket), 0)
    assert not places.runtime.exists(), "computing addresses makes nothing"


def test_socket_paths_are_short_however_deep_the_project_lies() -> None:
    places = Places(Path("/") / ("directory/" * 60), "p" * 31)
    assert len(str(places.sockets / ".s.PGSQL.5432.lock")) <= LONGEST_SOCKET_PATH


def test_projects_and_profiles_have_servers_of_their_own(tmp_path: Path) -> None:
    addresses = {
        Places(root, profile).database_url for root in (tmp_path, tmp_path / "b") for profile in ("dev", "test")
    }
    assert len(addresses) == 4


def test_a_profile_that_cannot_be_a_directory_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalServicesError, match="lower-case letters, digits and hyphens"):
        Places(tmp_path, "../elsewhere")


# --- Starting and stopping ------------------------------------------------------------------------------------


def test_the_last_user_stops_the_servers_and_the_data_stay(services: LocalServices) -> None:
    services.ensure_running()
    keep_note(services, "kept")
    other = start_user(services)
    assert other.stdout is not None
    assert other.stdout.readline() == "up\n"

    services.release()
    assert is_up(services), "the other user is still there"
    other.communicate("\n", timeout=30)
    assert server_processes(services) == []

    services.ensure_running()
    assert notes(services) == ["kept"]


def test_a_check_of_running_servers_takes_milliseconds(services: LocalServices) -> None:
    services.ensure_running()
    took = []
    for _ in range(10):
        started = time.perf_counter()
        services.ensure_running()
        took.append(time.perf_counter() - started)
    assert min(took) < 0.05


def test_killed_and_forked_users_do_not_count(services: LocalServices) -> None:
    services.ensure_running()
    killed = start_user(services)
    assert killed.stdout is not None
    killed.stdout.readline()
    killed.kill()
    killed.communicate()

    child = os.fork()
    if child == 0:
        services.release()
        os._exit(0)
    os.waitpid(child, 0)
    assert is_up(services), "a fork may not release what its parent uses"

    services.release()
    assert server_processes(services) == []


def test_eight_processes_starting_at_once_share_one_pair(services: LocalServices) -> None:
    users = [start_user(services) for _ in range(8)]
    for user in users:
        assert user.stdout is not None
        assert user.stdout.readline() == "up\n"
    main_process(services)
    assert len([p for p in server_processes(services) if p.name() == "valkey-server"]) == 1
    assert all(user.communicate("\n", timeout=60) and user.returncode == 0 for user in users)
    assert server_processes(services) == []


def test_eight_users_coming_and_going_never_meet_a_stopped_server(services: LocalServices) -> None:
    users = [start_user(services) for _ in range(8)]
    for user in users:
        assert user.stdin is not None
        user.stdin.write("\n")
        user.stdin.flush()
    assert {(user.communicate(timeout=60)[0], user.returncode) for user in users} == {("up\n", 0)}
    assert server_processes(services) == []


def test_nothing_listens_on_tcp_and_others_are_locked_out(services: LocalServices) -> None:
    services.ensure_running()
    with psycopg.connect(services.places.database_url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
        locale = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()"
        assert connection.execute(locale).fetchone() == ("b", "C.UTF-8")
    with redis.from_url(services.places.redis_url) as client:
        assert client.config_get("port", "maxmemory-policy") == {"port": "0", "maxmemory-policy": "noeviction"}
    assert stat.S_IMODE(services.places.sockets.stat().st_mode) == 0o700
    assert stat.S_IMODE(services.places.state.stat().st_mode) == 0o700
    assert all(process.uids().real != 0 for process in server_processes(services))


def test_the_log_keeps_no_phone_number(services: LocalServices) -> None:
    services.ensure_running()
    with psycopg.connect(services.places.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE contact (phone text PRIMARY KEY)")
        connection.execute("INSERT INTO contact VALUES ('+447700900123')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO contact VALUES ('+447700900123')")
    log = (services.places.room / "postgres.log").read_text()
    assert "duplicate key value" in log
    assert "900123" not in log


# --- Scratch profiles -----------------------------------------------------------------------------------------


def test_scratch_servers_are_fast_and_leave_nothing(scratch: LocalServices) -> None:
    started = time.perf_counter()
    scratch.ensure_running()
    assert time.perf_counter() - started < 10
    cluster = scratch.places.cluster
    assert cluster.exists()
    with psycopg.connect(scratch.places.database_url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("off",)
    scratch.places.sandbox_database.touch()
    keep_note(scratch, "lost")

    scratch.release()
    assert server_processes(scratch) == []
    assert not cluster.exists()
    assert not scratch.places.sandbox_database.exists()


def test_scratch_servers_keep_data_through_a_crash_but_not_into_the_next_run(scratch: LocalServices) -> None:
    scratch.ensure_running()
    keep_note(scratch, "kept")
    kill_all(server_processes(scratch))
    scratch.ensure_running()
    assert notes(scratch) == ["kept"]

    next_run = LocalServices(scratch.places.root, scratch.places.profile)
    kill_all(server_processes(scratch))
    scratch._users.leave()  # as if this process had been killed too
    next_run.ensure_running()
    with pytest.raises(psycopg.errors.UndefinedTable):
        notes(next_run)
    next_run.release()


# --- Keys -----------------------------------------------------------------------------------------------------


def test_development_keys_are_made_once_and_are_private(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from config.local_services.keys import read_or_make_key as key;"
        "print(key(Path(sys.argv[1]), 'FIELD_ENCRYPTION_KEYS'))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "keys")]
    makers = [subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    [key] = {maker.communicate()[0].strip() for maker in makers}
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"secret")) == b"secret"
    assert read_or_make_key(tmp_path / "keys", "FIELD_ENCRYPTION_KEYS") == key

    secret = read_or_make_key(tmp_path / "keys", "SECRET_KEY")
    assert len(secret) >= 50
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "keys").iterdir()} == {0o600}
