"""Connections that are used again, and those that must not be."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time

import pytest

from messaging import transport as transport_module
from messaging.types import Request
from tests.messaging.transport.server import OK, Server, Start, answering, answering_once, post, transport_to


class TestConnectionsUsedAgain:
    def test_a_fresh_one_is_used_again(self, start: Start) -> None:
        server = start(answering(OK))
        transport = transport_to(server)
        for _ in range(3):
            transport.send(post(server), hosts=())
        assert (server.connections, len(server.requests)) == (1, 3)

    def test_each_request_carries_its_own_key_and_length(self, start: Start) -> None:
        server = start(answering(OK))
        transport = transport_to(server)
        for key, body in (("one", b"short"), ("two", b"not as short"), ("one", b""), ("two", b"short")):
            transport.send(Request("POST", f"{server.url}/v1/sms", {"X-Key": key}, body), hosts=())
        seen = [request.partition(b"\r\n\r\n") for request in server.requests]
        lengths = [int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]) for head, _, _ in seen]
        assert [(b"X-Key: two" in head, body) for head, _, body in seen] == [
            (False, b"short"),
            (True, b"not as short"),
            (False, b""),
            (True, b"short"),
        ]
        assert lengths == [5, 12, 0, 5]

    @pytest.mark.usefixtures("trusted")
    @pytest.mark.parametrize("is_secure", [False, True])
    def test_headers_and_body_arrive_together(self, start: Start, tls: ssl.SSLContext, *, is_secure: bool) -> None:
        first: list[bytes] = []

        def script(server: Server, connection: socket.socket) -> None:
            first.append(connection.recv(65536))
            connection.sendall(OK)

        server = start(script, tls if is_secure else None)
        transport_to(server).send(post(server, b'{"whole": true}'), hosts=())
        assert first[0].endswith(b'\r\n\r\n{"whole": true}')

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
