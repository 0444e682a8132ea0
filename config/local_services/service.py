"""Both servers of one profile, shared by any number of processes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from config.local_services.locks import UserList, exclusively
from config.local_services.places import DURABLE_PROFILE, Places

if TYPE_CHECKING:
    from config.local_services.postgres import Postgres
    from config.local_services.valkey import Valkey


class LocalServices:
    """The servers of `profile` of the project at `root`, and this process's place among their users."""

    def __init__(self, root: Path, profile: str = DURABLE_PROFILE) -> None:
        self.places = Places(root, profile)
        self._users = UserList(self.places.room / "users")

    def ensure_running(self, *, postgres: bool = True, valkey: bool = True) -> None:
        """Make sure that the wanted servers answer and count this process among their users.

        Raises LocalServicesError with a sentence for people.
        """
        self.places.make_room()
        servers = self._servers(postgres=postgres, valkey=valkey)
        was_member = self._users.is_member
        if self._users.join() and all(server.is_up() for server in servers):
            return
        try:
            with self._exclusively():
                if not (self.places.durable or was_member):
                    self._users.leave()
                    self._stop_if_unused()  # scratch begins fresh: a killed test run leaves its databases
                self._users.join()
                for server in servers:
                    if not server.is_up():
                        server.start()
        except BaseException:
            if not was_member:
                self.release()
            raise

    def release(self) -> None:
        """Stop counting this process as a user; the last one stops the servers."""
        if not self._users.is_member:
            return
        with self._exclusively():
            self._users.leave()
            self._stop_if_unused()

    def stop(self) -> None:
        """Stop the servers, whoever uses them."""
        with self._exclusively():
            self._stop()

    def _stop_if_unused(self) -> None:
        with self._users.closed() as unused:
            if unused:
                self._stop()

    def _stop(self) -> None:
        for server in self._servers():
            server.stop()
        if not self.places.durable:
            self.places.remove_scratch()

    def _exclusively(self) -> contextlib.AbstractContextManager[None]:
        return exclusively(self.places.room / "lock")

    def _servers(self, *, postgres: bool = True, valkey: bool = True) -> list[Postgres | Valkey]:
        # Imported here: settings import this package for the addresses alone, often without a need for the rest.
        from config.local_services.postgres import Postgres
        from config.local_services.processes import make_server_directory, server_account
        from config.local_services.valkey import Valkey

        account = server_account()
        make_server_directory(self.places.sockets, account)
        servers: list[Postgres | Valkey] = []
        if postgres:
            servers.append(Postgres(self.places, account))
        if valkey:
            servers.append(Valkey(self.places, account))
        return servers
