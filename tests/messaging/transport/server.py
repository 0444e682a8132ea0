"""A listening socket that a test plays byte by byte, and requests to it."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

from messaging.transport import Transport
from messaging.types import Request

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
LET_GO = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset
Script = Callable[["Server", socket.socket], None]


class Server:
    """A listening socket whose connections a test plays byte by byte. `requests` holds what was read, in order."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script, self.tls = script, tls
        self.requests: list[bytes] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._open: list[socket.socket] = []
        self._players: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            player = threading.Thread(target=self._play, args=(connection,), daemon=True)
            player.start()
            self._players.append(player)

    def _play(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection:
                self.script(self, connection)

    def read(self, connection: socket.socket) -> bytes:
        """One whole request; nothing when the other side closed without one."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        return self.requests[-1]

    def close(self) -> None:
        """Stop listening and close every connection."""
        self.stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(5)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        # Whoever still reads must not find another test's connection under the number of its own.
        for player in self._players:
            player.join(5)
        for connection in self._open:
            connection.close()


def answering(raw: bytes) -> Script:
    """Answer every request of a connection with the same bytes, and close when the other side does."""

    def script(server: Server, connection: socket.socket) -> None:
        while server.read(connection):
            connection.sendall(raw)

    return script


def answering_once(raw: bytes) -> Script:
    """Answer one request and close, without having said so."""

    def script(server: Server, connection: socket.socket) -> None:
        if server.read(connection):
            connection.sendall(raw)

    return script


Start = Callable[..., Server]


def transport_to(*servers: Server, total: float = 5.0, read: float = 5.0) -> Transport:
    hosts = {server.host for server in servers}
    return Transport(extra_hosts=hosts, connect_seconds=1.0, read_seconds=read, total_seconds=total)


def post(server: Server, body: bytes = b'{"a": 1}') -> Request:
    return Request("POST", f"{server.url}/v1/sms?x=%2B1", {"X-Key": "k", "Content-Type": "application/json"}, body)
