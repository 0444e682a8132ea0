"""The least that HTTP can cost a client: a socket that is kept, one write, and one read as a rule."""

from __future__ import annotations

import socket
from collections.abc import Mapping


class KeptConnection:
    """A connection to a server on this machine, whose answers have a Content-Length."""

    def __init__(self, port: int, *, seconds: float = 30.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method: str, path: str, body: bytes = b"", *, headers: Mapping[str, str] | None = None) -> bytes:
        """The body of the answer. Raises OSError when there is none."""
        return self._exchange(method, path, body, headers or {})[1]

    def status_of(self, method: str, path: str, body: bytes = b"", *, headers: Mapping[str, str] | None = None) -> int:
        """The status of the answer. Raises OSError when there is none."""
        return self._exchange(method, path, body, headers or {})[0]

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _exchange(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head_received, _, content = received.partition(b"\r\n\r\n")
        length = int(head_received.lower().rpartition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(content) < length:
            content += self._more()
        return int(head_received[9:12]), content

    def _more(self) -> bytes:
        piece = self._socket.recv(65536)
        if not piece:
            raise ConnectionError("The server has closed the connection.")
        return piece


def listens(port: int) -> bool:
    """Does somebody take connections there?"""
    try:
        KeptConnection(port).close()
    except OSError:
        return False
    return True
