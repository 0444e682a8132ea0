"""A provider on a socket: speaks the shape of Webex Interact, keeps a ledger, and misbehaves to order.

It takes CCAI Platform's texts too: one person a request, and no reference of ours in it.

What it accepted is what arrived on handsets: the ledger is the witness that the database's claims are held against.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import socket
import ssl
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.sandbox.playing import free_port

ACCESS_KEY = "aky_chaos0000000000000000000"
ONE_TEXT = "/sms"
LET_GO = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset
PATIENCE = 120.0  # seconds that a held request waits before the provider gives up on its test

Behaviour = Callable[["Call"], None]


@dataclass(slots=True)
class Entry:
    """One recipient of one complete request. Only an accepted one reached the handset."""

    ref: str
    phone: str
    digest: str  # SHA-256 of the text
    at: float
    accepted: bool = False


@dataclass(slots=True)
class Call:
    """One complete request, to be answered by a behaviour."""

    connection: socket.socket
    method: str
    path: str
    entries: list[Entry] = field(default_factory=list)
    over: bool = False  # the connection ended with this call

    def accept(self) -> None:
        """The handsets have it, whatever is answered."""
        for entry in self.entries:
            entry.accepted = True

    def write(self, raw: bytes) -> None:
        """Write bytes as they are."""
        self.connection.sendall(raw)

    def answer(self, status: int, body: bytes | str | dict[str, Any] = b"", **headers: str) -> None:
        """A complete answer; header names take underscores for hyphens."""
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        content = content.encode() if isinstance(content, str) else content
        fields = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.write(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + content)

    def success(self) -> dict[str, Any]:
        """The documented answer to a request of which every number was taken."""
        if self.path == ONE_TEXT:
            return {"id": next(_ids), "status": "assigned", "chat_type": "SMS"}
        return {"request_id": f"req_{next(_ids)}", "messages": [taken(entry) for entry in self.entries]}

    def reset(self) -> None:
        """End the connection with a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LET_GO)
        self.close()

    def close(self) -> None:
        """End the connection."""
        self.over = True
        self.connection.close()


def taken(entry: Entry, **changed: str) -> dict[str, Any]:
    """The documented item of a number that was taken."""
    transaction = hashlib.sha256(f"{entry.ref}{next(_ids)}".encode()).hexdigest()[:20]
    return {"to": entry.phone, "status": "queued", "code": 1001, "transaction_id": f"tid_{transaction}", **changed}


def accept(call: Call) -> None:
    """Take it and say so."""
    call.accept()
    call.answer(200, call.success())


class Hold:
    """A behaviour that keeps a request until the test lets it go: the worker is on the wire meanwhile."""

    def __init__(self, *, accepting: bool = True, then: Behaviour = accept) -> None:
        self._accepting, self._then = accepting, then
        self.arrived = threading.Event()
        self.released = threading.Event()
        self.port = 0  # where the held request came from

    def __call__(self, call: Call) -> None:
        """Keep it; accepted at once where the test said so."""
        if self._accepting:
            call.accept()
        self.port = call.connection.getpeername()[1]
        self.arrived.set()
        self.released.wait(PATIENCE)
        self._then(call)


