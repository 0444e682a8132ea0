"""Where the embedded servers keep their files, and the addresses that follow from it.

Sockets lie in a short directory of /var/tmp named after a hash of the project's path: the path of a unix socket
may have 107 bytes at most (sun_path in unix(7)), a project may lie deeper than that.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from config.local_services.errors import LocalServicesError

PROJECT = Path(__file__).resolve().parents[2]
DURABLE_PROFILE = "dev"
POSTGRES_PORT = 5432  # only a part of the socket's name: no server listens on TCP
# Everybody may write to these: what lies there is made private and its owner is checked.
PUBLIC = (Path("/var/tmp"), Path("/tmp"))  # noqa: S108
MEMORY = Path("/dev/shm")  # noqa: S108
MEMORY_NEEDED = 1024**3  # containers often have 64 MB there, too little for a cluster
PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class Places:
    """Paths and addresses of one profile of the project at `root`; computing them touches nothing on disk."""

    root: Path
    profile: str = DURABLE_PROFILE

    def __post_init__(self) -> None:
        if not PROFILE_NAME.fullmatch(self.profile):
            raise LocalServicesError(
                f"PARLEY_LOCAL_PROFILE is {self.profile!r}. Use up to 31 lower-case letters, digits and hyphens."
            )

    @property
    def durable(self) -> bool:
        """Whether the data outlive the servers."""
        return self.profile == DURABLE_PROFILE

    @cached_property
    def runtime(self) -> Path:
        """The directory of this project and this user, shared by its profiles."""
        base = next(directory for directory in PUBLIC if directory.is_dir())
        digest = hashlib.sha256(os.fsencode(self.root.resolve())).hexdigest()[:10]
        return base / f"parley-{os.geteuid()}-{digest}"

    @property
    def room(self) -> Path:
        """This profile's part of the runtime directory: locks, logs, sockets."""
        return self.runtime / self.profile

    @property
    def sockets(self) -> Path:
        """The directory of both sockets; access to it is the only authentication."""
        return self.room / "s"

    @property
    def valkey_socket(self) -> Path:
        """Valkey's socket."""
        return self.sockets / "valkey.sock"

    @property
    def database_url(self) -> str:
        """PostgreSQL's address."""
        return f"postgres://parley@/parley?host={self.sockets}&port={POSTGRES_PORT}"

    @property
    def redis_url(self) -> str:
        """Valkey's address."""
        return f"unix://{self.valkey_socket}?db=0"

    @property
    def state(self) -> Path:
        """The project's own directory of state."""
        return self.root / ".local"

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data directory for the next start.

        As root it lies where the user `nobody` can reach it.
        """
        if self.durable:
            return (self.room if os.geteuid() == 0 else self.state) / "postgres"
        if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED:
            return self.memory / "postgres"
        return self.room / "postgres"

    @property
    def memory(self) -> Path:
        """A scratch profile's directory in memory."""
        return MEMORY / f"{self.runtime.name}-{self.profile}"

    @property
    def sandbox_database(self) -> Path:
        """The sandbox's SQLite file."""
        return (self.state if self.durable else self.room) / "sandbox.sqlite3"

    @property
    def run_file(self) -> Path:
        """The file that tells where `dev` listens."""
        return (self.state if self.durable else self.room) / "run.json"

    def make_room(self) -> None:
        """Make the directories above the servers' own."""
        for directory in (self.runtime, self.room):
            self._make_passable(directory)
        if self.durable:
            make_private_directory(self.state)

    def make_memory(self) -> None:
        """Make a scratch profile's directory in memory."""
        self._make_passable(self.memory)

    def remove_scratch(self) -> None:
        """Delete what a scratch profile wrote, except its logs."""
        for directory in (self.memory, self.room / "postgres"):
            shutil.rmtree(directory, ignore_errors=True)
        for file in (self.run_file, *self.room.glob(f"{self.sandbox_database.name}*")):
            file.unlink(missing_ok=True)

    @staticmethod
    def _make_passable(directory: Path) -> None:
        # The user `nobody` passes through root's directories to its own, and can do nothing else there.
        make_private_directory(directory, 0o711 if os.geteuid() == 0 else 0o700, owner=os.geteuid())

    def reachable(self, path: Path) -> Path:
        """Return `path` after making its directory; where that is refused, whoever opens the file hears of it."""
        with contextlib.suppress(LocalServicesError):
            if self.durable:
                make_private_directory(self.state)
            else:
                self.make_room()
        return path

    def profiles_on_disk(self) -> list[str]:
        """Return the profiles that were ever started by this user."""
        if not self.runtime.is_dir():
            return []
        return [entry.name for entry in self.runtime.iterdir() if (entry / "lock").exists()]


def make_private_directory(path: Path, mode: int = 0o700, owner: int | None = None) -> None:
    """Make `path` a directory with exactly `mode`.

    Give the `owner` it must have where everybody may write (/var/tmp, /dev/shm): whoever owns the sockets'
    directory can pass for the servers. Raises LocalServicesError.
    """
    try:
        path.mkdir(mode=mode, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or owner not in (None, found.st_uid):
            raise LocalServicesError(f"{path} belongs to another user. Remove it, or ask its owner to.")
        if stat.S_IMODE(found.st_mode) != mode:
            path.chmod(mode)
    except OSError as error:
        raise LocalServicesError(
            f"{path} cannot be made or used ({error.strerror}). "
            "Make it writable, or set DATABASE_URL and REDIS_URL to servers of your own."
        ) from error
