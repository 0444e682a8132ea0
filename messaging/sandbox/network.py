"""The network between the providers and the phones: what happens after a message was accepted.

`deliver` is called by the endpoints; what a phone's owner does, by the handset and the control API. A `Network` is the
running part: it looks at the timer's rows, moves the phones' messages and posts the provider's webhooks to the product.
This is the sandbox's only module that opens connections, to loopback only.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from django.db import close_old_connections, transaction
from django.db.models import Min
from django.utils import timezone

from . import ledger, outcomes
from .database import writing
from .faults import NO_FAULT, ActiveFault, outcome_for
from .models import (
    MessageDirection,
    MessageStatus,
    PhoneMessage,
    SandboxAccount,
    SandboxChannel,
    SandboxStream,
    SmsRequest,
    SuppressedNumber,
    TimerEvent,
    TimerKind,
    VirtualPhone,
)
from .plays import Hook, play
from .router import DATABASE

logger = logging.getLogger(__name__)

RETRY_SECONDS = (0.5, 1, 2, 4, 8, 15, 30)  # then the webhook is given up; the ledger keeps each try
HOOK_TIMEOUT = 10  # seconds for the product to answer, as Webex Connect documents it
IDLE_SECONDS = 1.0
BUSY_SECONDS = 0.02
CLICKED = "clicked"  # the word of an event
LINK = re.compile(r"https?://\S+")
POSTING_THREADS = 8
MOST_LANES = 4 * POSTING_THREADS  # handed to the threads at a time; the rest waits in the rows

_wake = threading.Event()


def wake() -> None:
    """Tell the running network that there is something new to look at."""
    _wake.set()


def deliver(messages: Iterable[PhoneMessage], faults: Mapping[str, ActiveFault], at: datetime | None = None) -> None:
    """Take accepted, saved messages on their way, now or at a later time.

    `faults` gives each phone number's fault. A message with a `failure_reason` fails for it; a suppressed one is
    dropped in silence. Call inside `database.writing()`.
    """
    now = timezone.now()
    events: list[TimerEvent] = []
    for message in messages:
        fault = faults.get(message.phone.number, NO_FAULT)
        if message.status == MessageStatus.SCHEDULED and at is not None:
            events.append(_scheduled(message, at))
        elif message.status != MessageStatus.SUPPRESSED:
            events.extend(outcomes.plan(message, fault, now))
    TimerEvent.objects.bulk_create(events, batch_size=500)
    transaction.on_commit(wake, using=DATABASE)


def _scheduled(message: PhoneMessage, at: datetime) -> TimerEvent:
    return TimerEvent(
        kind=TimerKind.SEND,
        account=message.account,
        message=message,
        lane=f"send:{message.pk}",  # its time may be days away: nothing waits for it
        due_at=at,
        occurred_at=at,
    )


def tell(message: PhoneMessage, words: Iterable[str]) -> None:
    """Have the product told of these events about a message, in order. Call inside `database.writing()`."""
    for word in words:
        _tell(message.account, word, "", lane=outcomes.lane(message), message=message)


def tell_of_change(account: SandboxAccount, word: str, *, about: str, phone: str) -> None:
    """Have the product told of what was done at the provider, where its account is told of that.

    `about` is the provider's id of it. `phone` (E.164, or nothing) keeps it in order with what else is told of that
    phone. Call inside `database.writing()`.
    """
    if account.tells_changes:
        _tell(account, word, about, lane=f"{account.pk}:{phone}", message=None)


def _tell(account: SandboxAccount, word: str, about: str, *, lane: str, message: PhoneMessage | None) -> None:
    now = timezone.now()
    TimerEvent.objects.create(
        kind=TimerKind.HOOK,
        account=account,
        message=message,
        about=about,
        lane=lane,
        word=word,
        event_id=play(account.provider).new_event_id(now),
        due_at=now,
        occurred_at=now,
    )
    transaction.on_commit(wake, using=DATABASE)


def has_link(message: PhoneMessage) -> bool:
    """Is there a link in it of whose opening the provider tells?"""
    arrived = message.direction == MessageDirection.TO_PHONE
    return arrived and play(message.provider).tells_clicks and LINK.search(message.text) is not None


def open_link(message: PhoneMessage) -> None:
    """The customer opens the link in a message, and the provider tells of it. Raises ValueError without `has_link`."""
    if not has_link(message):
        raise ValueError("There is no link in this message of whose opening the provider tells.")
    with writing():
        tell(message, [CLICKED])


def reply_as_customer(
    phone: VirtualPhone,
    text: str,
    *,
    stream: SandboxStream | None = None,
    message: PhoneMessage | None = None,
    media: Mapping[str, Any] | None = None,
    written_at: datetime | None = None,
) -> PhoneMessage:
    """Write `text` on a virtual phone and send it to the business, in the wire form of the provider it belongs to.

    It answers `message`, or goes to `stream`, or else answers the last message that arrived on the phone.
    `media` is {"filename", "content_type", "data": bytes} of a photo. What was written at a time before is told to
    nobody: it is history. Returns the message as the phone shows it.
    Raises ValueError when there is nothing to answer, or the text is blank and no media is given.
    """
    if not text.strip() and not media:
        raise ValueError("Write something first: an empty message cannot be sent.")
    if stream is None:
        answered = message or phone.messages.arrived().order_by("-created_at", "-id").first()
        if answered is None:
            raise ValueError(f"Nothing has arrived on {phone.number} yet, so there is nobody to answer.")
        stream = answered.stream
    if media and stream.channel != SandboxChannel.WHATSAPP:
        raise ValueError("Only WhatsApp carries a photo here.")
    with writing():
        reply = PhoneMessage(
            phone=phone,
            account=stream.account,
            stream=stream,
            provider=stream.account.provider,
            channel=stream.channel,
            direction=MessageDirection.FROM_PHONE,
            business_name=stream.name,
            business_number=stream.number,
            text=text,
            status=MessageStatus.SENT,
            is_seen=True,
            created_at=written_at or timezone.now(),
        )
        words = play(reply.provider).receive(reply, media)
        if written_at is None:
            tell(reply, words)
    return reply


def skip_24_hours(phone: VirtualPhone) -> None:
    """Close the phone's WhatsApp windows, as if a day had passed since its owner last wrote."""
    phone.window_closed_at = timezone.now()
    phone.save(update_fields=["window_closed_at"])


