"""Programs with keys of ours that speak a provider's dialect, and a shop's rows that they may use."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from conversations.models import ApiKey, Conversation, Message, Stream, User
from conversations.services.api_keys import create_api_key
from conversations.services.outbound import deliver
from tests import factories
from tests.factories import SandboxStreams
from tests.sandbox.playing import PlayedSandbox

EVERYTHING = ("read", "send", "bulk", "consent", "admin")


@dataclass
class Program:
    """What a script has: a base address, a key, and the habits of its provider's documents."""

    key: ApiKey
    text: str
    client: Client = field(default_factory=Client)

    def webex(self, body: Any, **headers: str) -> Any:
        return self.client.post(
            "/dialects/webex_interact/v1/sms",
            body,
            content_type="application/json",
            headers={"X-AUTH-KEY": self.text} | headers,
        )

    def ccai(self, body: Any, **headers: str) -> Any:
        basic = base64.b64encode(f"fernhill:{self.text}".encode()).decode()
        return self.client.post(
            "/dialects/ccai_platform/apps/api/v1/sms",
            body,
            content_type="application/json",
            headers={"Authorization": f"Basic {basic}"} | headers,
        )

    def cirrus(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        given = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self.client, method.lower())(
            f"/dialects/cirrus/{path}", headers={"Authorization": f"Bearer {self.text}"} | headers, **given
        )


MakeProgram = Callable[..., Program]


@pytest.fixture
def make_program() -> MakeProgram:
    """A program whose key acts for a user, for everything or for some scopes and streams."""

    def make(user: User, scopes: tuple[str, ...] = EVERYTHING, streams: tuple[Stream, ...] = ()) -> Program:
        return Program(*create_api_key(name="CRM", user=user, scopes=scopes, streams=streams))

    return make


@pytest.fixture
def streams(product_sandbox: PlayedSandbox) -> SandboxStreams:
    """One stream of each provider, in the sandbox."""
    return factories.make_sandbox_streams(product_sandbox.url)


@pytest.fixture
def line(db: None) -> Stream:
    """A stream of texts at Cirrus, whose sender has the name that Webex Interact's document has."""
    return factories.make_stream(factories.make_account("cirrus"), sender="WxInteract", name="Service texts")


@pytest.fixture
def tom(line: Stream) -> User:
    """A supervisor who may send on that stream."""
    user = factories.make_user("supervisor", name="Tom Reyes")
    factories.make_team(name="Supervisors", members=[user], streams=[line])
    return user


@pytest.fixture
def program(tom: User, make_program: MakeProgram) -> Program:
    """Tom's, for everything."""
    return make_program(tom)


@pytest.fixture
def agent(line: Stream) -> User:
    """An agent with the id that the vendor's examples have."""
    user = factories.make_user(name="Priya Nair", pk=36197)
    factories.make_team(members=[user], streams=[line])
    return user


@pytest.fixture
def conversation(line: Stream) -> Conversation:
    """Amira's, on that stream."""
    contact = factories.make_contact("+447700900142", first_name="Amira", last_name="Haddad", email="amira@example.org")
    return factories.make_conversation(line, contact)


def delivered(message: Message) -> Message:
    """The message, once a worker has sent it."""
    deliver([message.pk])
    message.refresh_from_db()
    return message


def requests_of(sandbox: PlayedSandbox, provider: str) -> list[dict[str, Any]]:
    """What a provider of the sandbox was posted."""
    entries = sandbox.ask("ledger", kind="request", provider=provider)["entries"]
    return [entry for entry in entries if entry["method"] == "POST"]
