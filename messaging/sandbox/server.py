"""The sandbox's own HTTP/1.1 server: threads, kept-alive connections, one write per answer, and broken sockets.

No ready-made WSGI server can reset a connection or break off in the middle of an answer, which is what the product
has to survive. It listens on loopback only.
"""

from __future__ import annotations

import logging
import socket
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from ipaddress import ip_address
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from urllib.parse import unquote_to_bytes

from django.http import HttpResponseBase

from .handler import SandboxHandler

logger = logging.getLogger(__name__)

BODY_LIMIT = 110 * 1024 * 1024  # the largest upload that a provider takes is a document of 100 MB
IDLE_SECONDS = 60  # how long a kept-alive connection may be silent
_NO_LINGER = struct.pack("ii", 1, 0)  # close() then sends RST instead of FIN


class Manner(StrEnum):
    """How an answer leaves."""

    WHOLE = "whole"
    RESET = "reset"  # nothing is sent, the connection is reset
    CLOSE = "closed"  # nothing is sent, the connection is closed
    HALF = "half an answer"
    DRIP = "one byte per second"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How and when the answer leaves; a view puts it on its response as `delivery`."""

    manner: Manner = Manner.WHOLE
    after_seconds: float = 0.0


def _start_nothing(status: str, headers: Any, exc_info: Any = None, /) -> Callable[[bytes], object]:
    """WSGI's start_response: unused, because the handler's response is written here, whole."""
    return bytes


class SandboxServer(ThreadingMixIn, TCPServer):
    """Serves the sandbox on one loopback address. Port 0 takes a free one; `server_address` tells which."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, host: str, port: int) -> None:
        """Raises ValueError when `host` is not on this machine, OSError when the port is taken."""
        if not ip_address("127.0.0.1" if host == "localhost" else host).is_loopback:
            raise ValueError(f"The sandbox listens on this machine only, not on {host}. Take 127.0.0.1.")
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.application = SandboxHandler()
        self.stopping = threading.Event()
        super().__init__((host, port), Connection)

    def shutdown(self) -> None:
        """Stop accepting, and cut short every answer that is still waiting."""
        self.stopping.set()
        super().shutdown()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is nothing to tell; everything else is."""
        if not isinstance(sys.exception(), OSError):
            logger.exception("The sandbox failed to serve a connection.")


class Connection(BaseHTTPRequestHandler):
    """One connection; Django answers, this writes."""

    server: SandboxServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the ledger is the log, and paths hold phone numbers."""

    def handle_one_request(self) -> None:
        """Read one request whole, answer it, and keep the connection unless told otherwise."""
        self.close_connection = True
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                return
            body = self._read_body()
            if body is None:
                return
            response = self.server.application(self._environ(body), _start_nothing)
            try:
                self._write(response)
            finally:
                response.close()
        except OSError:
            self.close_connection = True

    def _read_body(self) -> bytes | None:
        """The whole body; None when it cannot be read (an answer was sent then)."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._read_chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or len(length) > len(str(BODY_LIMIT)) or int(length) > BODY_LIMIT:
            self.close_connection = True
            self.send_error(413 if length.isdecimal() else 400)
            return None
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else None

    def _read_chunks(self) -> bytes | None:
        parts, size = [], 0
        while True:
            head = self.rfile.readline(1024).split(b";")[0].strip()
            try:
                length = int(head, 16)
            except ValueError:
                length = -1
            size += length
            if length < 0 or size > BODY_LIMIT:
                self.close_connection = True
                self.send_error(413 if length >= 0 else 400)
                return None
            parts.append(self.rfile.read(length))
            self.rfile.readline(1024)
            if length == 0:
                return b"".join(parts)

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        host, port = self.server.server_address[:2]
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": str(self.client_address[0]),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": sys.stderr,
            "sandbox.body": body,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            if "_" not in name and key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                environ[f"HTTP_{key}"] = value
        return environ

    def _write(self, response: HttpResponseBase) -> None:
        delivery: Delivery = getattr(response, "delivery", Delivery())
        if delivery.after_seconds:
            self.server.stopping.wait(delivery.after_seconds)
        if delivery.manner == Manner.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        if delivery.manner in (Manner.RESET, Manner.CLOSE):
            self.connection.close()
            self.close_connection = True
            return
        content: bytes = response.content  # type: ignore[attr-defined] # nothing here streams, so it has one
        body = b"" if self.command == "HEAD" else content
        whole = self._head(response, len(content)) + body
        if delivery.manner == Manner.HALF:
            self.connection.sendall(whole[: len(whole) - max(1, len(body) // 2)])
            self.close_connection = True
        elif delivery.manner == Manner.DRIP:
            self._drip(whole)
        else:
            self.connection.sendall(whole)

    def _drip(self, whole: bytes) -> None:
        self.close_connection = True
        for index in range(len(whole)):
            self.connection.sendall(whole[index : index + 1])
            if self.server.stopping.wait(1.0):
                return

    def _head(self, response: HttpResponseBase, length: int) -> bytes:
        lines = [f"HTTP/1.1 {response.status_code} {response.reason_phrase}"]
        lines += [f"{name}: {value}" for name, value in response.items() if name.lower() != "content-length"]
        lines += [f"Set-Cookie: {morsel.OutputString()}" for morsel in response.cookies.values()]
        if response.status_code not in (204, 304):
            lines.append(f"Content-Length: {length}")
        if self.close_connection:
            lines.append("Connection: close")
        lines.append(f"Date: {formatdate(usegmt=True)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")
