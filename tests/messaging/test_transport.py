"""The transport against real sockets: what leaves us, when the call-back runs, and what each fault proves."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests.adapters
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from messaging import transport as transport_module
from messaging.errors import ConfigurationError, NotSent, Unconfirmed
from messaging.transport import LARGEST_ANSWER, Transport
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
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._play, args=(connection,), daemon=True).start()

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
        self._listener.close()
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


@pytest.fixture
def start() -> Iterator[Start]:
    servers: list[Server] = []

    def begin(script: Script, tls: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(script, tls))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()


def transport_to(*servers: Server, total: float = 5.0, read: float = 5.0) -> Transport:
    hosts = {server.host for server in servers}
    return Transport(extra_hosts=hosts, connect_seconds=1.0, read_seconds=read, total_seconds=total)


def post(server: Server, body: bytes = b'{"a": 1}') -> Request:
    return Request("POST", f"{server.url}/v1/sms?x=%2B1", {"X-Key": "k", "Content-Type": "application/json"}, body)


class TestAGoodExchange:
    def test_the_request_arrives_as_given_and_the_answer_is_whole(self, start: Start) -> None:
        raw = b"HTTP/1.1 201 Created\r\nX-Words: Two\r\nContent-Length: 5\r\n\r\nhello"
        server = start(answering(raw))
        answer = transport_to(server).send(post(server), hosts=())
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[0] == b"POST /v1/sms?x=%2B1 HTTP/1.1"
        assert set(lines[1:]) == {
            f"Host: {server.host}".encode(),
            b"User-Agent: Parley",
            b"Accept: application/json",
            b"Accept-Encoding: identity",
            b"Content-Type: application/json",
            b"X-Key: k",
            b"Content-Length: 8",
        }
        assert body == b'{"a": 1}'
        assert (answer.status, answer.body, answer.headers["x-words"]) == (201, b"hello", "Two")
        assert 0 < answer.seconds < 5

    def test_a_post_without_a_body_says_that_it_has_none(self, start: Start) -> None:
        server = start(answering(OK))
        transport_to(server).send(post(server, b""), hosts=())
        assert b"content-length: 0" in server.requests[0].lower()

    def test_no_content_is_an_answer(self, start: Start) -> None:
        server = start(answering(b"HTTP/1.1 204 No Content\r\n\r\n"))
        answer = transport_to(server).send(Request("DELETE", f"{server.url}/x"), hosts=())
        assert (answer.status, answer.body) == (204, b"")

    def test_a_chunked_and_a_packed_answer_are_read(self, start: Start) -> None:
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
        packed = gzip.compress(b"{}")
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
        for raw in (chunked, head + packed):
            server = start(answering(raw))
            assert transport_to(server).send(post(server), hosts=()).json() == {}

    def test_an_answer_of_exactly_the_cap_is_read(self, start: Start) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGEST_ANSWER
        server = start(answering(head + b"x" * LARGEST_ANSWER))
        assert len(transport_to(server).send(post(server), hosts=()).body) == LARGEST_ANSWER

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_an_answer_and_is_not_followed(self, start: Start, status: int) -> None:
        other = start(answering(OK))
        head = f"HTTP/1.1 {status} Moved\r\nLocation: {other.url}/v1/sms\r\nContent-Length: 0\r\n\r\n"
        server = start(answering(head.encode()))
        answer = transport_to(server, other).send(post(server), hosts=())
        assert (answer.status, other.connections) == (status, 0)


class TestNothingLeftUs:
    """Every one of these is NotSent: a second try is safe."""

    def test_connection_refused(self, start: Start) -> None:
        server = start(answering(OK))
        server.close()
        called: list[str] = []
        with pytest.raises(NotSent, match="the connection was refused"):
            transport_to(server).send(post(server), hosts=(), on_wire=lambda: called.append("on wire"))
        assert called == []

    def test_unknown_host_name(self) -> None:
        with pytest.raises(NotSent, match="the host name is not known"):
            Transport().send(Request("GET", "https://no-such-host.invalid/"), hosts=("no-such-host.invalid",))

    def test_a_host_that_does_not_take_the_connection(self) -> None:
        with socket.socket() as listener:  # a full backlog: further handshakes get no answer
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            address = listener.getsockname()
            with socket.create_connection(address):
                host = f"127.0.0.1:{address[1]}"
                transport = Transport(extra_hosts={host}, connect_seconds=0.2)
                with pytest.raises(NotSent, match="the host did not answer"):
                    transport.send(Request("GET", f"http://{host}/"), hosts=())

    def test_no_tls_on_the_other_side(self, start: Start) -> None:
        server = start(lambda _, connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        with pytest.raises(NotSent, match="the secure connection failed"):
            transport_to(server).send(Request("GET", f"https://{server.host}/"), hosts=())
        assert server.requests == []

    def test_a_certificate_that_nobody_vouches_for(self, start: Start, tls: ssl.SSLContext) -> None:
        server = start(answering(OK), tls)
        called: list[str] = []
        with pytest.raises(NotSent, match="the certificate is not trusted"):
            transport_to(server).send(post(server), hosts=(), on_wire=lambda: called.append("on wire"))
        assert (server.requests, called) == ([], [])

    def test_the_call_back_outlasts_the_deadline(self, start: Start) -> None:
        server = start(answering(OK))
        with pytest.raises(NotSent):
            transport_to(server, total=0.2).send(post(server), hosts=(), on_wire=lambda: time.sleep(0.4))
        assert server.requests == []


class TestTheCallBack:
    def test_it_runs_after_connecting_and_before_the_first_byte(self, start: Start) -> None:
        order: list[str] = []
        accepted, first_byte = threading.Event(), threading.Event()

        def script(server: Server, connection: socket.socket) -> None:
            accepted.set()
            connection.recv(1, socket.MSG_PEEK)
            first_byte.set()
            server.read(connection)
            connection.sendall(OK)

        server = start(script)

        def on_wire() -> None:
            assert accepted.wait(2)
            assert not first_byte.wait(0.1)
            order.append("call-back")

        transport_to(server).send(post(server), hosts=(), on_wire=on_wire)
        assert order == ["call-back"]
        assert len(server.requests) == 1

    @pytest.mark.parametrize("fault", [RuntimeError("database"), BrokenPipeError("database"), TimeoutError("database")])
    def test_its_fault_comes_out_unchanged_and_nothing_is_written(self, start: Start, fault: Exception) -> None:
        received: list[bytes] = []
        done = threading.Event()

        def script(server: Server, connection: socket.socket) -> None:
            received.append(connection.recv(65536))
            done.set()

        server = start(script)

        def on_wire() -> None:
            raise fault

        with pytest.raises(type(fault)) as caught:
            transport_to(server).send(post(server), hosts=(), on_wire=on_wire)
        assert caught.value is fault
        assert done.wait(2)
        assert received == [b""]  # the connection ended without a byte

    def test_the_next_request_after_a_fault_gets_a_connection_of_its_own(self, start: Start) -> None:
        server = start(answering(OK))
        transport = transport_to(server)

        def fail() -> None:
            raise RuntimeError("database")

        with pytest.raises(RuntimeError):
            transport.send(post(server), hosts=(), on_wire=fail)
        assert transport.send(post(server), hosts=()).status == 200
        assert len(server.requests) == 1


class TestNobodyKnows:
    """The request left us and no whole answer came back: Unconfirmed, never NotSent."""

    @pytest.mark.parametrize(
        "half",
        [
            b"",
            b"HTTP/1.1 2",
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Le",
            b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n",
            b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"id": 1',
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
            b"garbage\r\n\r\n",
        ],
    )
    def test_half_an_answer(self, start: Start, half: bytes) -> None:
        server = start(answering_once(half))
        with pytest.raises(Unconfirmed) as caught:
            transport_to(server).send(post(server), hosts=())
        assert caught.value.code == "connection_broke"
        assert len(server.requests) == 1

    def test_a_status_alone_is_an_answer_for_whoever_reads_nothing_else(self, start: Start) -> None:
        server = start(answering_once(b"HTTP/1.1 200 OK\r\n\r\n"))
        assert transport_to(server).send(post(server), hosts=(), status_alone=True).status == 200

    def test_reset_after_the_request(self, start: Start) -> None:
        def script(server: Server, connection: socket.socket) -> None:
            server.read(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LET_GO)

        server = start(script)
        with pytest.raises(Unconfirmed, match="broke before the answer was complete"):
            transport_to(server).send(post(server), hosts=())
        assert len(server.requests) == 1

    def test_reset_in_the_middle_of_a_large_request(self, start: Start) -> None:
        def script(server: Server, connection: socket.socket) -> None:
            connection.recv(1000)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LET_GO)

        server = start(script)
        with pytest.raises(Unconfirmed):
            transport_to(server).send(post(server, b"x" * 20_000_000), hosts=())
        assert server.connections == 1

    def test_no_answer_within_the_time_for_reading(self, start: Start) -> None:
        def script(server: Server, connection: socket.socket) -> None:
            server.read(connection)
            server.stopping.wait(5)

        server = start(script)
        with pytest.raises(Unconfirmed) as caught:
            transport_to(server, read=0.2).send(post(server), hosts=())
        assert caught.value.code == "no_answer"

    @pytest.mark.parametrize(
        "before", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"]
    )
    def test_a_byte_at_a_time_ends_at_the_total_deadline(self, start: Start, before: bytes) -> None:
        def script(server: Server, connection: socket.socket) -> None:
            server.read(connection)
            connection.sendall(before or b"H")
            while not server.stopping.wait(0.05):
                connection.sendall(b"T")

        server = start(script)
        began = time.monotonic()
        with pytest.raises(Unconfirmed) as caught:
            transport_to(server, total=0.5).send(post(server), hosts=())
        assert caught.value.code == "no_answer"
        assert 0.4 < time.monotonic() - began < 1.5

    def test_an_answer_over_the_cap(self, start: Start) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (LARGEST_ANSWER + 1)
        server = start(answering(head + b"x" * (LARGEST_ANSWER + 1)))
        with pytest.raises(Unconfirmed) as caught:
            transport_to(server).send(post(server), hosts=())
        assert caught.value.code == "answer_too_large"

    def test_a_gzip_bomb_is_not_unpacked(self, start: Start) -> None:
        bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=1)
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
        server = start(answering(head + bomb))
        transport = transport_to(server)
        tracemalloc.start()
        try:
            with pytest.raises(Unconfirmed) as caught:
                transport.send(post(server), hosts=())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert caught.value.code == "answer_too_large"
        assert peak < 16 * LARGEST_ANSWER


class TestConnectionsUsedAgain:
    def test_a_fresh_one_is_used_again(self, start: Start) -> None:
        server = start(answering(OK))
        transport = transport_to(server)
        for _ in range(3):
            transport.send(post(server), hosts=())
        assert (server.connections, len(server.requests)) == (1, 3)

    def test_one_that_the_server_closed_since_is_not(self, start: Start) -> None:
        server = start(answering_once(OK))
        transport = transport_to(server)
        for _ in range(3):
            assert transport.send(post(server), hosts=()).status == 200
            time.sleep(0.05)
        assert (server.connections, len(server.requests)) == (3, 3)

    def test_one_that_the_server_closes_during_the_call_back_is_not(self, start: Start) -> None:
        close_now, closed = threading.Event(), threading.Event()

        def script(server: Server, connection: socket.socket) -> None:
            if server.connections == 1:
                server.read(connection)
                connection.sendall(OK)
                close_now.wait(5)
                connection.close()
                closed.set()
            else:
                answering(OK)(server, connection)

        server = start(script)
        transport = transport_to(server)
        transport.send(post(server, b"first"), hosts=())

        def on_wire() -> None:
            close_now.set()
            assert closed.wait(2)
            time.sleep(0.05)

        assert transport.send(post(server, b"second"), hosts=(), on_wire=on_wire).status == 200
        assert [request.partition(b"\r\n\r\n")[2] for request in server.requests] == [b"first", b"second"]
        assert server.connections == 2

    def test_one_that_holds_bytes_nobody_asked_for_is_not(self, start: Start) -> None:
        def script(server: Server, connection: socket.socket) -> None:
            while server.read(connection):
                connection.sendall(OK)
                time.sleep(0.02)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfalse")

        server = start(script)
        transport = transport_to(server)
        for _ in range(2):
            assert transport.send(post(server), hosts=()).json() == {}
            time.sleep(0.05)
        assert server.connections == 2

    def test_an_idle_one_is_replaced_once(self, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport_module, "FRESH_SECONDS", 0.1)
        server = start(answering(OK))
        transport = transport_to(server)
        transport.send(post(server), hosts=())
        time.sleep(0.15)
        transport.send(post(server), hosts=(), on_wire=lambda: None)
        assert (server.connections, len(server.requests)) == (2, 2)

    def test_an_idle_one_that_the_server_closed_is_replaced_once(
        self, start: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transport_module, "FRESH_SECONDS", 0.1)
        server = start(answering_once(OK))
        transport = transport_to(server)
        transport.send(post(server), hosts=())
        time.sleep(0.15)
        transport.send(post(server), hosts=(), on_wire=lambda: None)
        assert (server.connections, len(server.requests)) == (2, 2)

    def test_a_tls_connection_is_made_once_and_used_again(
        self, start: Start, tls: ssl.SSLContext, trusted: None
    ) -> None:
        server = start(answering(OK), tls)
        transport = transport_to(server)
        for _ in range(3):
            # Long enough for the session tickets that a TLS 1.3 server sends unasked to arrive.
            assert transport.send(post(server), hosts=(), on_wire=lambda: time.sleep(0.1)).status == 200
        assert (server.connections, len(server.requests)) == (1, 3)

    def test_a_tls_connection_closed_during_the_call_back_is_replaced(
        self, start: Start, tls: ssl.SSLContext, trusted: None
    ) -> None:
        close_now, closed = threading.Event(), threading.Event()

        def script(server: Server, connection: socket.socket) -> None:
            if server.connections == 1:
                close_now.wait(5)
                connection.close()
                closed.set()
            else:
                answering(OK)(server, connection)

        server = start(script, tls)

        def on_wire() -> None:
            close_now.set()
            assert closed.wait(2)
            time.sleep(0.05)

        assert transport_to(server).send(post(server), hosts=(), on_wire=on_wire).status == 200
        assert (server.connections, len(server.requests)) == (2, 1)

    def test_threads_share_a_transport(self, start: Start) -> None:
        server = start(answering(OK))
        transport = transport_to(server)
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda: statuses.append(transport.send(post(server), hosts=()).status))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (statuses, len(server.requests)) == ([200] * 8, 8)

    def test_a_forked_process_does_not_write_on_its_parents_connection(self, start: Start) -> None:
        server = start(answering(OK))
        transport = transport_to(server)
        transport.send(post(server), hosts=())
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if transport.send(post(server), hosts=()).status == 200 else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        transport.send(post(server), hosts=())
        assert (server.connections, len(server.requests)) == (2, 3)


class TestAddresses:
    HOSTS = ("api.commbox.io", ".ccaiplatform.com")
    EXTRA = frozenset({"127.0.0.1:9000", "gateway.example:8443", "gateway.example:443"})

    @pytest.mark.parametrize(
        "url",
        [
            "https://api.commbox.io/v1",
            "https://api.commbox.io:443/v1",
            "https://API.commbox.IO/v1",
            "https://name.uc1.ccaiplatform.com/apps/api/v1",
            "http://127.0.0.1:9000/cirrus",
            "https://gateway.example:8443/",
            "https://gateway.example/",
        ],
    )
    def test_allowed(self, url: str) -> None:
        Transport(extra_hosts=self.EXTRA).check_address(url, self.HOSTS)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "http://api.commbox.io/",
            "file:///etc/passwd",
            "gopher://api.commbox.io/",
            "javascript:alert(1)",
            "//api.commbox.io/",
            "api.commbox.io",
            "https:///v1",
            "https://api.commbox.io.evil.test/",
            "https://evil.test/api.commbox.io",
            "https://evilapi.commbox.io/",
            "https://user:pw@api.commbox.io/",
            "https://api.commbox.io@evil.test/",
            "https://@api.commbox.io/",
            "http://127.0.0.1#@api.commbox.io",
            "https://api.commbox.io\\@127.0.0.1/",
            "https://api.commbox.io:22/",
            "https://api.commbox.io:0/",
            "https://api.commbox.io:99999/",
            "https://api.commbox.io:x/",
            "https://api.commbox.io./",
            "https://api.commb\u043ex.io/",
            "https://api.commbox\u3002io/",
            "https://ccaiplatform.com/",
            "https://evilccaiplatform.com/",
            "https://127.0.0.1/",
            "http://127.0.0.1:9001/",
            "http://127.1:9000/",
            "http://2130706433:9000/",
            "http://[::1]:9000/",
            "http://gateway.example:8443/",
            "https://[::1",
            "https://[::1%25a.ccaiplatform.com]/",
            "https://[::1%00a.ccaiplatform.com]/",
            "https://api.commb\nox.io/",
            " https://api.commbox.io/",
            "https://api.commbox.io/a b",
            "\x00https://api.commbox.io/",
        ],
    )
    def test_refused_before_anything_is_opened(self, url: str) -> None:
        transport = Transport(extra_hosts=self.EXTRA)
        with pytest.raises(ConfigurationError):
            transport.check_address(url, self.HOSTS)
        with pytest.raises(ConfigurationError):
            transport.send(Request("GET", url), hosts=self.HOSTS)

    def test_the_sentence_shows_no_path_and_no_password(self) -> None:
        for url in ("http://gateway.example:8443/sms/447700900123", "ftp://u:secret@host/447700900123"):
            with pytest.raises(ConfigurationError) as caught:
                Transport(extra_hosts=self.EXTRA).check_address(url, self.HOSTS)
            assert "447700900123" not in str(caught.value)
            assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", " a", "\u043a\u043b\u044e\u0447", "a\x00b"])
    def test_a_header_that_cannot_be_sent_is_a_mistake_of_ours(self, start: Start, value: str) -> None:
        server = start(answering(OK))
        with pytest.raises(ConfigurationError):
            transport_to(server).send(Request("GET", server.url, {"X-Key": value}), hosts=())
        assert server.requests == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, as one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let requests trust the test's certificate instead of the public authorities."""
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(certificate))
