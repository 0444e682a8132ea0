"""Programs with keys: one of Priya's, who answers on a stream, and one of somebody on another stream."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from conversations.api.errors import Refusal
from conversations.models import Stream, User
from conversations.models.api_key import ApiScope
from conversations.services.api_keys import create_api_key
from tests import factories

BASE = "/api/v1"


class Program:
    """Calls the API as a program does: JSON in and out, a key, and a new Idempotency-Key for each write."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.client = Client(raise_request_exception=False)

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> HttpResponse:
        """A read of a path below /api/v1."""
        return self.client.get(BASE + path, query, headers=self._headers(headers))

    def write(
        self, method: str, path: str, body: Any = None, *, key: str = "", headers: dict[str, str] | None = None
    ) -> HttpResponse:
        """A write; `key` is its Idempotency-Key, a new one by default."""
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        own = {"Idempotency-Key": key or uuid.uuid4().hex} | (headers or {})
        return self.client.generic(method, BASE + path, sent, "application/json", headers=self._headers(own))

    def post(self, path: str, body: Any = None, **more: Any) -> HttpResponse:
        """A write by POST."""
        return self.write("POST", path, body, **more)

    def _headers(self, more: dict[str, str] | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.text}"} | (more or {})


def refused(answer: Any, status: int, code: str) -> Refusal:
    """The refusal in an answer, whose shape and status are as documented."""
    assert answer.status_code == status, answer.content
    told = Refusal.model_validate(answer.json(), strict=True)
    assert told.code == code
    assert set(answer.json()) == {"code", "message", "field"}
    return told


def program_of(user: User, *, scopes: Iterable[str] = ApiScope.values, streams: Iterable[Stream] = ()) -> Program:
    """A program with a new key of that user."""
    return Program(create_api_key(name="Orders", user=user, scopes=scopes, streams=list(streams))[1])


@pytest.fixture
def stream(db: None) -> Stream:
    """An SMS stream of a sandbox account."""
    return factories.make_stream(name="Fernhill Care")


@pytest.fixture
def priya(stream: Stream) -> User:
    """An agent of the stream."""
    user = factories.make_user(name="Priya Nair", email="priya@fernhill.example")
    factories.make_team(members=[user], streams=[stream], name="Care")
    return user


@pytest.fixture
def program(priya: User) -> Program:
    """Priya's program, with every scope."""
    return program_of(priya)


@pytest.fixture
def stranger(db: None) -> Program:
    """A program of an agent of another stream."""
    user = factories.make_user(name="Sam Osei")
    factories.make_team(members=[user], streams=[factories.make_stream()])
    return program_of(user)
