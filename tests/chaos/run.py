"""One fault: its rows, what the test does with them, and the judgement at its end."""

from __future__ import annotations

import itertools
import re
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import django_rq
from django.db import OperationalError, connection
from django.utils import timezone

from conversations import queue
from conversations.models import Contact, Conversation, DispatcherTick, Message, ProviderAccount, Stream, StreamGate
from conversations.models.message import NOT_ARRIVED, TAKEN, MessageStatus
from conversations.services import inbound, lifecycle
from conversations.services.compose import queue_message
from messaging.types import HookRequest
from tests.chaos import invariants
from tests.chaos.processes import Process, eventually
from tests.chaos.provider import ACCESS_KEY, Entry, Hold
from tests.chaos.site import Site

MOST_TRIED = 20
SECRET_WORD = "quagga"  # in every body: no log may hold it
CREDENTIALS = {
    "webex_interact": {"access_key": ACCESS_KEY},
    "ccai_platform": {"subdomain": "chaos", "token": "chaos-token"},
}
_numbers = itertools.cycle(range(1000))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table that is printed at the end."""

    number: str
    fault: str
    messages: int
    sent: int = 0
    failed: int = 0
    unconfirmed: int = 0
    doubled: int = 0
    lost: int = 0
    held: bool = True  # did every assertion hold?


def words() -> str:
    """A text that no other message has and no log may hold."""
    return f"The {SECRET_WORD} comes at nine, says {secrets.token_hex(6)}."


class Run:
    """A fault in the making: fresh rows on a site that stands."""

    def __init__(self, site: Site) -> None:
        self.site, self.provider = site, site.provider
        self.messages: list[Message] = []
        site.mend()
        self._empty()
        self._read_from = {path: path.stat().st_size for path in self._logs()}
        self.stream = self.new_stream()
        self.wait_for_the_dispatcher()

    def _empty(self) -> None:
        self.provider.forget()
        ((tables,),) = self.site.sql(
            "SELECT string_agg(tablename, ', ') FROM pg_tables WHERE starts_with(tablename, 'conversations_')"
        )
        for tries_left in reversed(range(5)):
            try:
                with connection.cursor() as cursor:
                    cursor.execute(f"TRUNCATE {tables} CASCADE")
                break
            except OperationalError:  # the dispatcher reads several tables in one transaction: a deadlock, now and then
                if not tries_left:
                    raise
        with self.site.valkey() as client:
            for pattern in ("rq:queue:*", "rq:job:*", "rq:wip:*"):
                for key in client.scan_iter(pattern):
                    client.delete(key)

    # --- Rows ---------------------------------------------------------------------------------------------------

    def new_stream(self, *, rate: float = 10_000, provider: str = "webex_interact", **fields: Any) -> Stream:
        """A stream of an account of its own, as fast as it can be."""
        name = secrets.token_hex(4)
        account = ProviderAccount.objects.create(
            name=name,
            provider=provider,
            credentials=CREDENTIALS[provider],
            base_url=fields.pop("base_url", self.provider.url),
        )
        fields = {"sender": "FERNHILL", "inbound_number": f"+4420794600{next(_numbers) % 100:02}", **fields}
        stream = Stream.objects.create(account=account, name=name, channel="sms", **fields)
        StreamGate.objects.create(stream=stream, rate=rate, burst=max(1, int(rate)), tokens=rate)
        return stream

    def conversation(self, stream: Stream | None = None, *, phone: str = "") -> Conversation:
        """A conversation with somebody new."""
        contact, _ = Contact.objects.get_or_create(phone=phone or f"+447700900{next(_numbers):03}")
        return Conversation.objects.create(stream=stream or self.stream, contact=contact)

    def text(self, conversation: Conversation | None = None, **fields: Any) -> Message:
        """Queue a text as every door does, and remember it."""
        fields.setdefault("body", words())
        message = queue_message(conversation=conversation or self.conversation(), **fields)
        self.messages.append(message)
        return message

    def quiet_text(self, conversation: Conversation, *, seconds: float = 5, **fields: Any) -> Message:
        """A text for which nobody wakes a worker for some seconds, as if its hint had been lost."""
        message = self.text(conversation, hold=timedelta(hours=1), **fields)
        now = timezone.now()
        lifecycle.move(
            [message],
            MessageStatus.QUEUED,
            come_from=(MessageStatus.HELD,),
            queued_at=now,
            next_attempt_at=None,
            hinted_at=now + timedelta(seconds=seconds),
        )
        message.refresh_from_db()
        return message

    def texts(self, count: int, stream: Stream | None = None) -> list[Message]:
        """That many texts, each to somebody else."""
        return [self.text(self.conversation(stream)) for _ in range(count)]

    def found(self, conversation: Conversation, body: str) -> Message:
        """The message that somebody else queued, remembered from now on."""
        message = Message.objects.get(conversation=conversation, body=body)
        self.messages.append(message)
        return message

    def start_job(self, message: Message, **options: Any) -> str:
        """Put a job into the queue, past the hints that are swallowed while one waits; its id."""
        job = django_rq.get_queue(queue.INTERACTIVE).enqueue_call(
            "conversations.jobs.deliver", args=([message.pk],), result_ttl=0, failure_ttl=0, **options
        )
        return str(job.id)

    def hook(self, account: ProviderAccount, body: bytes) -> None:
        """The provider calls our webhook: what its view does."""
        request = HookRequest("POST", {"content-type": "application/json"}, body, timezone.now(), "application/json")
        inbound.store_webhook(account, request)

    # --- Holding a worker at a point of its work ---------------------------------------------------------------

    def freeze_workers(self) -> None:
        """Nobody takes a job until `thaw_workers`."""
        for worker in self.site.workers:
            worker.freeze()

    def thaw_workers(self) -> None:
        """Let them go on."""
        for worker in self.site.workers:
            worker.thaw()

    def holding_before_the_claim(self, conversation: Conversation) -> AbstractContextManager[None]:
        """Whoever claims a message waits for its conversation."""
        return self.site.holding("SELECT FROM conversations_conversation WHERE id = %s FOR UPDATE", conversation.pk)

    def holding_before_the_wire(self, conversation: Conversation) -> AbstractContextManager[None]:
        """Whoever has claimed a message and is connected waits for the number's lock."""
        phone = conversation.contact.phone
        return self.site.holding("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7301))", phone)

    def holding_before_the_outcome(self, message: Message) -> AbstractContextManager[None]:
        """Whoever has its answer waits for the row of the attempt; to be held once the message is on the wire."""
        statement = """SELECT FROM conversations_sendattempt WHERE id = (
                         SELECT max(attempt_id) FROM conversations_attemptresult WHERE message_id = %s) FOR UPDATE"""
        return self.site.holding(statement, message.pk)

    def holding_on_the_wire(self, conversation: Conversation, **options: Any) -> AbstractContextManager[Hold]:
        """The provider has the request and does not answer yet."""
        return self.provider.holding(conversation.contact.phone, **options)

    def sender_of(self, hold: Hold) -> Process:
        """The process whose request is held by the provider."""
        eventually(hold.arrived.is_set, "the request reaches the provider")
        return self.site.process_at(hold.port)

    # --- Waiting ------------------------------------------------------------------------------------------------

    def status_of(self, message: Message) -> str:
        """Its status now."""
        return str(Message.objects.values_list("status", flat=True).get(pk=message.pk))

    def wait_for(self, message: Message, *statuses: str) -> Message:
        """Wait until the message has one of these statuses; returns it fresh."""

        def has_come() -> bool:
            self.site.restart_the_dead()
            return self.status_of(message) in statuses

        eventually(has_come, f"{message} becomes {' or '.join(statuses)}")
        message.refresh_from_db()
        return message

    def settle(self, *, impatiently: bool = False) -> None:
        """Wait until nothing is queued, sending or unread. `impatiently` cuts every backoff and pause short."""
        while left := self.busy():
            eventually(partial(self._has_fewer_than, left, impatiently), f"one of {left} that wait is done")

    def _has_fewer_than(self, number: int, impatiently: bool) -> bool:
        self.site.restart_the_dead()
        if impatiently:
            self.hurry()
        return self.busy() < number

    def busy(self) -> int:
        """How many messages and calls are queued, being sent or unread."""
        ((count,),) = self.site.sql(
            """SELECT (SELECT count(*) FROM conversations_message WHERE status IN ('queued', 'sending'))
                    + (SELECT count(*) FROM conversations_webhookevent WHERE status = 'received')"""
        )
        return int(count)

    def try_everything(self) -> None:
        """Give everybody a reason to send again: a job for each message, and rounds of the dispatcher."""
        jobs = [f"rq:job:{self.start_job(message)}" for message in self.messages[:MOST_TRIED]]
        with self.site.valkey() as client:
            eventually(lambda: not any(map(client.exists, jobs)), "the jobs are done")
        self.wait_for_the_dispatcher()

    def wait_for_the_dispatcher(self) -> None:
        """Wait until the leading dispatcher has begun and ended a round."""
        for _ in ("the one that was under way", "one that began after"):
            last = DispatcherTick.objects.values_list("ticked_at", flat=True).first()
            later = DispatcherTick.objects.exclude(ticked_at=last)
            eventually(later.exists, "the dispatcher comes round")

    def end_backoffs(self) -> None:
        """Let the time of every backoff be over."""
        Message.objects.filter(status=MessageStatus.QUEUED, next_attempt_at__isnull=False).update(next_attempt_at=None)

    def hurry(self) -> None:
        """Let the time of every backoff, pause and open breaker be over."""
        self.end_backoffs()
        StreamGate.objects.update(paused_until=None, open_until=None)

    def end_validity(self, message: Message) -> None:
        """Let the message be valid until this moment, as if time had passed."""
        Message.objects.filter(pk=message.pk).update(valid_until=timezone.now())

    # --- Judging ------------------------------------------------------------------------------------------------

    @property
    def handset(self) -> list[Entry]:
        """What arrived."""
        return [entry for entry in self.provider.ledger if entry.accepted]

    def arrived(self, message: Message) -> int:
        """How often it arrived."""
        return sum(entry.ref == str(message.ref) for entry in self.handset)

    def requested(self, message: Message) -> int:
        """How many complete requests named it."""
        return sum(entry.ref == str(message.ref) for entry in self.provider.ledger)

    def broken(self) -> list[str]:
        """What does not hold of the invariants."""
        with self.site.connection() as connection:
            lines = invariants.broken(connection, self.handset)
        return lines + self.talkative_jobs() + self._talkative_logs()

    def talkative_jobs(self) -> list[str]:
        """I17: jobs that wait now and carry more than ids."""
        with self.site.valkey() as client:
            return invariants.talkative_jobs(client)

    def _logs(self) -> Iterator[Any]:
        yield from self.site.directory.glob("*.log")
        yield from self.site.services.places.room.glob("*.log")

    def _talkative_logs(self) -> list[str]:
        """I18: lines that hold a number, a body or a key."""
        phones = {entry.phone.lstrip("+") for entry in self.provider.ledger}
        phones |= {message.conversation.contact.phone.lstrip("+") for message in self.messages}
        secret = re.compile("|".join(sorted({SECRET_WORD, ACCESS_KEY, *phones})).encode())
        found = []
        for path in self._logs():
            start = self._read_from.get(path, 0)
            with path.open("rb") as log:
                log.seek(start if start <= path.stat().st_size else 0)
                found += [f"I18, {path.name} holds {line[:160]!r}" for line in log if secret.search(line)]
        return found

    def row(self, number: str, fault: str, *, held: bool) -> Row:
        """The line of the table: every message once, by what became of it."""
        arrived = Counter(entry.ref for entry in self.handset)
        count: Counter[str] = Counter()
        stored = Message.objects.in_bulk([message.pk for message in self.messages])
        receipts = set(Message.objects.filter(receipts__isnull=False).values_list("pk", flat=True))
        for message in self.messages:
            now = stored.get(message.pk)
            if now is None:
                count["lost"] += 1
                continue
            times = arrived[str(now.ref)]
            if times > 1 + now.release_count:
                count["doubled"] += 1
            if now.status in TAKEN and (times or now.pk in receipts):
                count["sent"] += 1
            elif now.status == MessageStatus.UNCONFIRMED:
                count["unconfirmed"] += 1
            elif now.status in (*NOT_ARRIVED, MessageStatus.CANCELLED) and now.failure_code:
                count["failed"] += 1
            else:
                count["lost"] += 1
        return Row(number, fault, len(self.messages), **count, held=held)


def table(rows: Sequence[Row], notes: Sequence[str]) -> list[str]:
    """The table as lines."""
    heads = ("messages", "sent once", "failed", "unconfirmed", "doubled", "lost")
    wide = max(len(row.fault) for row in rows)
    lines = [f"{'':5}{'fault':{wide}}  " + "  ".join(heads)]
    for row in sorted(rows, key=lambda row: (int(row.number[1:]), row.fault)):
        cells = (row.messages, row.sent, row.failed, row.unconfirmed, row.doubled, row.lost)
        numbers = "  ".join(f"{cell:>{len(head)}}" for cell, head in zip(cells, heads, strict=True))
        lines.append(f"{row.number:5}{row.fault:{wide}}  {numbers}{'' if row.held else '  BROKEN'}")
    return [*lines, *notes]
