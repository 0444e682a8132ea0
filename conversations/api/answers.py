"""What programs read of our rows. Statuses are words, numbers of phones are E.164, times are UTC."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from conversations import models
from conversations.services.transcript import Transcript as TranscriptRead


class Stream(BaseModel):
    """A channel of an account: what customers write to and hear from."""

    id: int
    name: str
    channel: str = Field(description="sms or whatsapp")
    sender: str = Field(description="The number or name that messages come from.")
    region: str = Field(description="The country that numbers without a country code belong to.")
    is_working: bool = Field(description="False: nothing can be sent here now.")
    may_send: bool = Field(description="May whom the key acts for write here?")
    body_limit: int = Field(description="The longest text, in characters.")

    @classmethod
    def of(cls, row: models.Stream, *, may_send: bool) -> Stream:
        """One row, with its account."""
        return cls(
            id=row.pk,
            name=row.name,
            channel=row.channel,
            sender=row.sender,
            region=row.region,
            is_working=row.is_active and row.account.is_active and not row.is_paused,
            may_send=may_send,
            body_limit=row.body_limit,
        )


class Person(BaseModel):
    """Somebody who works here."""

    id: int
    name: str
    email: str

    @classmethod
    def of(cls, row: models.User | None) -> Person | None:
        """One person; None for nobody."""
        return cls(id=row.pk, name=str(row), email=row.email) if row else None


class Customer(BaseModel):
    """A contact, where it is named beside something else."""

    id: int
    name: str
    phone: str

    @classmethod
    def of(cls, row: models.Contact) -> Customer:
        """One contact."""
        return cls(id=row.pk, name=row.full_name, phone=row.phone)


class Contact(BaseModel):
    """A customer, known by one phone number."""

    id: int
    phone: str
    first_name: str
    last_name: str
    email: str
    language: str
    time_zone: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: models.Contact) -> Contact:
        """One contact."""
        return cls.model_validate(row, from_attributes=True)


class Named(BaseModel):
    """A stream, a team or a template, where it is named beside something else."""

    id: int
    name: str


class Conversation(BaseModel):
    """Everything between one contact and one stream until it is resolved."""

    id: int
    stream: Named
    contact: Customer
    status: str = Field(description="dormant, open, waiting, snoozed, resolved or archived")
    assignee: Person | None
    team: Named | None
    tags: list[str]
    unread_count: int
    last_message_at: datetime
    last_message_direction: str = Field(description="in, out, or empty before the first message")
    last_message_preview: str
    waiting_since: datetime | None = Field(description="Since when the customer has waited for an answer.")
    reply_due_at: datetime | None = Field(description="When the customer should have an answer.")
    window_closes_at: datetime | None = Field(description="WhatsApp: until when free text may be sent.")
    snoozed_until: datetime | None
    resolved_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, row: models.Conversation) -> Conversation:
        """One row as `for_list` reads it, with its tags."""
        return cls(
            id=row.pk,
            stream=Named(id=row.stream.pk, name=row.stream.name),
            contact=Customer.of(row.contact),
            status=row.status,
            assignee=Person.of(row.assignee),
            team=Named(id=row.team.pk, name=row.team.name) if row.team else None,
            tags=[tag.name for tag in row.tags.all()],
            unread_count=row.unread_count,
            last_message_at=row.last_message_at,
            last_message_direction=row.last_message_direction,
            last_message_preview=row.last_message_preview,
            waiting_since=row.waiting_since,
            reply_due_at=row.reply_due_at,
            window_closes_at=row.window_closes_at,
            snoozed_until=row.snoozed_until,
            resolved_at=row.resolved_at,
            created_at=row.created_at,
        )


class Message(BaseModel):
    """One message, in or out."""

    id: int
    ref: str = Field(description="Our reference, which providers are told.")
    conversation: int
    stream: Named
    contact: Customer
    direction: str = Field(description="in or out")
    kind: str = Field(description="text, template, opening, ...")
    purpose: str = Field(description="service or marketing")
    body: str
    status: str = Field(
        description="received; or scheduled, held, queued, sending, accepted, sent, delivered, read, ..."
    )
    failure_code: str
    failure_text: str = Field(description="Why it did not arrive, for people.")
    author: Person | None
    template: Named | None
    files: list[str] = Field(description="The kinds of the files that came with it.")
    segments: int = Field(description="How many texts it takes; 0 where they are not counted.")
    scheduled_for: datetime | None
    valid_until: datetime | None
    created_at: datetime
    sent_at: datetime | None = Field(description="When the provider accepted it.")
    delivered_at: datetime | None
    read_at: datetime | None
    can_be_cancelled: bool
    can_be_sent_again: bool

    @classmethod
    def of(cls, row: models.Message) -> Message:
        """One row with its stream, author, template and the contact of its conversation."""
        return cls(
            id=row.pk,
            ref=str(row.ref),
            conversation=row.conversation_id,
            stream=Named(id=row.stream.pk, name=row.stream.name),
            contact=Customer.of(row.conversation.contact),
            direction=row.direction,
            kind=row.kind,
            purpose=row.purpose,
            body=row.body,
            status=row.status,
            failure_code=row.failure_code,
            failure_text=row.failure_text,
            author=Person.of(row.author),
            template=Named(id=row.template.pk, name=row.template.name) if row.template else None,
            files=[str(one.get("kind", "file")) for one in row.media],
            segments=row.segments,
            scheduled_for=row.scheduled_for,
            valid_until=row.valid_until,
            created_at=row.created_at,
            sent_at=row.sent_at,
            delivered_at=row.delivered_at,
            read_at=row.read_at,
            can_be_cancelled=row.can_be_cancelled,
            can_be_sent_again=row.can_be_sent_again,
        )


class Attempt(BaseModel):
    """One request to the provider that carried a message, and what it came to."""

    id: int
    operation: str = Field(description="Which call of the provider.")
    started_at: datetime
    on_wire_at: datetime | None = Field(description="When the request began to be written: from then on it may arrive.")
    finished_at: datetime | None
    http_status: int | None
    request_id: str = Field(description="The provider's id of the request.")
    outcome: str = Field(description="accepted, refused, retry, blocked or unconfirmed; empty while it is under way")
    code: str
    text: str = Field(description="The provider's own words.")

    @classmethod
    def of(cls, row: models.AttemptResult, *, text: str) -> Attempt:
        """One result with its attempt; `text` is what may be read of the provider's words."""
        told = row.attempt
        return cls(
            id=told.pk,
            operation=told.operation,
            started_at=told.started_at,
            on_wire_at=told.on_wire_at,
            finished_at=told.finished_at,
            http_status=told.http_status,
            request_id=told.request_id,
            outcome=row.outcome,
            code=row.code,
            text=text,
        )