def set_blocked(phone: VirtualPhone, blocked: bool) -> None:
    """Let the phone's owner block the business, or unblock it: nothing arrives while blocked."""
    phone.is_blocked = blocked
    phone.save(update_fields=["is_blocked"])


def advance_schedule() -> int:
    """Make everything that waits at a provider for its time due now; returns how many messages that were."""
    with writing():
        count = TimerEvent.objects.filter(kind=TimerKind.SEND).update(due_at=timezone.now())
    wake()
    return count


def pending_count() -> int:
    """How many reports and webhooks are still to come (scheduled messages not counted)."""
    return TimerEvent.objects.exclude(kind=TimerKind.SEND).count()


def is_loopback(url: str) -> bool:
    """Is this an http address on this machine? The sandbox posts nowhere else."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class _Posted:
    """A webhook that was tried; `problem` says why there is no answer."""

    hook: Hook
    answer: requests.Response | None
    problem: str
    milliseconds: float

    @property
    def is_taken(self) -> bool:
        """Did the product answer with success?"""
        return self.answer is not None and self.answer.ok


class Network:
    """The running network: one thread that looks for what is due, a few that post webhooks."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-network", daemon=True)
        self._pool = ThreadPoolExecutor(POSTING_THREADS, thread_name_prefix="sandbox-hook")
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._local = threading.local()

    def start(self) -> None:
        """Begin; what was left over from an earlier run goes first."""
        self._thread.start()

    def stop(self) -> None:
        """End after the webhooks that are on their way; the rest stays in the rows."""
        self._stopping.set()
        wake()
        self._thread.join(timeout=HOOK_TIMEOUT)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self) -> None:
        while not self._stopping.is_set():
            _wake.clear()
            try:
                is_more = outcomes.take_untold(timezone.now())
                pause = min(self._start_due_lanes(), BUSY_SECONDS if is_more else IDLE_SECONDS)
            except Exception:
                logger.exception("The sandbox's timer failed; it tries again.")
                pause = IDLE_SECONDS
            _wake.wait(pause)

    def _start_due_lanes(self) -> float:
        """Hand every lane with something due to a thread; returns the seconds until it is worth looking again."""
        now = timezone.now()
        with self._lock:
            busy = set(self._busy)
        waiting = TimerEvent.objects.filter(retry_at__gt=now).values("lane")
        told = TimerEvent.objects.filter(posts_hook=True, due_at__lte=now)
        due = told.exclude(lane__in=busy).exclude(lane__in=waiting)
        oldest_first = due.order_by().values_list("lane").annotate(first=Min("due_at")).order_by("first")
        lanes = [lane for lane, _ in oldest_first[: max(0, MOST_LANES - len(busy))]]
        for lane in lanes:
            with self._lock:
                self._busy.add(lane)
            self._pool.submit(self._work, lane)
        if lanes:
            return BUSY_SECONDS
        following = [
            TimerEvent.objects.filter(due_at__gt=now).values_list("due_at", flat=True).first(),
            TimerEvent.objects.filter(retry_at__gt=now).order_by("retry_at").values_list("retry_at", flat=True).first(),
        ]
        times = [moment for moment in following if moment is not None]
        close_old_connections()
        if not times:
            return IDLE_SECONDS
        return min(IDLE_SECONDS, max(0.005, (min(times) - timezone.now()).total_seconds()))

    def _work(self, lane: str) -> None:
        try:
            events = TimerEvent.objects.filter(lane=lane, posts_hook=True).select_related(
                "account", "message__phone", "message__stream", "message__account"
            )
            while not self._stopping.is_set():
                event = events.first()
                if event is None or event.due_at > timezone.now() or not self._tried(event):
                    break
        finally:
            with self._lock:
                self._busy.discard(lane)
            close_old_connections()
            wake()

    def _tried(self, event: TimerEvent) -> bool:
        """Do one event; False when it has to be tried again later."""
        try:
            return self._carry_out(event)
        except Exception:
            if not _is_wanted(event):
                return True
            logger.exception("The sandbox could not carry out an event; it tries again.")
            with writing():
                later = timezone.now() + timedelta(seconds=IDLE_SECONDS)
                TimerEvent.objects.filter(pk=event.pk).update(retry_at=later)
            return False

    def _carry_out(self, event: TimerEvent) -> bool:
        if event.kind == TimerKind.SEND:
            _send_scheduled(event)
            return True
        if event.kind == TimerKind.REPORT and event.attempts == 0:
            with writing():
                outcomes.take(event)
        posted = self._post(event) if event.account.webhook_url else None
        with writing():
            if not _is_wanted(event):
                return True
            if posted is not None:
                ledger.record_hook(event, posted.hook, posted.answer, posted.problem, posted.milliseconds)
            if posted is not None and not posted.is_taken and event.attempts < len(RETRY_SECONDS):
                event.retry_at = timezone.now() + timedelta(seconds=RETRY_SECONDS[event.attempts])
                event.attempts += 1
                event.save(update_fields=["attempts", "retry_at"])
                return False
            event.delete()
        return True

    def _post(self, event: TimerEvent) -> _Posted:
        """Post one webhook, on a connection of this thread."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        hook = play(event.account.provider).build_hook(event)
        url = event.account.webhook_url
        began = time.monotonic()
        answer: requests.Response | None = None
        problem = "" if is_loopback(url) else "the webhook address is not on this machine"
        if not problem:
            try:
                answer = self._local.session.post(
                    url, data=hook.body, headers=hook.headers, timeout=HOOK_TIMEOUT, allow_redirects=False
                )
            except requests.RequestException as error:
                problem = type(error).__name__
        return _Posted(hook, answer, problem, (time.monotonic() - began) * 1000)


def _is_wanted(event: TimerEvent) -> bool:
    """Is the event's row still there? A reset takes rows away from under a running network."""
    return TimerEvent.objects.filter(pk=event.pk).exists()


def _send_scheduled(event: TimerEvent) -> None:
    """The provider's own clock has come to a scheduled message."""
    message = event.letter
    with writing():
        event.delete()
        if message.status != MessageStatus.SCHEDULED:
            return
        optouts = SuppressedNumber.objects.for_stream(message.stream)
        suppressed = optouts.filter(number=message.phone.number).exists()
        message.status = MessageStatus.SUPPRESSED if suppressed else MessageStatus.ACCEPTED
        message.created_at = timezone.now()
        message.save(update_fields=["status", "created_at"])
        if message.request_id:
            SmsRequest.objects.filter(request_id=message.request_id).update(status="SENT")
        deliver([message], {message.phone.number: outcome_for(message.account, message.phone)})
