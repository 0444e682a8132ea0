"""What the rows stand on: the company's streams and people, the customers' phones, and a watch on the wire."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from conversations.models import Contact, Conversation, Message, OptIn, ProviderAccount, SendAttempt, Stream, User
from conversations.models.consent import ConsentEventKind, ConsentSource
from conversations.models.message import Direction, MessageStatus
from conversations.services import accounts, compose, consent, conversations
from conversations.services.demo_data import SandboxControl
from messaging.providers.base import Provider
from messaging.registry import provider_classes
from messaging.transport import Transport
from messaging.types import Answer, Request

PATIENCE = 45.0  # seconds until a row takes what it sees for the end
LOOK_EVERY = 0.03
NETWORK = {"delivered_after": 0.1, "read_after": 0.2}  # seconds: nobody watches these phones
_NAMES_IN_PATHS = re.compile(r"/(?!v[0-9]+(?=/|$))[^/]*[0-9=%][^/]*")


class RowFailed(Exception):
    """A row cannot be played to its end; the text says what was seen."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a row saw: the call that went over the wire, and what came of it."""

    call: str
    got: str


Play = Callable[["Stage"], Seen]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what is done at which provider, what must come of it, and how to play it."""

    provider: str
    what: str
    expected: str
    play: Play


def row(rows: list[Row], provider: str, what: str, *, expects: str) -> Callable[[Play], Play]:
    """Add the decorated function to `rows`."""

    def add(play: Play) -> Play:
        rows.append(Row(provider, what, expects, play))
        return play

    return add


class WatchedTransport(Transport):
    """The real transport, keeping the last request for the table."""

    last: Request | None = None

    def send(self, request: Request, **options: Any) -> Answer:
        """As Transport.send."""
        self.last = request
        return super().send(request, **options)


class Stage:
    """One run. Rows of a provider are played in order and hand ids on in `kept`."""

    def __init__(self, sandbox_url: str) -> None:
        self.sandbox = SandboxControl(sandbox_url)
        for provider in provider_classes():
            self.sandbox.post("accounts", {"provider": provider, **NETWORK})
        self.kept: dict[str, str] = {}
        self._transport = WatchedTransport(extra_hosts={urlsplit(sandbox_url).netloc})

    # The company

    def stream(self, name: str) -> Stream:
        """A stream by its name."""
        return Stream.objects.select_related("account").get(name=name)

    def user(self, email: str) -> User:
        """Somebody who works here."""
        return User.objects.get(email=email)

    def provider(self, account: ProviderAccount) -> Provider:
        """The provider of an account, its requests watched; for calls that the product does not make by itself."""
        provider = accounts.provider_for(account)
        provider.transport = self._transport
        return provider

    def asked(self, provider: Provider, got: object) -> Seen:
        """What the last call of a watched provider came to."""
        request = self._transport.last
        return Seen(_call(request.method, request.url, provider.account.base_url) if request else "-", str(got))

    # The product's way

    def conversation(self, stream: str, phone: str, *, opted_in: bool = False) -> Conversation:
        """The conversation with the customer of a number (E.164), whose permission for everything is recorded if so."""
        line = self.stream(stream)
        contact = Contact.objects.get_or_create(phone=phone)[0]
        if opted_in:
            consent.record(
                OptIn(
                    contact=contact,
                    channel=line.channel,
                    event=ConsentEventKind.OPT_IN,
                    source=ConsentSource.FORM,
                    wording="Fernhill Broadband may write to me about my service and offers.",
                    business_name=line.business_name,
                )
            )
        return conversations.open_conversation(stream=line, contact=contact)

    def write(self, stream: str, phone: str, body: str, **options: Any) -> Message:
        """Queue a text as a page does; `options` are those of queue_message, `author` an e-mail address."""
        if author := options.get("author"):
            options["author"] = self.user(author)
        return compose.queue_message(conversation=self.conversation(stream, phone), body=body, **options)

    def followed(self, messages: Sequence[Message], until: str) -> list[Message]:
        """The messages once all have the status, or have failed, or nothing more comes of them."""
        ids = [message.pk for message in messages]
        done = {until, MessageStatus.FAILED, MessageStatus.UNDELIVERED, MessageStatus.UNCONFIRMED}

        def found() -> list[Message]:
            now = list(Message.objects.filter(pk__in=ids).select_related("stream__account", "conversation__contact"))
            return now if all(message.status in done for message in now) else []

        return wait_for(found) or list(Message.objects.filter(pk__in=ids).select_related("stream__account"))

    def seen(self, message: Message, *, until: str = MessageStatus.DELIVERED, text: str = "") -> Seen:
        """Follow a message to the customer's phone, where its text must stand exactly once."""
        (now,) = self.followed([message], until)
        got = f"{now.status}: {now.failure_text}" if now.failure_text else str(now.status)
        if now.status in (MessageStatus.DELIVERED, MessageStatus.READ):
            copies = self.copies_on_phone(now.conversation.contact.phone, text or now.body)
            got = got if copies == 1 else f"{got}, {copies} times on the phone"
        return Seen(self.call_of(now), got)

    def call_of(self, message: Message) -> str:
        """The last request that carried a message."""
        attempt = SendAttempt.objects.filter(messages=message).last()
        if attempt is None:
            return "-"
        return _call(attempt.request_method, attempt.request_url, message.stream.account.address)

    # The customers' side

    def copies_on_phone(self, phone: str, text: str) -> int:
        """How often a text stands on a phone."""
        return sum(
            letter["text"] == text for letter in self.letters(phone) if letter["status"] in ("delivered", "read")
        )

    def letters(self, phone: str) -> list[dict[str, Any]]:
        """What the business has sent to a phone, whatever became of it; oldest first."""
        found: list[dict[str, Any]] = self.sandbox.get("messages", phone=phone, direction="to_phone")["messages"]
        return found

    def reply(self, message: Message, text: str) -> Seen:
        """The customer answers the last message on the phone; it must land in the conversation of `message`."""
        phone = message.conversation.contact.phone
        self.sandbox.post("reply", {"phone": phone, "text": text})

        def arrived() -> list[Message]:
            return list(Message.objects.filter(direction=Direction.IN, body=text, conversation__contact__phone=phone))

        found = wait_for(arrived)
        if not found:
            return Seen("POST /hooks/…", "nothing came")
        same = found[0].conversation_id == message.conversation_id
        return Seen("POST /hooks/…", "in the same conversation" if same else "in another conversation")


def wait_for(look: Callable[[], Any], *, seconds: float = PATIENCE) -> Any:
    """The first answer of `look` that is not empty, or its last one when the time is over."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)
    return found


def _call(method: str, url: str, base_url: str) -> str:
    """A request as a line of a table: ids and numbers in the path are left out."""
    return f"{method} {_NAMES_IN_PATHS.sub('/…', urlsplit(url.removeprefix(base_url)).path)}"