class Activity(BaseModel):
    """One thing done to a conversation. A remark is an activity of kind remark."""

    id: int
    conversation: int
    kind: str
    text: str
    actor: Person | None = Field(description="Null: the system.")
    occurred_at: datetime

    @classmethod
    def of(cls, row: models.Activity) -> Activity:
        """One row with its actor."""
        return cls(
            id=row.pk,
            conversation=row.conversation_id,
            kind=row.kind,
            text=row.text,
            actor=Person.of(row.actor),
            occurred_at=row.occurred_at,
        )


class Indicator(BaseModel):
    """A flag on a conversation."""

    key: str
    conversation: int
    title: str
    display_class: str
    link: str
    created_at: datetime

    @classmethod
    def of(cls, row: models.Indicator) -> Indicator:
        """One row."""
        return cls(
            key=row.key,
            conversation=row.conversation_id,
            title=row.title,
            display_class=row.display_class,
            link=row.link,
            created_at=row.created_at,
        )


class Indicators(BaseModel):
    """The flags that a conversation carries."""

    items: list[Indicator]


class Tags(BaseModel):
    """The words that conversations are sorted by."""

    items: list[str]


class Attempts(BaseModel):
    """Every request that carried a message, the first one first."""

    items: list[Attempt]


class Line(BaseModel):
    """One thing that was said or done in a conversation."""

    kind: str = Field(description="message, remark or activity")
    at: datetime
    who: str = Field(description="Empty for the system.")
    text: str
    direction: str = Field(description="in or out; empty for what is no message")
    status: str
    reason: str
    template: str
    files: list[str]


class Transcript(BaseModel):
    """A conversation from its first word to its last."""

    conversation: int
    lines: list[Line]
    is_whole: bool = Field(description="False where older messages were left out.")

    @classmethod
    def of(cls, told: TranscriptRead) -> Transcript:
        """What services/transcript.py has read."""
        lines = [Line.model_validate(one, from_attributes=True) for one in told.lines]
        return cls(conversation=told.conversation.pk, lines=lines, is_whole=told.is_whole)
