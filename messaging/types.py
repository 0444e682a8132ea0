"""Value objects that pass between the product and the providers. No I/O, no Django."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Channel(StrEnum):
    """How a message reaches the customer."""

    SMS = "sms"
    WHATSAPP = "whatsapp"


class Outcome(StrEnum):
    """What one recipient's part of one request came to."""

    ACCEPTED = "accepted"  # the provider took it
    REFUSED = "refused"  # the provider said no to this recipient, in its own words
    RETRY = "retry"  # proven not accepted: safe to try again
    BLOCKED = "blocked"  # the credentials were refused: wait for repair
    UNCONFIRMED = "unconfirmed"  # nobody knows; never resent by itself


class DeliveryStatus(StrEnum):
    """What a receipt may say of a message, in our words."""

    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, complete. `body` is what goes over the wire; `url` is absolute and already quoted."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body read as JSON (for tests and logs)."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete HTTP answer. `body` is at most the transport's cap; header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0

    def json(self) -> Any:
        """The body read as JSON; raises ValueError (also for NaN, deep nesting and bytes that are not UTF-8)."""
        return _strict_json(self.body)


def _strict_json(body: bytes) -> Any:
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


@dataclass(frozen=True, slots=True)
class Option:
    """A setting that a provider declares for its accounts or streams; admin forms and checks are built from it."""

    name: str
    label: str
    help_text: str = ""
    required: bool = False
    secret: bool = False
    pattern: str = ""  # the whole value must match
    default: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one provider accepts on one channel. None means that no limit is documented."""

    recipients_per_request: int = 1
    body_characters: int | None = None
    schedule_days: int | None = None  # how far ahead the provider's own scheduling reaches
    validity_days: int | None = None  # how long after sending a message may stay valid
    unicode_part: int = 67  # UTF-16 units per part of a long Unicode message
    media_kinds: frozenset[str] = frozenset()  # image, video, document, audio
    receipts: bool = True  # does any documented delivery report exist?
    merges_fields: bool = False  # does it fill in merge fields itself, so that one request carries many texts?


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """What a provider needs to know of a stream; made by the product from its row.

    `external_id` is the stream's id on the other side, `sender` the number or name messages come from,
    `settings` the options that the provider declares in `stream_options`.
    """

    channel: Channel
    external_id: str = ""
    sender: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Media:
    """A file to go with a message: exactly one of `link` (https address) or `external_id` (uploaded before)."""

    kind: str
    link: str = ""
    external_id: str = ""
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A place on the map, for the header of a template: degrees as decimal text, what it is called, its address."""

    latitude: str
    longitude: str
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class TemplateContent:
    """A WhatsApp template with the values for one recipient.

    `header` and `body` hold the values in order, `header_names` and `body_names` the names of the variables where
    the template has names instead of numbers. `buttons` maps a button's index to its value; `codes` are those of
    the buttons that copy a code. The header is a text, a file or a place.
    """

    name: str
    language: str
    header: tuple[str, ...] = ()
    header_names: tuple[str, ...] = ()
    header_media: Media | None = None
    header_place: Place | None = None
    body: tuple[str, ...] = ()
    body_names: tuple[str, ...] = ()
    buttons: Mapping[int, str] = field(default_factory=dict)
    codes: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person of a request.

    `ref` is our own reference of the message (it comes back where the provider echoes one), `phone` E.164,
    `sub_stream_id` the part of the stream that this person's conversation lies in.
    `fields` are merge fields for this recipient, where the provider renders them.
    """

    ref: str
    phone: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    template: TemplateContent | None = None
    sub_stream_id: str = ""


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """Everything a provider needs to send one text to its recipients in one request.

    kind: `text` (body), `template` (each recipient's `template`), `opening` (the stream's configured first
    text, cirrus only). `conversation_id` is the conversation's id on the other side, `agent_id` and
    `agent_email` the agent's identity there.
    """

    kind: str
    recipients: tuple[Recipient, ...]
    body: str = ""
    conversation_id: str = ""
    agent_id: str = ""
    agent_email: str = ""
    ticket_id: str = ""
    send_at: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecipientResult:
    """What one request came to for one recipient.

    `external_id` is the message's id on the other side, `conversation_id` the conversation's. `code` is our
    word, `text` the provider's own words verbatim.
    """

    ref: str
    outcome: Outcome
    external_id: str = ""
    conversation_id: str = ""
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class SendResult:
    """One request's result: a result per recipient, and the provider's id of the whole request."""

    results: tuple[RecipientResult, ...]
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A call to our webhook. Header names are lower case; `received_at` is aware."""

    method: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    content_type: str = ""

    def json(self) -> Any:
        """The body read as strictly as that of an answer: raises ValueError."""
        return _strict_json(self.body)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A receipt. `ref` is our own reference where the provider echoes it; `conversation_id` theirs."""

    status: DeliveryStatus
    key: str  # unique per event on the provider's side
    external_id: str = ""
    ref: str = ""
    phone: str = ""
    conversation_id: str = ""
    occurred_at: datetime | None = None
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A customer wrote. `stream_keys` are the words by which the stream is found: its id, or the inbound number.

    `phone` is empty where the call names the customer by an id alone: `person_id`, the provider's id of the person, or
    `whatsapp_id`, the one of WhatsApp. `kind` is text, reaction (the body is its emoji, `reacts_to` the id of the
    message) or other, what Parley cannot show: `kind_word` says what the provider calls it. `ref` is a reference of
    ours that it carries: then we told it ourselves, and nobody wrote.
    """

    key: str
    phone: str
    body: str
    channel: Channel | None = None
    external_id: str = ""
    conversation_id: str = ""
    stream_keys: tuple[str, ...] = ()
    occurred_at: datetime | None = None
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    media: tuple[Media, ...] = ()
    kind: str = "text"
    kind_word: str = ""
    reacts_to: str = ""
    person_id: str = ""
    whatsapp_id: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class LinkOpened:
    """A customer opened a short link in a message of ours, which `external_id` or our `ref` names."""

    key: str
    external_id: str = ""
    ref: str = ""
    phone: str = ""
    link: str = ""
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """A customer opted out (or in) on the provider's side. `everywhere` says: for all of the account's senders."""

    key: str
    phone: str
    event: str  # opt_out or opt_in
    stream_keys: tuple[str, ...] = ()
    text: str = ""
    everywhere: bool = False
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConversationEvent:
    """Something happened to a conversation on the other side: closed, assigned, an activity was logged."""

    key: str
    kind: str
    conversation_id: str
    stream_keys: tuple[str, ...] = ()
    external_status: str = ""
    text: str = ""
    occurred_at: datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in a session: `kind` is customer, agent or assistant (a program), `status` the provider's word."""

    kind: str
    name: str = ""
    status: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """The session that a conversation lives in, where the provider has such. `status` is the provider's own word."""

    external_id: str
    status: str = ""
    is_open: bool = True
    holder_id: str = ""
    holder_email: str = ""
    holder_name: str = ""
    participants: tuple[Participant, ...] = ()


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """A call that is theirs but of a kind we do not know: kept raw, shown, never an error."""

    key: str
    kind: str = ""


HookEvent = DeliveryReport | InboundMessage | LinkOpened | ConsentEvent | ConversationEvent | Unrecognised


@dataclass(frozen=True, slots=True)
class AccountHealth:
    """The answer to a connection test: `sentence` is what a person reads."""

    ok: bool
    sentence: str
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UploadedMedia:
    """A file that the provider keeps for us: ids of WhatsApp media are good for 30 days (Meta's rule)."""

    filename: str
    external_id: str
