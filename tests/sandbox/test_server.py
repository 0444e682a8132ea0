"""The server itself: connections, who may call, the ledger, many callers at once, a restart."""

from __future__ import annotations

import json
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests

from .playing import AMIRA, SMS_STREAM, PlayedSandbox, Receiver
from .test_webex import sms


def test_is_healthy(sandbox: PlayedSandbox):
    answer = requests.get(f"{sandbox.url}/healthz", timeout=5)
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_security_headers_on_every_answer(sandbox: PlayedSandbox):
    for path in ("/healthz", "/no/such/page", "/cirrus/core/systemstatus"):
        headers = sandbox.session.get(sandbox.url + path).headers
        assert headers["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "10.0.0.1"])
def test_answers_under_local_names_only(sandbox: PlayedSandbox, host: str):
    assert sandbox.session.get(f"{sandbox.url}/healthz", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8100"])
def test_local_names(sandbox: PlayedSandbox, host: str):
    assert sandbox.session.get(f"{sandbox.url}/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_refuses_posts_from_other_sites(sandbox: PlayedSandbox, headers: dict):
    for path in ("/control/reset/", "/handset/add/"):
        assert sandbox.session.post(sandbox.url + path, json={}, headers=headers).status_code == 403
    own = {"Origin": sandbox.url, "Sec-Fetch-Site": "same-origin"}
    assert sandbox.session.post(f"{sandbox.url}/control/reset/", json={}, headers=own).status_code == 200


def test_serves_static_files(sandbox: PlayedSandbox):
    answer = sandbox.session.get(f"{sandbox.url}/static/django_htmx/htmx-2.min.js")
    assert answer.status_code == 200
    assert "javascript" in answer.headers["Content-Type"]
    for path in ("nothing.js", "../settings.py", "..%2f..%2fmanage.py"):
        assert sandbox.session.get(f"{sandbox.url}/static/{path}").status_code in (400, 404)


def test_keeps_a_connection_and_reads_chunks(sandbox: PlayedSandbox):
    body = json.dumps({"data": {"Number": "447700900142", "Message": "Hello"}}).encode()
    half = len(body) // 2
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:])) + b"0\r\n\r\n"
    head = (
        f"POST /cirrus/sms/sendsms/{SMS_STREAM} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
        "sandbox-cirrus-key\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as connection:
        for _ in range(2):
            connection.sendall(head + chunks)
            answer = b""
            while not answer.endswith(b'"data":""}'):
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert [message["text"] for message in sandbox.messages()] == ["Hello", "Hello"]


def test_answers_leave_in_one_packet_without_delay(sandbox: PlayedSandbox):
    times = sorted(sandbox.session.get(f"{sandbox.url}/healthz").elapsed.total_seconds() for _ in range(20))
    assert times[5] < 0.035  # Nagle's algorithm would take 40 ms for nearly each; a busy machine only for some


def test_twenty_callers_at_once(sandbox: PlayedSandbox, receiver: Receiver):
    def send(number: int) -> int:
        body = sms(message_body=f"Hello {number}", to=[{"phone": [f"+4477009001{number:02d}"]}])
        with requests.Session() as session:
            headers = {"X-AUTH-KEY": "aky_sandbox0000000000000000000"}
            url = f"{sandbox.url}/webex_interact/v1/sms"
            return session.post(url, json=body, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(send, range(20))) == [200] * 20
    sandbox.settle()
    assert sorted(message["text"] for message in sandbox.messages()) == sorted(f"Hello {n}" for n in range(20))
    assert len(sandbox.ledger(kind="request")) == 20
    assert len({hook.json["id"] for hook in receiver.received}) == 40


def test_the_ledger_masks_secrets(sandbox: PlayedSandbox):
    sandbox.text_by_cirrus()
    sandbox.webex("POST", "v1/sms", sms())
    sandbox.ccai("GET", "chats")
    entries = sandbox.ledger()
    text = json.dumps(entries)
    for secret in ("sandbox-cirrus-key", "aky_sandbox0000000000000000000", "ZmVybmhpbGw6c2FuZGJveC1jY2FpLXRva2Vu"):
        assert secret not in text
    assert entries[0]["headers"]["Authorization"] == "Bearer ****-key"
    assert entries[1]["headers"]["X-Auth-Key"] == "****0000"
    assert json.loads(entries[0]["body"]) == {"data": {"Number": "447700900142", "Message": "Hello"}}
    assert json.loads(entries[0]["answer_body"])["description"] == "Operation successful"
    assert [entry["phones"] for entry in entries] == [f" {AMIRA} ", f" {AMIRA} ", ""]
    assert sandbox.ledger(phone=AMIRA, provider="cirrus")[0]["id"] == entries[0]["id"]


def test_refuses_what_it_cannot_read(sandbox: PlayedSandbox):
    for length in (b"x", b"999999999999"):
        with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as connection:
            connection.sendall(
                b"POST /control/reset/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " + length + b"\r\n\r\n"
            )
            assert connection.recv(100).split()[1] in (b"400", b"413")
    for body, content_type in ((b"{", "application/json"), (b"[]", "application/json"), (b"a=1", "text/plain")):
        answer = sandbox.session.post(
            f"{sandbox.url}/control/reset/", data=body, headers={"Content-Type": content_type}
        )
        assert answer.status_code == 400


def test_runs_without_the_products_services_and_keeps_its_rows(tmp_path: Path):
    environment = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    first = PlayedSandbox(tmp_path, environment=environment)
    first.control("accounts", provider="webex_interact", delivered_after=0.5)
    first.webex("POST", "v1/sms", sms())
    first.stop()
    assert first.process.returncode == 0
    second = PlayedSandbox(tmp_path, environment=environment)
    try:
        second.settle()
        assert [message["status"] for message in second.messages()] == ["delivered"]
        assert second.errors.read_text() == ""
    finally:
        second.stop()


def test_says_why_it_cannot_start(sandbox: PlayedSandbox, tmp_path: Path):
    with pytest.raises(RuntimeError, match=r"on this machine only, not on 0\.0\.0\.0\."):
        PlayedSandbox(tmp_path, options=["--host", "0.0.0.0"])
    with pytest.raises(RuntimeError, match=f"cannot listen on 127.0.0.1:{sandbox.port}"):
        PlayedSandbox(tmp_path, options=["--port", str(sandbox.port)])


def test_a_file_of_an_early_version_is_refused(tmp_path: Path):
    played = PlayedSandbox(tmp_path)
    played.stop()
    with closing(sqlite3.connect(played.database)) as rows, rows:
        rows.execute("DELETE FROM django_migrations WHERE name > '0002'")
    with pytest.raises(RuntimeError, match=f"{played.database} is of an early version. Delete it."):
        PlayedSandbox(tmp_path)
