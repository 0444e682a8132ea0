"""Everything that can go wrong on the wire, seen from a plain socket."""

from __future__ import annotations

import json
import socket
import time

import pytest
import requests

from .playing import AMIRA, MARK, SMS_STREAM, PlayedSandbox
from .test_ccai import SMS
from .test_cirrus_sms import assert_envelope
from .test_cirrus_whatsapp import SEND, item
from .test_webex import sms

REQUEST_BODY = json.dumps({"data": {"Number": "447700900142", "Message": "Hello"}})


def raw_exchange(sandbox: PlayedSandbox, *, seconds: float = 5) -> tuple[bytes, str]:
    """Send one Cirrus SMS by hand; returns what came back and how it ended: "end" or "reset" or "silence"."""
    head = (
        f"POST /cirrus/sms/sendsms/{SMS_STREAM} HTTP/1.1\r\nHost: 127.0.0.1:{sandbox.port}\r\n"
        "Authorization: Bearer sandbox-cirrus-key\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(REQUEST_BODY)}\r\n\r\n"
    )
    came = b""
    with socket.create_connection(("127.0.0.1", sandbox.port)) as connection:
        connection.sendall((head + REQUEST_BODY).encode())
        deadline = time.monotonic() + seconds
        while True:
            connection.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                part = connection.recv(65536)
            except ConnectionResetError:
                return came, "reset"
            except TimeoutError:
                return came, "silence"
            if not part:
                return came, "end"
            came += part


@pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
def test_reset(sandbox: PlayedSandbox, fault: str):
    sandbox.control("faults", phone=AMIRA, fault=fault)
    assert raw_exchange(sandbox) == (b"", "reset")
    assert len(sandbox.messages()) == (1 if fault == "reset_after" else 0)
    [entry] = sandbox.ledger()
    assert (entry["status"], entry["outcome"], entry["fault"]) == (None, "reset", fault)
    assert entry["phones"] == f" {AMIRA} "


def test_closed_without_an_answer(sandbox: PlayedSandbox):
    sandbox.control("faults", phone=AMIRA, fault="closed_after")
    assert raw_exchange(sandbox) == (b"", "end")
    assert len(sandbox.messages()) == 1