class Provider:
    """Listens on a port of its own. `play` sets what happens to a number's next requests, `usual` to all others."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.usual: Behaviour = accept
        self.key, self._key_refusal = ACCESS_KEY, 401
        self._lock = threading.Lock()
        self._plans: defaultdict[str, deque[Behaviour]] = defaultdict(deque)
        self._entries: list[Entry] = []
        self._strays: list[str] = []
        self._open: set[socket.socket] = set()
        self._holds: list[Hold] = []
        self._listener: socket.socket | None = None
        self.come_up()

    def play(self, phone: str, *behaviours: Behaviour) -> None:
        """Treat the next requests to `phone` so, one after the other."""
        with self._lock:
            self._plans[phone].extend(behaviours)

    @contextmanager
    def holding(self, phone: str, *, accepting: bool = True, then: Behaviour = accept) -> Iterator[Hold]:
        """Hold the next request to `phone` until the block ends, or until its `released` is set."""
        hold = Hold(accepting=accepting, then=then)
        self._holds.append(hold)
        self.play(phone, hold)
        try:
            yield hold
        finally:
            hold.released.set()

    @property
    def ledger(self) -> list[Entry]:
        """Every recipient of every complete request, in order of arrival."""
        with self._lock:
            return list(self._entries)

    @property
    def strays(self) -> list[str]:
        """The paths of requests that no provider's method makes: a followed redirect, say."""
        with self._lock:
            return list(self._strays)

    def change_key(self, key: str, status: int) -> None:
        """Take this key alone from now on, and say `status` to any other."""
        self.key, self._key_refusal = key, status

    def forget(self) -> None:
        """Start anew: an empty ledger, no plans, nothing held."""
        for hold in self._holds:
            hold.released.set()
        with self._lock:
            self._entries, self._strays, self._holds = [], [], []
            self._plans.clear()
            self.key, self.usual = ACCESS_KEY, accept
        if self._listener is None or self._tls is not None:
            self.go_down()
            self.come_up()

    def go_down(self) -> None:
        """Refuse connections from now on, and drop those that stand."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            standing = list(self._open)
        for connection in standing:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def come_up(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen again, on the same port; with `tls` for https alone."""
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Let go of everything and end."""
        for hold in self._holds:
            hold.released.set()
        self.go_down()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
        try:
            with suppress(OSError), self._wrapped(connection) as connection:
                connection.settimeout(PATIENCE)
                while (call := self._read(connection)) is not None:
                    self._behaviour(call)(call)
                    if call.over:
                        return
        finally:
            with self._lock:
                self._open.discard(connection)

    def _wrapped(self, connection: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection

    def _read(self, connection: socket.socket) -> Call | None:
        """One whole request, put down in the ledger; None when the other side ended before it was complete."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return None
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(fields.get("content-length", 0)):
            piece = connection.recv(65536)
            if not piece:
                return None
            body += piece
        method, path, _ = first.split(" ", 2)
        call = Call(connection, method, path)
        if (method, path) == ("POST", ONE_TEXT):
            call.entries = [_recipient(json.loads(body))]
        elif fields.get("x-auth-key") != self.key:
            call.entries, call.path = [], "/refused"
        elif (method, path) == ("POST", "/v1/sms"):
            call.entries = _recipients(json.loads(body))
        with self._lock:
            self._entries.extend(call.entries)
        return call

    def _behaviour(self, call: Call) -> Behaviour:
        if call.path == "/refused":
            return self._refuse_key
        if call.path == "/identity/v1/account":
            return _describe_account
        if not call.entries:
            with self._lock:
                self._strays.append(call.path)
            return _not_found
        with self._lock:
            plan = self._plans[call.entries[0].phone]
            return plan.popleft() if plan else self.usual

    def _refuse_key(self, call: Call) -> None:
        call.answer(self._key_refusal, {"errors": [{"message": "The access key is not valid."}]})


def _recipients(request: dict[str, Any]) -> list[Entry]:
    digest = hashlib.sha256(request["message_body"].encode()).hexdigest()
    return [
        Entry(group["correlation_id"], phone, digest, time.time())
        for group in request["to"]
        for phone in group["phone"]
    ]


def _recipient(request: dict[str, Any]) -> Entry:
    digest = hashlib.sha256(request["message"].encode()).hexdigest()
    return Entry("", request["end_user_number"], digest, time.time())


def _describe_account(call: Call) -> None:
    call.answer(200, {"account_uid": "acc_chaos", "account_status": "active"})


def _not_found(call: Call) -> None:
    call.answer(404)


_ids = itertools.count(1)
