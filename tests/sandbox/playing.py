"""A running sandbox to call, and a little product to receive its webhooks. Both are real servers on free ports."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
AMIRA, MARK, US_PHONE = "+447700900142", "+447700900267", "+14155550100"
SMS_STREAM, WHATSAPP_STREAM = "c2FuZGJveC1zbXM=", "c2FuZGJveC13YQ=="
FAST = {"delivered_after": 0.04, "read_after": 0.08}


def free_port() -> int:
    """A port below the range that outgoing connections take theirs from, and above those of commands and `dev`.

    Lanes of tests side by side look elsewhere: between choosing a port and listening there another might choose it.
    """
    lane = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for port in range(29_000 + lane * 1_200 + os.getpid() % 1_000, 32_768):
        with socket.socket() as candidate:
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port below 32768")


class PlayedSandbox:
    """The command `sandbox` in a process of its own, with its rows in a scratch file."""

    def __init__(
        self,
        directory: Path,
        *,
        environment: dict[str, str] | None = None,
        options: Sequence[str] = (),
        port: int | None = None,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = directory / "sandbox.sqlite3"
        self.errors = directory / "stderr.txt"
        self.session = requests.Session()
        self.session.trust_env = False
        command = [sys.executable, "manage.py", "sandbox", "--port", str(self.port), "--database", str(self.database)]
        command += options
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | (environment or {}), stdout=subprocess.DEVNULL, stderr=errors
            )
        deadline = time.monotonic() + 90
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(self.errors.read_text())
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return self.session.get(f"{self.url}/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False

    def stop(self) -> None:
        """End the process as a supervisor does."""
        self.session.close()
        self.process.terminate()
        self.process.wait(timeout=20)

    def control(self, name: str, /, **values: Any) -> dict[str, Any]:
        """POST to the control API."""
        answer = self.session.post(f"{self.url}/control/{name}/", json=values, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def ask(self, name: str, /, **query: Any) -> dict[str, Any]:
        """GET from the control API."""
        answer = self.session.get(f"{self.url}/control/{name}/", params=query, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def messages(self, **query: Any) -> list[dict[str, Any]]:
        """The phones' messages."""
        return self.ask("messages", **query)["messages"]

    def ledger(self, **query: Any) -> list[dict[str, Any]]:
        """The ledger's entries, oldest first."""
        return self.ask("ledger", **query)["entries"]

    def settle(self) -> None:
        """Wait until every report and webhook has been sent."""
        assert self.ask("idle", timeout=10)["pending"] == 0

    def cirrus(self, method: str, path: str, data: Any = None, **options: Any) -> requests.Response:
        """Call Cirrus; `data` is wrapped as its documents want."""
        options.setdefault("headers", {"Authorization": "Bearer sandbox-cirrus-key"})
        if data is not None:
            options["json"] = {"data": data}
        return self.session.request(method, f"{self.url}/cirrus/{path}", timeout=10, **options)

    def ccai(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Call CCAI Platform."""
        options.setdefault("auth", ("fernhill", "sandbox-ccai-token"))
        url = f"{self.url}/ccai_platform/apps/api/v1/{path}"
        return self.session.request(method, url, json=body, timeout=10, **options)

    def webex(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Call Webex Interact."""
        options.setdefault("headers", {"X-AUTH-KEY": "aky_sandbox0000000000000000000"})
        return self.session.request(method, f"{self.url}/webex_interact/{path}", json=body, timeout=20, **options)

    def text_by_cirrus(self, text: str = "Hello", phone: str = AMIRA) -> requests.Response:
        """The shortest way to a message."""
        return self.cirrus("POST", f"sms/sendsms/{SMS_STREAM}", {"Number": phone.lstrip("+"), "Message": text})


@dataclass(frozen=True, slots=True)
class Received:
    """One webhook as it arrived; header names are lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Receiver:
    """Takes webhooks as the product would. `statuses` are answered first, one a call, then 200."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks/tokentokentokentoken/"

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
