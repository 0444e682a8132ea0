"""Everything that an answer can be besides the documented one. What accepts first says so in its name or text."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable

from tests.chaos.provider import Behaviour, Call, accept

HTML = "<!doctype html><title>Sign in</title><p>The network asks you to sign in.</p>"
HUGE = 64 * 1024 * 1024  # bytes, once read


def after(seconds: float, then: Behaviour = accept) -> Behaviour:
    """Take it at once, answer later."""

    def behave(call: Call) -> None:
        call.accept()
        time.sleep(seconds)
        then(call)

    return behave


def refuse(status: int, **headers: str) -> Behaviour:
    """Refuse it with a status, before anything is taken."""

    def behave(call: Call) -> None:
        call.answer(status, {"errors": [{"message": "Not now."}]}, **headers)

    return behave


def take_and_say(status: int, body: bytes | str = b"", **headers: str) -> Behaviour:
    """Take it, and answer with this all the same."""

    def behave(call: Call) -> None:
        call.accept()
        call.answer(status, body, **headers)

    return behave


def take_and_write(make: Callable[[bytes], bytes]) -> Behaviour:
    """Take it, and make these bytes from the documented answer's body; then the connection ends."""

    def behave(call: Call) -> None:
        call.accept()
        call.write(make(json.dumps(call.success()).encode()))
        call.close()

    return behave


def reset_untaken(call: Call) -> None:
    """Read it, forget it, reset."""
    call.reset()


def reset_taken(call: Call) -> None:
    """Take it, reset."""
    call.accept()
    call.reset()


def close_taken(call: Call) -> None:
    """Take it, and close without a word."""
    call.accept()
    call.close()


def trickle(call: Call) -> None:
    """Take it, and answer a byte a second."""
    call.accept()
    body = json.dumps(call.success()).encode()
    call.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
    for place in range(len(body)):
        call.write(body[place : place + 1])
        time.sleep(1)


def huge(call: Call) -> None:
    """Take it, and never stop answering."""
    call.accept()
    call.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % HUGE)
    for _ in range(HUGE // 65536):
        call.write(b" " * 65536)


def gzip_bomb(call: Call) -> None:
    """Take it, and answer with a little that becomes a lot."""
    call.accept()
    call.answer(200, gzip.compress(b" " * HUGE), Content_Encoding="gzip")


def _framed(body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (size, body)


def _changed(**fields: object) -> Callable[[bytes], bytes]:
    def make(body: bytes) -> bytes:
        return _framed(json.dumps({**json.loads(body), **fields}).encode())

    return make


def _with_status(word: str) -> Callable[[bytes], bytes]:
    return lambda body: _framed(body.replace(b'"queued"', f'"{word}"'.encode()))


# Each takes the message; none proves it. The name is the test's.
UNREADABLE: dict[str, Behaviour] = {
    "garbage": take_and_write(lambda _: b"\x00\xff\x16\x03\x01 no protocol at all \r\n\r\n"),
    "garbage_body": take_and_say(200, b"\x00\xff\xfe{]"),
    "half_headers": take_and_write(lambda _: b"HTTP/1.1 200 OK\r\nContent-Ty"),
    "half_body": take_and_write(lambda body: _framed(body[: len(body) // 2], len(body))),
    "half_chunk": take_and_write(
        lambda body: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + body[:9]
    ),
    "empty": take_and_say(200),
    "no_content": take_and_say(204),
    "nan": take_and_write(_changed(request_id=float("nan"))),
    "list": take_and_say(200, "[]"),
    "text": take_and_say(200, '"queued"'),
    "null": take_and_say(200, "null"),
    "no_messages": take_and_write(_changed(messages=[])),
    "wrong_types": take_and_write(_changed(messages="queued")),
    "wrong_items": take_and_write(_changed(messages=[1, None, []])),
    "unknown_status": take_and_write(_with_status("pondering")),
    "deep": take_and_say(200, "[" * 100_000),
    "html": take_and_say(200, HTML, Content_Type="text/html"),
    "wrong_charset": take_and_say(200, '{"messages": "Grüße"}'.encode("latin-1")),
    "broken_gzip": take_and_say(200, b"no gzip at all", Content_Encoding="gzip"),
    "gzip_bomb": gzip_bomb,
    "huge": huge,
}
