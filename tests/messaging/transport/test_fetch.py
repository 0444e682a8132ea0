"""Fetching what somebody else has named: from known hosts at public addresses, so much and no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from messaging.errors import ConfigurationError, NotSent, Unconfirmed
from messaging.transport import Transport
from tests.messaging.transport.server import Server, answering

FILE = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 10\r\n\r\n0123456789"


@pytest.fixture
def server() -> Iterator[Server]:
    listening = Server(answering(FILE))
    yield listening
    listening.close()


def test_a_file_is_fetched_without_credentials(server: Server) -> None:
    answer = Transport(extra_hosts={server.host}).fetch(f"{server.url}/photo.jpg", hosts=(), largest=10)
    assert answer.body == b"0123456789"
    head = server.requests[0].lower()
    assert b"accept: */*" in head
    assert b"authorization" not in head


def test_a_byte_more_than_allowed_is_too_much(server: Server) -> None:
    with pytest.raises(Unconfirmed) as refused:
        Transport(extra_hosts={server.host}).fetch(f"{server.url}/photo.jpg", hosts=(), largest=9)
    assert refused.value.code == "answer_too_large"


def test_a_known_name_that_leads_to_an_inner_address_is_refused_before_a_byte(server: Server) -> None:
    # Only the very words of the site's own entry are exempt: this is the same host, and not the entry.
    url = f"http://LOCALHOST:{server.port}/photo.jpg"
    with pytest.raises(ConfigurationError, match="not public"):
        Transport(extra_hosts={f"localhost:{server.port}"}).fetch(url, hosts=(), largest=10)
    assert server.requests in ([], [b""])


def test_a_host_of_nobody_is_not_called(server: Server) -> None:
    for url in (f"{server.url}/x", "https://evil.example/x", "https://api.commbox.io.evil.example/x", "file:///etc/x"):
        with pytest.raises(ConfigurationError):
            Transport().fetch(url, hosts=("api.commbox.io",), largest=10)
    assert server.connections == 0


def test_who_is_away_has_nothing(server: Server) -> None:
    with pytest.raises(NotSent):
        Transport(extra_hosts={"127.0.0.1:9"}).fetch("http://127.0.0.1:9/x", hosts=(), largest=10)
