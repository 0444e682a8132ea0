"""The transport against real sockets: what leaves us, when the call-back runs, and what each fault proves."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import tracemalloc

import pytest

from messaging.errors import NotSent, Unconfirmed
from messaging.transport import LARGEST_ANSWER, Transport
from messaging.types import Request
from tests.messaging.transport.server import LET_GO, OK, Server, Start, answering, answering_once, post, transport_to


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

    def test_one_thread_watches_over_all_that_are_under_way(self, start: Start) -> None:
        def script(server: Server, connection: socket.socket) -> None:
            server.read(connection)
            server.stopping.wait(5)

        server = start(script)
        transport = transport_to(server, total=1.5)
        ends: list[str] = []
        watching: list[int] = []

        def put_on_wire() -> None:
            watching.append(sum(one.name == "watchdog" for one in set(threading.enumerate()) - before))

        def send() -> None:
            with pytest.raises(Unconfirmed) as caught:
                transport.send(post(server), hosts=(), on_wire=put_on_wire)
            ends.append(caught.value.code)

        before: set[threading.Thread] = set(threading.enumerate())
        send()  # its thread ends with it, and another watches over the next ones
        before |= set(threading.enumerate())
        threads = [threading.Thread(target=send) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert ends == ["no_answer"] * 6
        assert set(watching) == {1}

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
