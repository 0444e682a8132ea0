"""The one web application: `/events` by a small handler, everything else by Django's WSGI handler.

Django's WSGI handler inside an ASGI server answers three to five times as many requests as Django's own ASGI
handler (docs/decisions). Request bodies are read here, up to the route's limit, because the bridge would pass a
body that comes in chunks as an empty one.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from types import FrameType
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.template.loader import render_to_string

from config.events import hub, serve_events
from config.loading import for_good
from config.wsgi import application as wsgi_application

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST_BODY = 2 * 1024 * 1024
LARGEST_HOOK = 256 * 1024
TOO_LARGE_HEADER = b"x-parley-too-large"
HOOK = re.compile(r"/hooks/[A-Za-z0-9_-]{43}/")
TAKES_FILES = re.compile(  # also where a file may have 1.5 MB: the page that it was chosen on says so
    r"/(files|c/\d+/template|new/template|campaigns/\d+/list|(contacts|permissions|templates)/import"
    r"|contacts/\d+/permission)/|/dialects/cirrus/whatsapp/uploadmedia/[^/]+"
)

# The bridge types its scopes and events one by one; Any spares a cast at each call.
django_application: Any = WSGIMiddleware(cast(Any, wsgi_application), workers=settings.WEB_THREADS)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Route one connection."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http" and scope["path"] == "/events":
        await serve_events(scope, receive, send)
    elif scope["type"] == "http":
        try:
            body = await _read_body(receive, _limit(scope["path"]))
        except _ClientLeft:
            return
        if body is None and HOOK.fullmatch(scope["path"]):  # Django writes down that it came
            scope, body = {**scope, "headers": [*scope["headers"], (TOO_LARGE_HEADER, b"yes")]}, b""
        if body is None:
            await _refuse_large_body(scope["path"], send)
            return
        await django_application(_with_length(scope, len(body)), _replay(body, receive), send)


def _limit(path: str) -> int:
    if path.startswith("/hooks/"):
        return LARGEST_HOOK
    return LARGEST_BODY + (settings.LARGEST_UPLOAD_MEGABYTES * 1024**2 if TAKES_FILES.fullmatch(path) else 0)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _load_pages()
            _let_pages_go_at_the_signal()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _load_pages() -> None:
    """Load what Django would load at the first request, so that whoever comes first need not wait for it."""
    with for_good():
        import_module(settings.ROOT_URLCONF)


def _let_pages_go_at_the_signal() -> None:
    """A server that is told to stop waits for every answer, and the one of an open page would last for minutes."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def stop(number: int, frame: FrameType | None, before: Any = before) -> None:
            loop.call_soon_threadsafe(hub.close)
            if callable(before):
                before(number, frame)

        signal.signal(number, stop)


class _ClientLeft(Exception):
    """Nobody waits for an answer any more."""


async def _read_body(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None when it is longer than the limit. Raises _ClientLeft when it will never be whole."""
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientLeft
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            return None
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


async def _refuse_large_body(path: str, send: Send) -> None:
    """Refuse in the shape of whoever asks: programs read JSON (conversations/api/errors.py), people a page."""
    sentence = "The request is too large."
    if path.startswith("/api/"):
        kind, body = "application/json", json.dumps({"code": "too_large", "message": sentence, "field": None})
    elif path.startswith("/dialects/"):
        kind, body = "text/plain; charset=utf-8", sentence
    else:
        kind, body = "text/html; charset=utf-8", render_to_string("413.html")
    headers = [(b"content-type", kind.encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})


def _with_length(scope: Scope, length: int) -> Scope:
    kept = [
        (name, value)
        for name, value in scope["headers"]
        if name.lower() not in (b"content-length", b"transfer-encoding")
    ]
    return {**scope, "headers": [*kept, (b"content-length", str(length).encode())]}


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body as one piece, then whatever the server says next (that the client went away)."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> MutableMapping[str, Any]:
        return pending.pop() if pending else await receive()

    return replay
