"""A phone's two screens: its threads on one channel, and what stands in the open one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Count, Max, Q
from django.utils import timezone

from messaging.sandbox.database import writing
from messaging.sandbox.models import (
    MessageDirection,
    PhoneMessage,
    SandboxChannel,
    SandboxStream,
    TimerEvent,
    VirtualPhone,
)
from messaging.sandbox.network import has_link

from .place import Place

SAME_STRETCH = timedelta(minutes=15)  # texts closer together than this stand under one time
SENT = "Sent"
PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")


@dataclass(frozen=True, slots=True)
class Thread:
    """One business number or name that a phone has messages with, or could write to."""

    stream: SandboxStream
    unseen: int = 0

    @property
    def id(self) -> str:
        """As it stands in an address."""
        return str(self.stream.pk)

    @property
    def sender(self) -> str:
        """Whom the phone names above a text: the number, or the sender's name where there is one."""
        return self.stream.sender or self.stream.number or self.stream.name


@dataclass(frozen=True, slots=True)
class File:
    """A picture to show or a file to name. `url` is empty when there is nothing to open."""

    kind: str
    name: str
    url: str = ""
    is_picture: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """A template's button; only a quick reply can be tapped."""

    text: str
    is_reply: bool
    icon: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message as the screen shows it. `starts` is the time to put above it, where a new stretch begins."""

    id: int
    is_mine: bool
    text: str
    at: datetime
    starts: datetime | None = None
    heading: str = ""
    file: File | None = None
    footer: str = ""
    buttons: tuple[Button, ...] = ()
    state: str = ""  # of a message written here: how far it came
    has_link: bool = False  # whose opening the provider tells of

    @property
    def is_settled(self) -> bool:
        """Was it written here, and has the business's webhook taken it?"""
        return self.state == SENT


@dataclass(frozen=True, slots=True)
class Screen:
    """One channel of a phone."""

    channel: str
    threads: Sequence[Thread] = ()
    others: Sequence[Thread] = ()  # businesses that the phone has nothing from yet
    open: Thread | None = None
    bubbles: Sequence[Bubble] = field(default_factory=tuple)
    earlier: int = 0  # messages of the open thread that are not shown
    window_closes_at: datetime | None = None  # WhatsApp: until when the business may write freely
    last_at: datetime | None = None

    @property
    def is_sms(self) -> bool:
        """Texts, not WhatsApp?"""
        return self.channel == SandboxChannel.SMS


def screens(phone: VirtualPhone, place: Place) -> list[Screen]:
    """WhatsApp and SMS of one phone, WhatsApp first."""
    return [_screen(phone, place, channel) for channel in (SandboxChannel.WHATSAPP, SandboxChannel.SMS)]


def mark_seen(phone: VirtualPhone, shown: Sequence[Screen]) -> None:
    """The messages of the open threads have been looked at."""
    open_threads = [screen.open for screen in shown if screen.open is not None]
    if any(thread.unseen for thread in open_threads):
        with writing():
            arrived = phone.messages.arrived().filter(is_seen=False)
            arrived.filter(stream__in=[thread.stream for thread in open_threads]).update(is_seen=True)


def _screen(phone: VirtualPhone, place: Place, channel: str) -> Screen:
    of_thread = _summaries(phone, channel)
    streams = SandboxStream.objects.filter(channel=channel).select_related("account")
    threads = [Thread(stream, of_thread[stream.pk]["unseen"]) for stream in streams if stream.pk in of_thread]
    others = [Thread(stream) for stream in streams if stream.pk not in of_thread and stream.is_active]
    shown = _open_thread(threads, others, of_thread, place.thread(channel))
    if shown is None:
        return Screen(channel, threads, others)
    on_screen = phone.messages.on_screen().filter(stream=shown.stream)
    count = of_thread[shown.stream.pk]["count"] if shown.stream.pk in of_thread else 0
    earlier = max(0, count - place.messages)
    return Screen(
        channel,
        threads,
        others,
        shown,
        _bubbles(list(on_screen[earlier:])),
        earlier,
        phone.window_closes_at(shown.stream) if channel == SandboxChannel.WHATSAPP else None,
        max((row["last"] for row in of_thread.values()), default=None),
    )


