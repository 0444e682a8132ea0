"""Who writes to whom in a benchmark: an agent, four streams that nothing slows down, and customers."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from conversations.models import (
    Contact,
    Conversation,
    ProviderAccount,
    Stream,
    StreamGate,
    Team,
    TeamMembership,
    TeamStream,
    User,
)
from conversations.models.team import Role
from conversations.services import accounts
from messaging.types import OutboundMessage, Recipient

# A stream keeps all workers but one busy at most, so two workers are busy only with several streams.
STREAMS = 4
FICTIONAL_NUMBERS = 1000  # +44 7700 900000 to 900999, which Ofcom keeps for drama
MOST_CONVERSATIONS = STREAMS * FICTIONAL_NUMBERS
NO_LIMIT = 1_000_000  # requests a second, and at once
BODY = "Your engineer is booked for Thursday between 12:00 and 16:00. Reply here to change it."


@dataclass(frozen=True, slots=True)
class Company:
    """The agent, and conversations in which neighbours belong to different streams."""

    agent: User
    conversations: list[Conversation]


def make_company(number: int) -> Company:
    """Make it, with that many conversations, MOST_CONVERSATIONS at most."""
    agent = User.objects.create_user("agent@benchmark.example", uuid4().hex, role=Role.AGENT, name="Agent")
    account = _make_account()
    team = Team.objects.create(name="Benchmark")
    TeamMembership.objects.create(team=team, user=agent)
    streams = [_make_stream(account, team, index) for index in range(STREAMS)]
    contacts = Contact.objects.bulk_create(
        Contact(phone=f"+447700900{index:03}", first_name="Customer", last_name=str(index))
        for index in range(-(-number // STREAMS))
    )
    now = timezone.now()
    conversations = Conversation.objects.bulk_create(
        Conversation(stream=stream, contact=contact, assignee=agent, last_message_at=now)
        for contact in contacts
        for stream in streams
    )
    return Company(agent, conversations[:number])


_CREDENTIALS = {
    "webex_interact": {"access_key": "aky_benchmark"},
    "cirrus": {"api_key": "benchmark"},
    "ccai_platform": {"subdomain": "benchmark", "token": "benchmark"},
}


def make_stream(name: str, *, provider: str = "webex_interact", channel: str = "sms", sender: str = "") -> Stream:
    """A stream of an account of its own, that nothing slows down."""
    return _open_stream(_make_account(provider), name, channel=channel, sender=sender)


def _make_account(provider: str = "webex_interact") -> ProviderAccount:
    return ProviderAccount.objects.create(
        name=f"Benchmark {uuid4()}",
        provider=provider,
        base_url=settings.SANDBOX_URL,
        credentials=_CREDENTIALS[provider],
    )


def _make_stream(account: ProviderAccount, team: Team, index: int) -> Stream:
    stream = _open_stream(account, str(index))
    TeamStream.objects.create(team=team, stream=stream)
    return stream


def _open_stream(account: ProviderAccount, name: str, *, channel: str = "sms", sender: str = "") -> Stream:
    stream = Stream.objects.create(
        account=account,
        name=f"Benchmark {name}",
        channel=channel,
        sender=sender or f"BENCH{name}"[:11],
        external_id="YmVuY2htYXJr" if account.provider == "cirrus" else "",
    )
    StreamGate.objects.update_or_create(
        stream=stream, defaults={"rate": NO_LIMIT, "burst": NO_LIMIT, "tokens": NO_LIMIT}
    )
    return stream


def request_to(conversation: Conversation, ref: str) -> bytes:
    """The body of the request that carries the agent's text in that conversation, made beforehand for the floor."""
    stream = conversation.stream
    message = OutboundMessage(kind="text", recipients=(Recipient(ref, conversation.contact.phone),), body=BODY)
    provider = accounts.provider_for(stream.account)
    return provider.plan(message, stream.config).build_request(provider.account).body
