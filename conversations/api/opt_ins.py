"""Permission to write: the ledger of opt-ins and opt-outs, and what holds now, with the entry that made it so."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Query
from pydantic import BaseModel, Field

from conversations.api.door import user_of
from conversations.api.errors import Refused
from conversations.api.fields import Given, Id, Moment, example
from conversations.api.operations import Resource
from conversations.api.paging import Listing, Page, page, rows_by_id
from conversations.models import Contact, OptIn, Stream, User
from conversations.models.api_key import ApiScope
from conversations.models.consent import ConsentEventKind, ConsentSource
from conversations.models.message import Purpose
from conversations.services import consent
from conversations.services.contacts import create_contact
from conversations.services.opt_in_ledger import filtered_entries, hide_words
from messaging.phone import PhoneError, parse_number

router = Resource(tags=["Permission"])

ChannelWord = Literal["sms", "whatsapp"]
PurposeWord = Literal["", "service", "marketing"]
ScopeWord = Literal["everywhere", "brand", "stream"]
Phone = Annotated[str, Field(max_length=60, description="E.164, such as +447700900123.")]


class Decision(BaseModel):
    """One line of the ledger, which only grows."""

    id: int
    contact: int
    event: str = Field(description="opt_in, double_opt_in, opt_out or erased")
    channel: str
    purpose: str = Field(description="service, marketing, or empty for both")
    scope: str = Field(description="How far it reaches: everywhere, brand or stream")
    stream: int | None
    source: str = Field(description="How we know: keyword, agent, form, import, provider or api")
    wording: str = Field(description="What the customer agreed to; empty where this key does not see the stream.")
    business_name: str
    evidence: str
    has_proof: bool
    occurred_at: datetime
    recorded_at: datetime

    @classmethod
    def of(cls, row: OptIn) -> Decision:
        """One row."""
        names = ("event", "channel", "purpose", "scope", "source", "wording", "business_name", "evidence")
        values = {name: getattr(row, name) for name in (*names, "has_proof", "occurred_at", "recorded_at")}
        return cls(id=row.pk, contact=row.contact_id, stream=row.stream_id, **values)


class Standing(BaseModel):
    """What holds for one purpose now."""

    decision: str = Field(description="opted_in, opted_out, lifted, or empty: never asked")
    because_of: Decision | None = Field(description="The entry that decides, with its evidence.")


class PresentState(BaseModel):
    """What a customer allows on a channel now."""

    phone: str
    channel: str
    stream: int | None
    service: Standing
    marketing: Standing


class Ledger(Listing):
    """Which entries are wanted."""

    contact: Id | None = None
    channel: Literal["", "sms", "whatsapp"] = ""
    event: Literal["", "opt_in", "double_opt_in", "opt_out", "erased"] = ""
    in_force: bool = Field(False, description="Only those that decide about something now.")


class AskedState(BaseModel):
    """Whose permission is asked about. `stream` also counts what was decided about it or its business alone."""

    phone: Phone
    channel: ChannelWord
    stream: Id | None = None


class GivenDecision(Given):
    """Whose decision, and how far it reaches. A number that nobody has yet becomes a contact."""

    contact: Id | None = Field(None, description="Or `phone`.")
    phone: Phone | None = Field(None, description="Or `contact`.")
    channel: ChannelWord
    purpose: PurposeWord = Field("", description="Empty: service and marketing.")
    scope: ScopeWord = "everywhere"
    stream: Id | None = Field(None, description="Where they said it; the scopes stream and brand need it.")
    wording: str = Field("", max_length=2000, description="What they were shown, or wrote. An opt-in needs it.")
    business_name: str = Field("", max_length=100, description="WhatsApp: the business that the words name.")
    evidence: str = Field("", max_length=2000, description="A link, or a description of the proof.")
    occurred_at: Moment | None = Field(None, description="None: now.")

    model_config = example(phone="+447700900123", channel="sms", evidence="Called on 24 November, call 812.")


class GivenOptIn(GivenDecision):
    """An agreement to be written to."""

    confirmed: bool = Field(False, description="They confirmed an earlier agreement (double opt-in).")
    keeps_whatsapp_rules: bool = Field(
        False,
        description="For WhatsApp it has to be true: the customer did something to agree, and the words say from whom "
        "and what kind of messages will come.",
    )

    model_config = example(
        phone="+447700900123",
        channel="sms",
        purpose="marketing",
        wording="Text me about offers.",
        evidence="https://shop.example/consents/812",
    )


@router.operation("GET", "/opt-ins", scope=ApiScope.READ, answer=Page[Decision])
def list_opt_ins(request: HttpRequest, asked: Annotated[Ledger, Query()]) -> dict[str, Any]:
    """The ledger of opt-ins and opt-outs, newest first."""
    wanted = {"channel": asked.channel, "event": asked.event, "force": "now" if asked.in_force else ""}
    user = user_of(request)
    rows = filtered_entries(wanted, user).select_related("contact", "evidence_file").defer("evidence_file__content")
    if asked.contact is not None:
        rows = rows.filter(contact=asked.contact)
    found = rows_by_id(rows, asked)
    hide_words(found, user)
    return page(request, found, asked, show=Decision.of)


@router.operation("GET", "/opt-ins/{int:pk}", scope=ApiScope.READ, answer=Decision)
def read_opt_in(request: HttpRequest, pk: int) -> Decision:
    """One entry of the ledger."""
    user = user_of(request)
    rows = OptIn.objects.visible_to(user).select_related("contact", "evidence_file").defer("evidence_file__content")
    row = get_object_or_404(rows, pk=pk)
    hide_words([row], user)
    return Decision.of(row)


@router.operation("GET", "/permission", scope=ApiScope.READ, answer=PresentState)
def read_permission(request: HttpRequest, asked: Annotated[AskedState, Query()]) -> PresentState:
    """What a customer allows on a channel now, and why.

    A number that is not known, or not for this key to see, has never been asked.
    """
    user = user_of(request)
    stream = _stream(request, asked.stream, asked.channel)
    phone = _number(asked.phone, user, stream)
    seen = Contact.objects.visible_to(user).filter(phone=phone).exists()
    standing = {}
    for purpose in Purpose.values:
        now = consent.present(phone, asked.channel, stream=stream, purpose=purpose) if seen else consent.Present()
        if now.entry is not None:
            hide_words([now.entry], user)
        standing[purpose] = Standing(
            decision=now.decision, because_of=Decision.of(now.entry) if now.entry is not None else None
        )
    return PresentState(phone=phone, channel=asked.channel, stream=asked.stream, **standing)


@router.operation("POST", "/opt-ins", scope=ApiScope.CONSENT, answer=Decision, status=201)
def record_opt_in(request: HttpRequest, given: GivenOptIn) -> Decision:
    """Record that a customer agreed to be written to.

    After an opt-out it needs a supervisor's key, evidence, and a younger time.
    """
    if given.channel == "whatsapp" and not given.keeps_whatsapp_rules:
        sentence = "WhatsApp asks for this. Without it the opt-in does not count."
        raise Refused(422, "whatsapp_rules", sentence, "keeps_whatsapp_rules")
    event = ConsentEventKind.DOUBLE_OPT_IN if given.confirmed else ConsentEventKind.OPT_IN
    return _record(request, given, event)


@router.operation("POST", "/opt-outs", scope=ApiScope.CONSENT, answer=Decision, status=201)
def record_opt_out(request: HttpRequest, given: GivenDecision) -> Decision:
    """Withdraw permission: a customer asked not to be written to any more. Nothing is sent from then on."""
    return _record(request, given, ConsentEventKind.OPT_OUT)


def _record(request: HttpRequest, given: GivenDecision, event: str) -> Decision:
    user = user_of(request)
    if not user.has_perm("conversations.send_messages"):
        raise Refused(403, "not_allowed", "Whom this key acts for may not record decisions of customers.")
    if given.occurred_at is not None and given.occurred_at > timezone.now():
        raise Refused(422, "in_the_future", "Choose a time that has passed.", "occurred_at")
    stream = _stream(request, given.stream, given.channel)
    if given.scope != "everywhere" and stream is None:
        raise Refused(422, "stream_missing", "Say which stream the customer means.", "stream")
    entry = consent.record(
        OptIn(
            contact=_contact(given, user, stream),
            channel=given.channel,
            event=event,
            source=ConsentSource.API,
            purpose=given.purpose,
            scope=given.scope,
            stream=stream,
            wording=given.wording,
            business_name=given.business_name,
            evidence=given.evidence,
            recorded_by=user,
            occurred_at=given.occurred_at or timezone.now(),
        )
    )
    return Decision.of(entry)


def _stream(request: HttpRequest, pk: int | None, channel: str) -> Stream | None:
    if pk is None:
        return None
    stream = Stream.objects.visible_to(user_of(request)).select_related("account").filter(pk=pk).first()
    if stream is None:
        raise Refused(404, "not_found", f"There is no stream {pk} that this key may see.", "stream")
    if stream.channel != channel:
        sentence = f"{stream.name} is a stream of {stream.get_channel_display()}."
        raise Refused(422, "another_channel", sentence, "channel")
    return stream


def _contact(given: GivenDecision, user: User, stream: Stream | None) -> Contact:
    if (given.contact is None) == (given.phone is None):
        raise Refused(422, "contact_or_phone", "Give a contact or a phone, one of them.", "contact")
    visible = Contact.objects.visible_to(user)
    if given.contact is not None:
        found = visible.filter(pk=given.contact).first()
        if found is None:
            raise Refused(404, "not_found", f"There is no contact {given.contact} that this key may see.", "contact")
        return found
    phone = _number(given.phone or "", user, stream)
    return visible.filter(phone=phone).first() or create_contact(phone=phone, details={}, actor=user)


def _number(text: str, user: User, stream: Stream | None) -> str:
    streams = [stream] if stream else list(Stream.objects.visible_to(user).select_related("account"))
    allow_fictional = any(one.account.is_sandbox for one in streams)
    try:
        return parse_number(text, region=stream.region if stream else None, allow_fictional=allow_fictional).e164
    except PhoneError as error:
        raise Refused(422, error.code, error.sentence, "phone") from error
