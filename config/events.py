"""`/events`: live events for open pages (server-sent events), outside of Django's request cycle.

A connection is authenticated once, by its session, and then hears of the streams its user may see and of no
other; what is meant for one person (`to`) reaches nobody else. Whoever sees only some of the conversations there hears
of others no more than that something changed on the stream. It is closed after a while, so that a change of
rights counts on the reconnect. One subscription to Valkey serves all connections of the process.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any, NamedTuple

import redis.asyncio
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user
from django.db import connections
from django.http import HttpRequest
from redis.exceptions import RedisError

from conversations.live import CHANNEL_PREFIX

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

logger = logging.getLogger(__name__)

LIFETIME = 10 * 60  # seconds until a page connects again and its rights are read again
HEARTBEAT = 15  # seconds of silence after which a comment keeps proxies from closing the line
REMEMBERED = 1000  # events kept for pages that reconnect
SLOWEST = 200  # events that may wait for one slow page before it is told to reload

MOST_TOGETHER = 50  # events whose conversations are looked up at once
GATHERED = 0.2  # seconds in which events are gathered for that
SUBSCRIBING = 5  # seconds at most for which a process's first page waits until it would hear of everything


class Event(NamedTuple):
    """Something that changed. Of a conversation (0: of none) on a stream (None: for every page), for one person or all.

    `masked` is what somebody hears who may not see the conversation; empty: nothing.
    """

    text: str
    number: int = 0
    stream: int | None = None
    to: int | None = None
    conversation: int = 0
    masked: str = ""


RELOAD = Event("event: reload\ndata: {}\n\n")
WAKE = Event("")  # of which no page is told


class Reader(NamedTuple):
    """Whose page it is, and of which streams it may hear; of all that happens there unless they are limited."""

    user: int
    streams: frozenset[int]
    is_limited: bool

    def may_hear(self, event: Event) -> bool:
        """Is an event of that stream, meant for one person or for all, for this page?"""
        return event.stream is None or (event.stream in self.streams and event.to in (None, self.user))


class Hub:
    """Hears every event of the process's Valkey and hands it to the pages that may know of it."""

    def __init__(self) -> None:
        self.boot = secrets.token_hex(4)
        self.count = 0
        self.recent: deque[Event] = deque(maxlen=REMEMBERED)
        self.pages: dict[asyncio.Queue[Event], Reader] = {}
        self.task: asyncio.Task[None] | None = None
        self.tried = asyncio.Event()  # it is subscribed, or will tell pages to reload when it is
        self.interrupted = False
        self.is_closing = False

    def join(self, reader: Reader) -> asyncio.Queue[Event]:
        """A queue of events for one page; the first page starts the subscription."""
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self._listen())
        page: asyncio.Queue[Event] = asyncio.Queue(maxsize=SLOWEST)
        self.pages[page] = reader
        return page

    async def hears(self) -> None:
        """Return when nothing that happens from now on is lost to the pages that joined."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.tried.wait(), SUBSCRIBING)

    def leave(self, page: asyncio.Queue[Event]) -> None:
        """The page is gone."""
        self.pages.pop(page, None)

    def close(self) -> None:
        """This process is about to end: its pages connect again, and find another or wait for the next."""
        self.is_closing = True
        self._tell(WAKE)

    def missed(self, last_event_id: str, reader: Reader) -> list[Event]:
        """What a page that reconnects has missed; a request to reload when that is not known any more."""
        boot, _, number = last_event_id.partition(":")
        if boot != self.boot or not number.isdecimal():
            return [RELOAD]
        seen = int(number)
        if self.recent and seen < self.recent[0].number - 1:
            return [RELOAD]
        return [one for one in self.recent if one.number > seen and reader.may_hear(one)]

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except (RedisError, OSError) as error:
                logger.warning("Live events wait for the broker: %s", type(error).__name__)
            self.interrupted = True
            self.tried.set()
            await asyncio.sleep(1)

    async def _listen_once(self) -> None:
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2)
        async with client, client.pubsub() as subscription:
            await subscription.psubscribe(f"{CHANNEL_PREFIX}*")
            async for message in subscription.listen():
                if message["type"] == "pmessage":
                    self._publish(message["data"])
                    continue
                self.tried.set()
                if self.interrupted:
                    self.interrupted = False
                    self._tell(RELOAD)  # what was published meanwhile is lost: pages ask anew

    def _publish(self, data: bytes) -> None:
        event = json.loads(data)
        self.count += 1
        stream, conversation = event["stream"], event["conversation"]
        # A conversation that was given to somebody else leaves lists: those who may not see it any more ask anew.
        masked = {"kind": "conversation", "stream": stream, "conversation": 0}
        told = Event(
            self._written(event),
            *(self.count, stream, event.get("to"), conversation),
            masked=self._written(masked) if event["kind"] == "conversation" else "",
        )
        self.recent.append(told)
        self._tell(told)

    def _written(self, event: dict[str, Any]) -> str:
        return f"id: {self.boot}:{self.count}\ndata: {json.dumps(event)}\n\n"

    def _tell(self, event: Event) -> None:
        for page, reader in list(self.pages.items()):
            if not reader.may_hear(event):
                continue
            if page.full():
                while not page.empty():
                    page.get_nowait()
                page.put_nowait(RELOAD)
            else:
                page.put_nowait(event)


hub = Hub()


async def serve_events(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one EventSource until it leaves or its time is over; 401 without a session."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    reader = await asyncio.to_thread(_reader, headers.get("cookie", ""))
    if reader is None:
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    page = hub.join(reader)
    try:
        await hub.hears()
        await _start(send)
        if last := headers.get("last-event-id"):
            await _tell(hub.missed(last, reader), reader, send)
        await _relay(page, reader, receive, send)
    finally:
        hub.leave(page)


def _reader(cookie: str) -> Reader | None:
    """The session's user and the ids of the streams that they may see; None without a valid session."""
    try:
        cookies: SimpleCookie = SimpleCookie(cookie)
    except CookieError:
        return None
    key = cookies.get(settings.SESSION_COOKIE_NAME)
    if key is None:
        return None
    try:
        request = HttpRequest()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(key.value)
        user = get_user(request)
        if not user.is_authenticated:
            return None
        Stream = apps.get_model("conversations", "Stream")
        streams = frozenset(Stream.objects.visible_to(user).values_list("pk", flat=True))
        return Reader(user.pk, streams, user.is_limited)
    finally:
        connections.close_all()


