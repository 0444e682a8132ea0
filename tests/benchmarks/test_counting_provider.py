"""The provider that counts: its ledger is what the benchmarks believe."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import pytest

from config.supervisor import free_port
from conversations.management.benchmark import counting_provider
from conversations.management.benchmark.kept import KeptConnection
from messaging.providers.webex_interact.sms import BulkSms, Group
from messaging.types import Answer

_ports = count(24_000)


@pytest.fixture
def provider() -> Iterator[KeptConnection]:
    """A connection to a provider of its own."""
    port = free_port(next(_ports))
    process = subprocess.Popen([sys.executable, "-I", "-S", counting_provider.__file__, str(port)])
    try:
        with closing(_connected(port)) as connection:
            yield connection
    finally:
        process.kill()
        process.wait()


def _connected(port: int) -> KeptConnection:
    deadline = time.monotonic() + 20
    while True:
        try:
            return KeptConnection(port)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _body(*refs: str) -> bytes:
    groups = tuple(Group((f"+4477009001{index:02}",), ref) for index, ref in enumerate(refs))
    return json.dumps({"from": "PARLEY", "to": [group.to_json() for group in groups], "message_body": "Hello"}).encode()


def test_it_answers_as_the_provider_documents(provider: KeptConnection) -> None:
    answer = provider.ask("POST", "/v1/sms", _body("a", "b"))
    sms = BulkSms("PARLEY", (), "Hello").parse_response(Answer(200, body=answer))
    assert [(item.phone, item.is_queued) for item in sms.messages] == [("+447700900100", True), ("+447700900101", True)]
    assert sms.errors == ()
    again = BulkSms("PARLEY", (), "Hello").parse_response(Answer(200, body=provider.ask("POST", "/v1/sms", _body("c"))))
    ids = [item.transaction_id for item in (*sms.messages, *again.messages)]
    assert len({*ids, sms.request_id, again.request_id}) == 5


def test_it_counts_each_reference_and_knows_when_it_came(provider: KeptConnection) -> None:
    before = time.monotonic()
    provider.ask("POST", "/v1/sms", _body("once", "twice"))
    between = time.monotonic()
    provider.ask("POST", "/v1/sms", _body("twice"))
    after = time.monotonic()
    seen = json.loads(provider.ask("GET", "/seen"))
    assert {ref: times for ref, (times, _, _) in seen.items()} == {"once": 1, "twice": 2}
    assert before < seen["once"][1] == seen["once"][2] < between
    assert before < seen["twice"][1] < between < seen["twice"][2] < after


def test_waiting_ends_when_all_have_come(provider: KeptConnection) -> None:
    provider.ask("POST", "/v1/sms", _body("a", "b", "c"))
    began = time.monotonic()
    found = json.loads(provider.ask("POST", "/wait", b'["a", "c"]'))
    assert set(found) == {"a", "c"}
    assert time.monotonic() - began < counting_provider.LONGEST_WAIT


def test_it_takes_what_kannel_and_systems_made_for_it_send(provider: KeptConnection) -> None:
    to = "%2B447700900100%20%2B447700900101"
    assert provider.ask("GET", f"/cgi-bin/sendsms?from=BENCH&to={to}&text=Hello+you") == b"0: Accepted for delivery"
    assert set(json.loads(provider.ask("GET", "/seen"))) == {"+447700900100", "+447700900101"}


def test_it_answers_as_late_as_it_is_told_and_counts_at_once(provider: KeptConnection) -> None:
    provider.ask("POST", "/latency", b"0.3")
    began = time.monotonic()
    provider.ask("POST", "/v1/sms", _body("late"))
    assert time.monotonic() - began >= 0.3
    assert json.loads(provider.ask("GET", "/seen"))["late"][1] < began + 0.3
