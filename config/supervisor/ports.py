"""Free ports for the servers of a development machine."""

from __future__ import annotations

import socket

FIRST_EPHEMERAL_PORT = 32768  # Linux gives outgoing connections ports from here on


def free_port(preferred: int) -> int:
    """Return `preferred` or the next port on loopback that nobody listens on, below the ephemeral ones.

    Raises RuntimeError if there is none.
    """
    for port in range(preferred, FIRST_EPHEMERAL_PORT):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"No port between {preferred} and {FIRST_EPHEMERAL_PORT - 1} is free on 127.0.0.1.")
