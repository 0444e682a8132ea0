"""Rows for tests, in the words of the product. A standing cast: Priya answers, Tom supervises, Sam is elsewhere."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from django.utils import timezone

from conversations.models import (
    AgentIdentity,
    Contact,
    Conversation,
    Message,
    OptIn,
    ProviderAccount,
    Stream,
    Team,
    TeamMembership,
    TeamStream,
    User,
    WhatsAppTemplate,
)
from conversations.models.message import TAKEN, Direction, MessageStatus
from conversations.services import consent
from messaging.registry import provider_class

_numbers = itertools.count(1)
PASSWORD = "correct horse battery staple"

CREDENTIALS: dict[str, dict[str, str]] = {
    "cirrus": {"api_key": "sandbox-cirrus-key"},
    "ccai_platform": {"subdomain": "fernhill", "token": "sandbox-ccai-token"},
    "webex_interact": {"access_key": "aky_sandbox0000000000000000000"},
}


def credentials_of(provider: str) -> dict[str, str]:
    """The sandbox's credentials; example values for a provider that it does not play."""
    options = provider_class(provider).credential_options
    return CREDENTIALS.get(provider) or {one.name: one.default or "example" for one in options if one.required}


def make_user(role: str = "agent", *, name: str = "", **fields: Any) -> User:
    """A user in the group of a role, with PASSWORD."""
    number = next(_numbers)
    name = name or f"{role.title()} {number}"
    email = fields.pop("email", f"{role}{number}@fernhill.example")
    return User.objects.create_user(email, PASSWORD, role=role, name=name, **fields)


def make_team(*, members: list[User] = (), streams: list[Stream] = (), name: str = "") -> Team:  # type: ignore[assignment]
    """A team whose members see, and may write on, the streams."""
    team = Team.objects.create(name=name or f"Team {next(_numbers)}")
    for user in members:
        TeamMembership.objects.create(team=team, user=user)
    for stream in streams:
        TeamStream.objects.create(team=team, stream=stream)
    return team


def make_account(provider: str = "cirrus", **fields: Any) -> ProviderAccount:
    """An account with the sandbox's credentials; without a base_url it would call the provider's own hosts."""
    fields.setdefault("name", f"{provider} {next(_numbers)}")
    fields.setdefault("credentials", credentials_of(provider))
    fields.setdefault("base_url", f"http://127.0.0.1:8100/{provider}")
    return ProviderAccount.objects.create(provider=provider, **fields)


def make_stream(account: ProviderAccount | None = None, channel: str = "sms", **fields: Any) -> Stream:
    """A stream of an account (a new cirrus account by default)."""
    number = next(_numbers)
    fields.setdefault("name", f"Stream {number}")
    fields.setdefault("external_id", f"enc-{number}")
    fields.setdefault("sender", f"+4477009006{number % 100:02}")
    return Stream.objects.create(account=account or make_account(), channel=channel, **fields)


def make_contact(phone: str = "", **fields: Any) -> Contact:
    """A contact with a number kept for films."""
    return Contact.objects.create(phone=phone or f"+447700900{700 + next(_numbers) % 300:03}", **fields)


def make_conversation(
    stream: Stream | None = None, contact: Contact | None = None, *, window_open: bool = False, **fields: Any
) -> Conversation:
    """A conversation; `window_open` lets free text be sent on WhatsApp."""
    if window_open:
        fields.setdefault("window_closes_at", timezone.now() + timedelta(hours=3))
    return Conversation.objects.create(stream=stream or make_stream(), contact=contact or make_contact(), **fields)


