"""The contract that every provider keeps, readable alone.

A provider is a file with one `Provider` subclass. Each thing it can do is an `Operation`: a frozen dataclass
of the inputs with two pure methods, `build_request` and `parse_response`. The provider's typed methods make an
operation and hand it to `call`; `plan` picks the operation for an `OutboundMessage` of the product, which sends
it step by step (services/outbound.py). What a provider cannot do raises `UnsupportedFeature`, by default, here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Generic, TypeVar

from messaging.errors import UnsupportedFeature
from messaging.mirror import MirrorEntry, RemoteConversation
from messaging.transport import Transport
from messaging.types import (
    AccountHealth,
    Answer,
    Channel,
    HookEvent,
    HookRequest,
    InboundMessage,
    Limits,
    Option,
    OutboundMessage,
    RecipientResult,
    Request,
    SendResult,
    Session,
    StreamConfig,
    UploadedMedia,
)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Account:
    """What a provider knows of its account: the base address (no slash at the end) and the credentials."""

    base_url: str
    credentials: Mapping[str, str] = field(default_factory=dict)


class Operation(ABC, Generic[Result]):
    """One call of one provider: subclasses are frozen dataclasses of its inputs."""

    @abstractmethod
    def build_request(self, account: Account) -> Request:
        """The exact request. Raises ConfigurationError when an input or setting cannot be sent."""

    @abstractmethod
    def parse_response(self, answer: Answer) -> Result:
        """The typed result. Raises a ProviderError for everything that is not a documented success."""


class Provider(ABC):
    """One provider system. Instances are cheap and hold no connection: the transport does."""

    slug: ClassVar[str]
    label: ClassVar[str]
    channels: ClassVar[tuple[Channel, ...]]
    default_base_url: ClassVar[str]  # may hold {names} of credentials, as ccai_platform's subdomain
    hosts: ClassVar[tuple[str, ...]]  # exact names, or ".suffix", that a base_url may name
    credential_options: ClassVar[tuple[Option, ...]]
    stream_options: ClassVar[tuple[Option, ...]] = ()
    external_id_label: ClassVar[str] = ""  # what the stream's `external_id` is called there; empty: unused
    sender_label: ClassVar[str] = ""
    # Channels on which STOP, START and HELP are answered there, so that an answer of ours would be one too many.
    answers_keywords: ClassVar[frozenset[Channel]] = frozenset()
    media_hosts: ClassVar[tuple[str, ...]] = ()  # further hosts that files of customers lie on
    # Channels on which free text is possible only in a conversation that already exists on the other side.
    conversation_first: ClassVar[frozenset[Channel]] = frozenset()
    # Codes of refusals that speak for an earlier try: sent once more, the message was refused because it had arrived.
    proofs_of_an_earlier_send: ClassVar[frozenset[str]] = frozenset()
    # Headers by which a call to our webhook proves itself, in lower case; kept with a call that is refused.
    hook_proof_headers: ClassVar[tuple[str, ...]] = ()
    # What to do at the provider so that it calls us, one sentence a step; the address is shown above them.
    hook_steps: ClassVar[tuple[str, ...]] = ()

    def __init__(self, account: Account, transport: Transport) -> None:
        self.account = account
        self.transport = transport

    def call(self, operation: Operation[Result], *, on_wire: Callable[[], None] | None = None) -> Result:
        """Build, send, parse. `on_wire` runs after connecting and before the first byte of the request."""
        request = operation.build_request(self.account)
        return operation.parse_response(self.transport.send(request, hosts=self.hosts, on_wire=on_wire))

    @classmethod
    @abstractmethod
    def limits(cls, channel: Channel, kind: str = "text") -> Limits:
        """What this provider documents for a channel and a kind of message."""

    @classmethod
    def sender_problem(cls, sender: str) -> str:
        """Why no stream can write from this sender, as a sentence; empty when one can, as by default. Pure."""
        return ""

    @classmethod
    def replaced_words(cls, body: str) -> tuple[str, ...]:
        """The pieces of a plain text that this provider puts something else in place of; none by default. Pure."""
        return ()

    @classmethod
    @abstractmethod
    def plan(cls, message: OutboundMessage, stream: StreamConfig) -> Operation[SendResult]:
        """The operation that sends this message. Pure."""

    @classmethod
    def plan_lookup(cls, message: OutboundMessage, stream: StreamConfig) -> Operation[RecipientResult | None] | None:
        """The operation that finds out whether a message to one recipient has arrived there, or None without one.

        Its result is ACCEPTED with the ids of what was found, or None: that it was not found proves nothing. Pure.
        Raises ConfigurationError when the stream lacks what the look-up needs.
        """
        return None

    @classmethod
    def plan_session(cls, conversation_id: str) -> Operation[Session] | None:
        """The operation that reads the session of a conversation; None, as by default, without sessions. Pure."""
        return None

    @classmethod
    def plan_session_messages(cls, conversation_id: str) -> Operation[tuple[InboundMessage, ...]] | None:
        """The operation that reads what the customer wrote in a session, oldest first, for lines without a webhook.

        Keys are the same at every reading. None, as by default, without sessions. Pure.
        """
        return None

    @classmethod
    def plan_end_of_session(cls, conversation_id: str, *, agent_id: str) -> Operation[Session] | None:
        """The operation that ends a session on behalf of an agent; None, as by default, without sessions. Pure."""
        return None

    @classmethod
    def mirrors(cls, stream: StreamConfig) -> bool:
        """Does this provider keep the conversations of this stream too, to be told of them and read? Pure."""
        return False

    @classmethod
    def plan_entry(cls, entry: MirrorEntry, stream: StreamConfig) -> Operation[SendResult] | None:
        """The operation that tells one thing of a conversation, or None where it has to wait for something else. Pure.

        Its one result names what was made. Raises ConfigurationError for what cannot be told.
        """
        raise UnsupportedFeature(f"{cls.label} keeps no conversations.")

    @classmethod
    def plan_find(cls, entry: MirrorEntry, stream: StreamConfig) -> Operation[RecipientResult | None] | None:
        """The operation that finds out whether an entry has arrived, or None where telling it twice does no harm. Pure.

        Its result is ACCEPTED with the ids of what was found, or None when it is not there.
        """
        return None

    def read_conversation(self, stream: StreamConfig, external_id: str) -> RemoteConversation:
        """One conversation with its messages and its log. Raises a ProviderError."""
        raise UnsupportedFeature(f"{self.label} keeps no conversations.")

    def read_conversations(
        self, stream: StreamConfig, *, since: datetime, until: datetime, page: int = 1
    ) -> tuple[RemoteConversation, ...]:
        """The conversations that changed between two aware moments, the earliest change first, at most 100."""
        raise UnsupportedFeature(f"{self.label} keeps no conversations.")

    def read_transcript(self, stream: StreamConfig, external_id: str) -> str:
        """A conversation as the provider prints it."""
        raise UnsupportedFeature(f"{self.label} keeps no conversations.")

    @abstractmethod
    def check(self) -> AccountHealth:
        """Test address and credentials with the cheapest documented call. Does not raise ProviderError."""

    @classmethod
    def verify_hook(cls, hook: HookRequest, credentials: Mapping[str, str]) -> None:
        """Raise WebhookRefused unless the call carries the secret or signature that is configured.

        The default asks for nothing: the webhook address itself is a secret.
        """
        return

    @classmethod
    @abstractmethod
    def parse_hook(cls, hook: HookRequest) -> list[HookEvent]:
        """Everything the call says, in order. Raises WebhookRefused(status=400) when it cannot be read."""

    def validate_contact(self, stream: StreamConfig, phone: str) -> bool:
        """Is this number on WhatsApp?"""
        raise UnsupportedFeature(f"{self.label} cannot check a number.")

    def fetch_media(self, link: str, *, largest: int) -> Answer:
        """Get a file that a customer sent, from where the webhook says that it lies; our credentials stay here.

        Raises ConfigurationError for an address that is not the provider's, or not public, and a ProviderError.
        """
        return self.transport.fetch(link, hosts=(*self.hosts, *self.media_hosts), largest=largest)

    def upload_media(self, stream: StreamConfig, *, filename: str, content: bytes, content_type: str) -> UploadedMedia:
        """Give a file to the provider and get the id by which a template names it."""
        raise UnsupportedFeature(f"{self.label} takes no uploads.")
