"""A provider's side of the line: a real HTTP server that gives the answers a test hands it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from messaging.transport import Transport
from messaging.types import Answer, Request


class ProviderServer:
    """Gives `answers` in order, the last one again and again, and keeps the `requests` that arrived."""

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"
        self.transport = Transport(extra_hosts={self.host}, read_seconds=2.0, total_seconds=2.0)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def will_answer(self, *answers: Answer) -> None:
        """Replace what will be answered."""
        self.answers = deque(answers)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        line = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                line.requests.append(Request(self.command, line.url + self.path, headers, body))
                given = line.answers.popleft() if len(line.answers) > 1 else line.answers[0]
                self.send_response(given.status)
                for name, value in given.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(given.body)))
                self.end_headers()
                self.wfile.write(given.body)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 the names http.server calls

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


@pytest.fixture
def provider_server() -> Iterator[ProviderServer]:
    server = ProviderServer()
    yield server
    server.close()