def test_half_an_answer(sandbox: PlayedSandbox):
    sandbox.control("faults", phone=AMIRA, fault="half_answer")
    came, ending = raw_exchange(sandbox)
    head, _, body = came.partition(b"\r\n\r\n")
    length = int(next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")).split()[1])
    assert ending == "end"
    assert 0 < len(body) < length
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        sandbox.text_by_cirrus()


def test_one_byte_per_second(sandbox: PlayedSandbox):
    sandbox.control("faults", phone=AMIRA, fault="one_byte_per_second")
    came, ending = raw_exchange(sandbox, seconds=2.5)
    assert ending == "silence"
    assert came in (b"HT", b"HTT")


def test_a_slow_answer_is_accepted_at_once(sandbox: PlayedSandbox):
    sandbox.control("faults", phone=AMIRA, fault="slow", settings={"seconds": 0.6}, times=1)
    began = time.monotonic()
    assert sandbox.text_by_cirrus().status_code == 200
    assert 0.6 <= time.monotonic() - began < 3
    [entry] = sandbox.ledger()
    assert (entry["status"], entry["outcome"]) == (200, "answered after 0.6 s")
    assert entry["duration_ms"] >= 600
    assert sandbox.text_by_cirrus().elapsed.total_seconds() < 0.6


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_errors_before_and_after_accepting(sandbox: PlayedSandbox, status: int):
    sandbox.control("faults", phone=AMIRA, fault="error_before", settings={"status": status})
    assert_envelope(sandbox.text_by_cirrus(), status, "Operation failed", data="")
    assert sandbox.messages() == []
    sandbox.control("faults", phone=AMIRA, fault="error_after", settings={"status": status})
    assert_envelope(sandbox.text_by_cirrus(), status, "Operation failed", data="")
    assert len(sandbox.messages()) == 1


@pytest.mark.parametrize("retry_after", ["1", "Fri, 31 Dec 2027 23:59:59 GMT", "-5", "1e9", "junk", None])
def test_429(sandbox: PlayedSandbox, retry_after: str | None):
    settings = {} if retry_after is None else {"retry_after": retry_after}
    sandbox.control("faults", account="Fernhill Cirrus", fault="throttled", settings=settings, times=1)
    answer = sandbox.text_by_cirrus()
    assert_envelope(answer, 429, "Too Many Requests", data="")
    assert answer.headers.get("Retry-After") == retry_after
    assert sandbox.text_by_cirrus().status_code == 200
    assert len(sandbox.messages()) == 1


def test_each_provider_words_its_own_refusals(sandbox: PlayedSandbox):
    for account in ("Fernhill CCAI Platform", "Fernhill Webex Interact"):
        for fault in ("throttled", "unauthorized", "error_before"):
            sandbox.control("faults", account=account, fault=fault)
            answer = sandbox.ccai("POST", "sms", SMS) if "CCAI" in account else sandbox.webex("POST", "v1/sms", sms())
            assert answer.status_code == {"throttled": 429, "unauthorized": 401, "error_before": 500}[fault]
            assert list(answer.json()) == (["message"] if "CCAI" in account else ["errors"])
    assert sandbox.messages() == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect(sandbox: PlayedSandbox, status: int):
    settings = {"status": status, "location": "http://169.254.169.254/latest"}
    sandbox.control("faults", phone=AMIRA, fault="redirect", settings=settings)
    answer = sandbox.cirrus(
        "POST",
        f"sms/sendsms/{SMS_STREAM}",
        {"Number": "447700900142", "Message": "Hello"},
        allow_redirects=False,
    )
    assert (answer.status_code, answer.headers["Location"]) == (status, "http://169.254.169.254/latest")
    assert sandbox.messages() == []


@pytest.mark.parametrize("fault", ["garbage", "html_answer", "empty_answer", "wrong_types"])
def test_answers_that_cannot_be_read(sandbox: PlayedSandbox, fault: str):
    sandbox.control("faults", phone=AMIRA, fault=fault)
    answer = sandbox.text_by_cirrus()
    assert answer.status_code == 200
    assert len(sandbox.messages()) == 1
    if fault == "wrong_types":
        assert answer.json()["status"] == ["ok"]
    else:
        with pytest.raises(requests.JSONDecodeError):
            answer.json()


def test_answers_that_muddle_the_recipients(sandbox: PlayedSandbox):
    account, to = "Fernhill Webex Interact", [{"phone": [AMIRA, MARK]}]
    told = {}
    for fault in ("missing_recipient", "other_order", "other_format"):
        sandbox.control("faults", account=account, fault=fault)
        told[fault] = [row["to"] for row in sandbox.webex("POST", "v1/sms", sms(to=to)).json()["messages"]]
    assert told == {
        "missing_recipient": [AMIRA],
        "other_order": [MARK, AMIRA],
        "other_format": [AMIRA.lstrip("+"), MARK.lstrip("+")],
    }
    assert len(sandbox.messages()) == 6
    sandbox.control("faults", account="Fernhill Cirrus", fault="other_format")
    [row] = sandbox.cirrus("POST", SEND, [item()]).json()["data"]
    assert row["recipient"] == AMIRA


def test_a_number_that_is_not_valid_is_refused_in_each_providers_words(sandbox: PlayedSandbox):
    for phone in (AMIRA, "+14155550100"):
        sandbox.control("faults", phone=phone, fault="not_valid")
    assert_envelope(sandbox.text_by_cirrus(), 400, "Invalid parameters - Number", data="")
    assert sandbox.ccai("POST", "sms", SMS).json() == {"message": "end_user_number is invalid"}
    assert sandbox.webex("POST", "v1/sms", sms()).json()["errors"] == [
        {"to": AMIRA, "status": "error", "code": 1002, "message": "Invalid phone number or unsupported region."}
    ]
    assert sandbox.cirrus("POST", SEND, [item()]).json()["data"][0]["failed"].startswith("invalid")
    assert sandbox.messages() == []


def test_an_accounts_fault_comes_before_its_phones(sandbox: PlayedSandbox):
    sandbox.control("faults", phone=AMIRA, fault="error_before")
    sandbox.control("faults", account="Fernhill Cirrus", fault="unauthorized", times=1)
    assert sandbox.text_by_cirrus().status_code == 401
    assert sandbox.text_by_cirrus().status_code == 500
    assert sandbox.text_by_cirrus(phone=MARK).status_code == 200


def test_a_rate_limit(sandbox: PlayedSandbox):
    sandbox.control("accounts", provider="ccai_platform", requests_per_second=1)
    statuses = [sandbox.ccai("GET", "chats").status_code for _ in range(5)]
    assert statuses[0] == 200
    assert 429 in statuses


def test_an_unknown_fault_is_refused(sandbox: PlayedSandbox):
    answer = sandbox.session.post(f"{sandbox.url}/control/faults/", json={"phone": AMIRA, "fault": "gremlins"})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("There is no fault named gremlins.")
