"""Live events through the real web process: who hears what, and what a page that comes back has missed."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from conversations import live
from conversations.models import User
from tests import factories
from tests.sandbox.playing import free_port

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]


class Web(NamedTuple):
    """A web process and where it answers."""

    process: subprocess.Popen[str]
    port: int


@pytest.fixture
def web(transactional_db: None) -> Iterator[Web]:
    """One on the tests' own database."""
    database = connection.settings_dict
    host = quote(database["OPTIONS"]["host"], safe="/")
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": f"postgres://{database['USER']}@/{database['NAME']}?host={host}",
        "DATABASE_POOL": "on",
        "SECRET_KEY": settings.SECRET_KEY,
    }
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port), "--no-access-log"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "Uvicorn running" in line:
                break
        try:
            yield Web(process, port)
        finally:
            process.terminate()
            process.stderr.read()


@pytest.fixture
def port(web: Web) -> int:
    """Where it answers."""
    return web.port


def session_of(user: User) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "conversations.permissions.PermissionBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key or ""


class Listener:
    """An open EventSource."""

    def __init__(self, port: int, user: User | None, *, last_event_id: str = "") -> None:
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        headers = {"Cookie": f"sessionid={session_of(user)}"} if user else {}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        self.line.request("GET", "/events", headers=headers)
        self.answer = self.line.getresponse()
        self.status = self.answer.status
        self.last_id = ""
        if self.status == 200:
            assert self.next()["event"] == "hello"

    def next(self) -> dict[str, str]:
        """The next event, comments left out. Raises TimeoutError when none comes."""
        event: dict[str, str] = {}
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            if not line and event:
                self.last_id = event.get("id", self.last_id)
                return event
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                event[name] = value

    def close(self) -> None:
        self.answer.close()
        self.line.close()


def test_an_agent_hears_of_the_teams_streams_only(port: int) -> None:
    ours, theirs = factories.make_conversation(), factories.make_conversation()
    priya = factories.make_user()
    factories.make_team(members=[priya], streams=[ours.stream])
    listener = Listener(port, priya)
    for conversation in (theirs, ours):
        live.publish(stream_id=conversation.stream_id, kind="message", conversation_id=conversation.pk)
    assert json.loads(listener.next()["data"])["conversation"] == ours.pk
    listener.close()


def test_what_is_for_one_person_reaches_their_pages_alone(port: int) -> None:
    conversation = factories.make_conversation()
    priya, tom = factories.make_user(), factories.make_user()
    factories.make_team(members=[priya, tom], streams=[conversation.stream])
    listeners = [Listener(port, priya), Listener(port, tom)]
    for to in ({"to": priya.pk}, {}):
        live.publish(stream_id=conversation.stream_id, kind="notification", conversation_id=conversation.pk, **to)
    first = [json.loads(listener.next()["data"]) for listener in listeners]
    assert [one.get("to") for one in first] == [priya.pk, None]
    missed = Listener(port, tom, last_event_id=f"{listeners[1].last_id.partition(':')[0]}:0")
    assert "to" not in json.loads(missed.next()["data"])
    for listener in (*listeners, missed):
        listener.close()


def test_without_a_session_there_are_no_events(port: int) -> None:
    listener = Listener(port, None)
    assert listener.status == 401
    listener.close()


def test_who_left_is_refused(port: int) -> None:
    listener = Listener(port, factories.make_user("administrator", is_active=False))
    assert listener.status == 401
    listener.close()


def test_a_page_that_comes_back_hears_what_it_missed(port: int) -> None:
    conversation = factories.make_conversation()
    priya = factories.make_user()
    factories.make_team(members=[priya], streams=[conversation.stream])
    listener = Listener(port, priya)
    live.publish(stream_id=conversation.stream_id, kind="message", conversation_id=conversation.pk, message=1)
    listener.next()
    listener.close()
    live.publish(stream_id=conversation.stream_id, kind="message", conversation_id=conversation.pk, message=2)
    time.sleep(0.3)
    again = Listener(port, priya, last_event_id=listener.last_id)
    assert json.loads(again.next()["data"])["message"] == 2
    again.close()
    lost = Listener(port, priya, last_event_id="another-boot:5")
    assert lost.next()["event"] == "reload"
    lost.close()


def test_whoever_is_limited_hears_of_their_own_conversations_only(port: int) -> None:
    priya, sam = factories.make_user(reach="own"), factories.make_user()
    stream = factories.make_stream()
    factories.make_team(members=[priya, sam], streams=[stream])
    theirs, own = (factories.make_conversation(stream, assignee=one) for one in (sam, priya))
    listener = Listener(port, priya)
    for conversation in (theirs, own):
        for kind in ("message", "conversation"):
            live.publish(stream_id=stream.pk, kind=kind, conversation_id=conversation.pk, message=1)
    heard = [json.loads(listener.next()["data"]) for _ in range(3)]
    listener.close()
    missed = Listener(port, priya, last_event_id=f"{listener.last_id.partition(':')[0]}:0")
    again = [json.loads(missed.next()["data"]) for _ in range(3)]
    missed.close()
    for told in (heard, again):
        assert [(one["kind"], one["conversation"]) for one in told] == [
            ("conversation", 0),  # something changed on the stream: lists ask anew
            ("message", own.pk),
            ("conversation", own.pk),
        ]
        assert "message" not in told[0]


def test_a_process_that_is_told_to_stop_does_not_wait_for_open_pages(web: Web) -> None:
    listener = Listener(web.port, factories.make_user())
    web.process.terminate()
    assert listener.answer.read() == b""  # an orderly end, after which a page connects again
    listener.close()
    web.process.wait(timeout=5)
