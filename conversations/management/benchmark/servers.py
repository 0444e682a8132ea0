"""PostgreSQL and Valkey for a benchmark: scratch, but as durable as a site's.

Scratch servers of tests lie in memory and do without fsync, which no site does: a commit would look cheaper than
it is. These lie on disk and wait for it, and are deleted like every other scratch profile.
"""

from __future__ import annotations

from pathlib import Path

from config import local_services
from config.local_services import LocalServices
from config.local_services.places import PROJECT, Places
from config.local_services.postgres import Postgres
from config.local_services.processes import make_server_directory, server_account
from config.local_services.valkey import Valkey


class DurableScratch(Places):
    """A scratch profile whose cluster lies on disk and has a site's settings."""

    @property
    def durable(self) -> bool:
        """As a site's: commits wait for the disk."""
        return True

    @property
    def cluster(self) -> Path:
        """Where the end of the profile deletes it."""
        return self.room / "postgres"


def start() -> None:
    """Start fresh servers of this process's profile and count it among their users until `release()`.

    Raises LocalServicesError.
    """
    profile = local_services.profile()
    Places(PROJECT, profile).make_room()
    LocalServices(PROJECT, profile).stop()  # what a killed run left
    places, account = DurableScratch(PROJECT, profile), server_account()
    make_server_directory(places.sockets, account)
    Postgres(places, account).start()
    Valkey(places, account).start()
    local_services.ensure_running()
