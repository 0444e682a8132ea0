"""A small centre: Priya answers, Tom supervises, Sam works elsewhere; an SMS and a WhatsApp stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from conversations.models import Conversation, Stream, Team, User
from tests import factories


@dataclass
class Centre:
    """The rows that every test of the pages stands on."""

    priya: User
    tom: User
    sam: User
    texts: Stream
    care: Stream
    team: Team

    def conversation(self, stream: Stream | None = None, **fields: Any) -> Conversation:
        """A conversation with Amira, by SMS unless a stream is given."""
        if "contact" not in fields:
            fields["contact"] = factories.make_contact(first_name="Amira", last_name="Haddad")
        return factories.make_conversation(stream or self.texts, **fields)


@pytest.fixture
def centre(db: None) -> Centre:
    """The centre."""
    priya, tom = factories.make_user(name="Priya Nair"), factories.make_user("supervisor", name="Tom Reyes")
    account = factories.make_account("cirrus", health="working")
    texts = factories.make_stream(account, "sms", name="Service texts")
    care = factories.make_stream(account, "whatsapp", name="Fernhill Care")
    team = factories.make_team(members=[priya, tom], streams=[texts, care])
    return Centre(priya, tom, factories.make_user(name="Sam Elsewhere"), texts, care, team)


@pytest.fixture
def amira(centre: Centre) -> Conversation:
    """Amira, who agreed to WhatsApp."""
    conversation = centre.conversation(centre.care)
    factories.opt_in(conversation.contact)
    return conversation


def signed_in(user: User) -> Client:
    """A browser in which this user is signed in."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def agent(centre: Centre) -> Client:
    """Priya's browser."""
    return signed_in(centre.priya)


@pytest.fixture
def supervisor(centre: Centre) -> Client:
    """Tom's browser."""
    return signed_in(centre.tom)


@pytest.fixture
def stranger(centre: Centre) -> Client:
    """Sam's browser: signed in, in no team."""
    return signed_in(centre.sam)