def make_message(
    conversation: Conversation | None = None,
    *,
    direction: str = Direction.OUT,
    status: str = "",
    body: str = "Hello",
    **fields: Any,
) -> Message:
    """A message as it might lie in the database; nothing is queued or sent."""
    conversation = conversation or make_conversation()
    status = status or (MessageStatus.ACCEPTED if direction == Direction.OUT else MessageStatus.RECEIVED)
    if status == MessageStatus.QUEUED:
        fields.setdefault("queued_at", timezone.now())
    if status in TAKEN:
        fields.setdefault("sent_at", timezone.now())
    return Message.objects.create(
        conversation=conversation,
        stream=conversation.stream,
        direction=direction,
        status=status,
        body=body,
        **fields,
    )


def make_template(stream: Stream, *, name: str = "engineer_visit", status: str = "approved", **fields: Any) -> Any:
    """An approved template with a header, two variables, a footer and two quick replies."""
    fields.setdefault(
        "components",
        [
            {"type": "HEADER", "format": "TEXT", "text": "Your engineer visit"},
            {
                "type": "BODY",
                "text": "Hello {{1}}, your engineer is booked for {{2}}. Reply here to change it.",
                "example": {"body_text": [["Amira", "Thursday 19 November"]]},
            },
            {"type": "FOOTER", "text": "Fernhill Broadband"},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "QUICK_REPLY", "text": "Confirm visit"},
                    {"type": "QUICK_REPLY", "text": "Change time"},
                ],
            },
        ],
    )
    fields.setdefault("language", "en")
    fields.setdefault("category", "utility")
    return WhatsAppTemplate.objects.create(stream=stream, name=name, status=status, **fields)


def opt_in(contact: Contact, channel: str = "whatsapp") -> None:
    """The contact agreed to every purpose on a channel."""
    consent.record(
        OptIn(
            contact=contact,
            channel=channel,
            event="opt_in",
            source="form",
            wording="Fernhill may send me messages about my service.",
            business_name="Fernhill Broadband",
        )
    )


VISIT = [
    {"type": "HEADER", "format": "TEXT", "text": "Your engineer visit"},
    {
        "type": "BODY",
        "text": "Hello {{1}}, your Fernhill engineer is booked for {{2}} between {{3}} and {{4}}. "
        "Reply here to change it.",
    },
    {"type": "FOOTER", "text": "Fernhill Broadband"},
    {
        "type": "BUTTONS",
        "buttons": [{"type": "QUICK_REPLY", "text": "Confirm visit"}, {"type": "QUICK_REPLY", "text": "Change time"}],
    },
]


class SandboxStreams(dict[str, Stream]):
    """The streams by provider (and `whatsapp`), with Priya, who may write on all of them."""

    priya: User


def make_sandbox_streams(sandbox_url: str) -> SandboxStreams:
    """Rows for the sandbox's standing accounts and streams, with an agent known there."""
    below = {"ccai_platform": "ccai_platform/apps/api/v1"}
    account = {slug: make_account(slug, base_url=f"{sandbox_url}/{below.get(slug, slug)}") for slug in CREDENTIALS}
    streams = SandboxStreams(
        cirrus=make_stream(
            account["cirrus"],
            external_id="c2FuZGJveC1zbXM=",
            sender="+447700900155",
            settings={"stream_id": "532", "opening_text": "Fernhill Care here. How can we help?"},
        ),
        whatsapp=make_stream(
            account["cirrus"],
            "whatsapp",
            external_id="c2FuZGJveC13YQ==",
            sender="+447700900156",
            settings={"stream_id": "533"},
        ),
        webex_interact=make_stream(
            account["webex_interact"], external_id="", sender="FERNHILL", inbound_number="+447700900177"
        ),
        ccai_platform=make_stream(account["ccai_platform"], external_id="", sender="+16285550199", region="US"),
    )
    streams.priya = make_user(email="priya@fernhill.example", name="Priya Nair")
    make_team(members=[streams.priya], streams=list(streams.values()))
    AgentIdentity.objects.create(user=streams.priya, account=account["cirrus"], external_id="12345678")
    AgentIdentity.objects.create(user=streams.priya, account=account["ccai_platform"], external_id="1")
    return streams
