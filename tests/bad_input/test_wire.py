"""Bad-input rows B21, B50, B60 and B61 on the wire: the real web process, and bytes that no browser would send."""

from __future__ import annotations

import json
import socket

import pytest

from conversations.models import ProviderAccount, WebhookEvent
from tests import factories
from tests.bad_input.calls import said
from tests.journeys.test_events import port, web

__all__ = ["port", "web"]

pytestmark = pytest.mark.django_db(transaction=True)
BODY = json.dumps(said("Hello")).encode()


def answer_to(port: int, request: bytes, *, ends: bool = False) -> int:
    """The status that comes back for these bytes, 0 when the line is closed without one; `ends`: no more will come."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        try:
            line.sendall(request)
            if ends:
                line.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused before all of it was written: the answer is there
        try:
            first = line.makefile("rb").readline()
        except OSError:
            return 0
    return int(first.split()[1]) if first else 0


def post(path: str, *headers: str, body: bytes = BODY, host: str = "127.0.0.1") -> bytes:
    """A request; without a Content-Length unless a header gives one."""
    return "\r\n".join([f"POST {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode("latin-1") + body


def chunked(*sizes_and_bytes: bytes) -> bytes:
    """Chunks as they stand on the wire."""
    return b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in sizes_and_bytes) + b"0\r\n\r\n"


def test_what_no_browser_would_send(port: int) -> None:
    account: ProviderAccount = factories.make_account("webex_interact")
    hook = f"/hooks/{account.webhook_token}/"
    whole = f"Content-Length: {len(BODY)}"
    in_pieces = "Transfer-Encoding: chunked"
    large = b"x" * 10_000_000
    requests = {
        "as it should be": (post(hook, whole), {200}),
        "in pieces": (post(hook, in_pieces, body=chunked(BODY[:50], BODY[50:])), {200}),
        "a shorter length": (post(hook, "Content-Length: 10"), {400}),
        "a longer length": (post(hook, "Content-Length: 9999"), {0, 400, 413}),
        "a length in words": (post(hook, "Content-Length: many"), {400}),
        "a negative length": (post(hook, "Content-Length: -1"), {400}),
        "two lengths": (post(hook, whole, "Content-Length: 3"), {400}),
        "a piece of no size": (post(hook, in_pieces, body=b"zz\r\n" + BODY), {0, 400}),
        "half a piece": (post(hook, in_pieces, body=b"ff\r\n" + BODY[:9]), {0, 400, 413}),
        "ten megabytes for a webhook": (post(hook, f"Content-Length: {len(large)}", body=large), {413}),
        "ten megabytes in pieces": (post(hook, in_pieces, body=chunked(large[:5_000_000], large)), {413}),
        "ten megabytes for a form": (post("/sign-in/", f"Content-Length: {len(large)}", body=large), {413}),
        "another host": (post("/sign-in/", "Content-Length: 0", body=b"", host="evil.example"), {400}),
        "no method": (b"\x00\x01\x02\r\n\r\n", {400}),
        "a header with NUL": (post(hook, whole, "X-A: a\x00b"), {0, 400}),
        "a header of 100 kB": (post(hook, whole, "X-A: " + "a" * 100_000), {0, 400, 413, 431}),
        "a path of 100 kB": (post("/" + "a" * 100_000, whole), {0, 302, 400, 404, 414, 431}),
    }
    found = {name: answer_to(port, request, ends=0 in allowed) for name, (request, allowed) in requests.items()}
    assert {name: status for name, status in found.items() if status not in requests[name][1]} == {}
    stored = {bytes(event.body): event.times_received for event in WebhookEvent.objects.all()}
    # The one with the long header is whole: it counts when it was read before its sender was seen to have left.
    assert stored in ({BODY: 2, BODY[:10]: 1}, {BODY: 3, BODY[:10]: 1})
    assert answer_to(port, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") == 200