def _seen(user: int, conversations: set[int]) -> set[int]:
    """Those of the conversations that a person may see now."""
    try:
        person = apps.get_model("conversations", "User").objects.get(pk=user)
        rows = apps.get_model("conversations", "Conversation").objects
        visible = rows.visible_to(person).filter(pk__in=conversations)
        return set(visible.order_by().values_list("pk", flat=True))
    finally:
        connections.close_all()


async def _tell(events: list[Event], reader: Reader, send: Send) -> None:
    """Write what the reader may know of these events."""
    wanted = {one.conversation for one in events} - {0} if reader.is_limited else set()
    hidden = wanted - await asyncio.to_thread(_seen, reader.user, wanted) if wanted else set()
    for one in events:
        if text := one.masked if one.conversation in hidden else one.text:
            await _write(send, text)


async def _gather(page: asyncio.Queue[Event]) -> list[Event]:
    """What else comes within a moment: looking up conversations one by one would cost a query each."""
    await asyncio.sleep(GATHERED)
    return [page.get_nowait() for _ in range(min(page.qsize(), MOST_TOGETHER))]


async def _relay(page: asyncio.Queue[Event], reader: Reader, receive: Receive, send: Send) -> None:
    gone = asyncio.ensure_future(_wait_until_gone(receive))
    until = asyncio.get_running_loop().time() + LIFETIME
    try:
        while not (gone.done() or hub.is_closing) and asyncio.get_running_loop().time() < until:
            coming = asyncio.ensure_future(page.get())
            done, _ = await asyncio.wait({coming, gone}, timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
            if coming in done:
                more = await _gather(page) if reader.is_limited else []
                await _tell([coming.result(), *more], reader, send)
                continue
            coming.cancel()
            if not done:
                await _write(send, ": still here\n\n")
        if not gone.done():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _start(send: Send) -> None:
    headers = [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await _write(send, f"retry: 2000\nid: {hub.boot}:{hub.count}\nevent: hello\ndata: {{}}\n\n")


async def _write(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
