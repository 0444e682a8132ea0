"""The embedded Valkey of one profile. It keeps nothing: PostgreSQL is the truth, losing Valkey loses no message."""

from __future__ import annotations

import pwd
import socket

from config.local_services.binaries import find_binaries
from config.local_services.places import Places
from config.local_services.processes import end_processes, find_processes, start_server

ANSWER_SECONDS = 1.0
START_PATIENCE = 20.0
MEMORY_LIMIT = "256mb"  # writes are refused above it: evicting keys would drop queued jobs in silence


class Valkey:
    """One server."""

    def __init__(self, places: Places, account: pwd.struct_passwd | None) -> None:
        self._places = places
        self._account = account

    def is_up(self) -> bool:
        """Whether the server answers a PING."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            try:
                connection.connect(str(self._places.valkey_socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def start(self) -> None:
        """Bring the server up in place of one that does not answer. Raises LocalServicesError."""
        self.stop()
        program = find_binaries(self._places, self._account).valkey
        options = {
            "port": "0",
            "unixsocket": str(self._places.valkey_socket),
            "unixsocketperm": "700",
            "dir": str(self._places.sockets),
            "save": "",
            "appendonly": "no",
            "maxmemory": MEMORY_LIMIT,
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "loglevel": "warning",
        }
        start_server(
            "Valkey",
            [program, *(part for name, value in options.items() for part in (f"--{name}", value))],
            account=self._account,
            log=self._places.room / "valkey.log",
            is_up=self.is_up,
            patience=START_PATIENCE,
        )

    def stop(self) -> None:
        """Stop the server, at once: it has nothing to write."""
        end_processes(find_processes("valkey-server", f"{self._places.valkey_socket} "), within=0)
        self._places.valkey_socket.unlink(missing_ok=True)
