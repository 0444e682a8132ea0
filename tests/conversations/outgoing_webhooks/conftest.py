"""Another system on a socket of its own, which answers as a test wants it to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from conversations.models import WebhookSubscription
from conversations.models.outgoing import OutgoingKind
from conversations.services import accounts
from conversations.services.outgoing import posting, subscriptions
from tests import factories


class Consumer:
    """What it was told, in order. `answers` are the statuses of the next requests, then 200."""

    def __init__(self) -> None:
        consumer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                consumer.take(self)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}/told"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.begin()

    def begin(self) -> None:
        """As it was made, for a new test."""
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.answers: list[int] = []
        self.refused_ids: set[str] = set()
        self.delay = 0.0
        self.largest = b"thanks"
        self.is_bare = False

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """Note one request and answer it."""
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.bodies.append(body)
        self.headers.append({name.lower(): value for name, value in handler.headers.items()})
        self.paths.append(handler.path)
        status = self.answers.pop(0) if self.answers else 200
        if json.loads(body)["id"] in self.refused_ids:
            status = 500
        time.sleep(self.delay)  # whoever asked may have gone since, and the next test begun
        handler.send_response(status)
        if 300 <= status < 400:
            handler.send_header("Location", "/elsewhere")
        if self.is_bare:  # no body and no word of its length: the end of the connection ends the answer
            handler.close_connection = True
            handler.end_headers()
            return
        handler.send_header("Content-Length", str(len(self.largest)))
        handler.end_headers()
        handler.wfile.write(self.largest)

    def wait_for(self, number: int) -> None:
        """Until so many requests have come; they are not answered yet where there is a delay."""
        ends = time.monotonic() + 5
        while len(self.bodies) < number and time.monotonic() < ends:
            time.sleep(0.005)
        assert len(self.bodies) >= number

    @property
    def told(self) -> list[dict[str, Any]]:
        """The bodies, read."""
        return [json.loads(body) for body in self.bodies]

    def stop(self) -> None:
        """Refuse connections from now on."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def consumer_process() -> Iterator[Consumer]:
    consumer = Consumer()
    yield consumer
    consumer.stop()


@pytest.fixture
def consumer(consumer_process: Consumer, settings: Any) -> Iterator[Consumer]:
    """A system that answers 200 at once, and which the site allows."""
    consumer_process.begin()
    settings.EXTRA_PROVIDER_HOSTS = [consumer_process.host]
    forget_transports()
    yield consumer_process
    forget_transports()


def forget_transports() -> None:
    accounts.transport.cache_clear()
    posting.transport.cache_clear()


def subscribe(url: str, *events: str, **given: Any) -> WebhookSubscription:
    """A subscription of an administrator, to everything unless `events` are given."""
    wanted = {
        "name": "Billing",
        "owner": given.get("owner") or factories.make_user("administrator"),
        "streams": (),
        "actor": None,
    }
    made, _ = subscriptions.create(url=url, events=events or OutgoingKind.values, **(wanted | given))
    return made