def _summaries(phone: VirtualPhone, channel: str) -> dict[int, dict[str, Any]]:
    unseen = Q(is_seen=False, direction=MessageDirection.TO_PHONE)
    rows = (
        phone.messages.on_screen()
        .filter(channel=channel)
        .order_by()
        .values("stream_id")
        .annotate(last=Max("created_at"), count=Count("id"), unseen=Count("id", filter=unseen))
    )
    return {row["stream_id"]: dict(row) for row in rows}


def _open_thread(
    threads: Sequence[Thread], others: Sequence[Thread], of_thread: Mapping[int, Any], wanted: int | None
) -> Thread | None:
    """The thread that was asked for, else the one with the latest message; a new one only when asked for."""
    chosen = next((thread for thread in [*threads, *others] if thread.stream.pk == wanted), None)
    if chosen is not None or not threads:
        return chosen
    return max(threads, key=lambda thread: of_thread[thread.stream.pk]["last"])


def _bubbles(messages: Sequence[PhoneMessage]) -> list[Bubble]:
    written = [message.pk for message in messages if message.direction == MessageDirection.FROM_PHONE]
    waiting: dict[int, int] = {}
    for key, attempts in TimerEvent.objects.filter(message__in=written).values_list("message_id", "attempts"):
        waiting[key] = max(attempts, waiting.get(key, 0))
    bubbles = []
    before: datetime | None = None
    for message in messages:
        bubbles.append(_bubble(message, _start(message, before), _state(message, waiting.get(message.pk))))
        before = message.created_at
    return bubbles


def _start(message: PhoneMessage, before: datetime | None) -> datetime | None:
    """Above a WhatsApp message: its day, when that is new. Above a text: its time, after a while of silence."""
    at = message.created_at
    if before is None or timezone.localtime(before).date() != timezone.localtime(at).date():
        return at
    return at if message.channel == SandboxChannel.SMS and at - before > SAME_STRETCH else None


def _state(message: PhoneMessage, attempts: int | None) -> str:
    """How far a message written here came; `attempts` counts refused webhooks, None when none waits."""
    if message.direction == MessageDirection.TO_PHONE:
        return ""
    if attempts is None:
        return SENT
    return "Waits: the webhook was not accepted" if attempts else "Sending"


def _bubble(message: PhoneMessage, starts: datetime | None, state: str) -> Bubble:
    header = message.header or {}
    file = _file(message.media) if message.media else _header_file(header)
    return Bubble(
        id=message.pk,
        is_mine=message.direction == MessageDirection.FROM_PHONE,
        text=message.text,
        at=message.created_at,
        starts=starts,
        heading=str(header.get("text", "")) if header.get("type") == "text" else "",
        file=file,
        footer=message.footer,
        buttons=tuple(_button(button) for button in message.buttons),
        state=state,
        has_link=has_link(message),
    )


def _file(media: Mapping[str, Any]) -> File:
    """A file that was attached here; its address is the sandbox's own, so its path is enough."""
    is_picture = media.get("content_type") in PICTURES
    name = str(media.get("filename") or "File")
    return File("image" if is_picture else "document", name, urlsplit(str(media.get("url", ""))).path, is_picture)


def _header_file(header: Mapping[str, Any]) -> File | None:
    """A template's picture, film or document: uploaded to the sandbox, or linked (shown by its address then)."""
    kind = str(header.get("type", ""))
    if kind not in ("image", "video", "document"):
        return None
    if header.get("id"):
        name = str(header.get("filename") or kind.capitalize())
        return File(kind, name, f"/cirrus/media/{header['id']}", kind == "image")
    link = str(header.get("link", ""))
    opens = link if urlsplit(link).scheme in ("http", "https") else ""
    return File(kind, str(header.get("filename") or link or kind.capitalize()), opens)


_ICONS = {"URL": "external-link", "PHONE_NUMBER": "phone", "COPY_CODE": "copy"}


def _button(button: Mapping[str, Any]) -> Button:
    kind = str(button.get("type", "")).upper()
    hint = str(button.get("url") or button.get("phone_number") or "")
    return Button(str(button.get("text", "")), kind == "QUICK_REPLY", _ICONS.get(kind, "reply"), hint)
