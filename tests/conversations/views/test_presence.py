"""Who has a conversation open and who types: seen by colleagues, forgotten soon, and never in anybody's way."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import django_rq
import pytest
import redis
from django.test import Client

from conversations.live import channel_of
from conversations.models import Conversation
from conversations.services import presence
from conversations.services.presence import Present
from tests import factories
from tests.conversations.views.conftest import Centre, signed_in
from tests.conversations.views.reading import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation(db: None) -> Conversation:
    return factories.make_conversation()


class Heard:
    """The live events of a stream, as pages get them."""

    def __init__(self, stream_id: int) -> None:
        self.subscription = django_rq.get_connection("default").pubsub(ignore_subscribe_messages=True)
        self.subscription.subscribe(channel_of(stream_id))
        self.subscription.get_message(timeout=1)

    def all(self) -> list[dict[str, Any]]:
        found = []
        while message := self.subscription.get_message(timeout=0.2):
            found.append(json.loads(message["data"]))
        return found


@pytest.fixture
def heard(conversation: Conversation) -> Iterator[Heard]:
    found = Heard(conversation.stream_id)
    yield found
    found.subscription.close()


def test_colleagues_are_seen_and_oneself_is_not(conversation: Conversation) -> None:
    priya, tom = factories.make_user(), factories.make_user()
    presence.here(conversation, priya, typing=False)
    presence.here(conversation, tom, typing=True)
    asked = [conversation.pk, conversation.pk + 1]
    assert presence.who_is_at(asked, but=priya) == {conversation.pk: [Present(tom.pk, True)]}
    assert presence.who_is_at(asked, but=tom) == {conversation.pk: [Present(priya.pk, False)]}
    presence.gone(conversation, tom)
    assert presence.who_is_at(asked, but=priya) == {}


def test_pages_hear_of_a_change_and_of_nothing_else(
    conversation: Conversation, heard: Heard, django_capture_on_commit_callbacks: Any
) -> None:
    priya = factories.make_user()
    with django_capture_on_commit_callbacks(execute=True):
        presence.here(conversation, priya, typing=False)
        presence.here(conversation, priya, typing=False)
        presence.here(conversation, priya, typing=True)
        presence.here(conversation, priya, typing=True)
        presence.gone(conversation, priya)
        presence.gone(conversation, priya)
    told = {"kind": "presence", "stream": conversation.stream_id, "conversation": conversation.pk, "user": priya.pk}
    assert heard.all() == [told] * 3


def test_who_says_nothing_more_is_forgotten(conversation: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    priya, tom = factories.make_user(), factories.make_user()
    presence.here(conversation, tom, typing=True)
    then = time.time()
    monkeypatch.setattr(presence.time, "time", lambda: then + presence.TYPING_FOR + 1)
    assert presence.who_is_at([conversation.pk], but=priya) == {conversation.pk: [Present(tom.pk, False)]}
    monkeypatch.setattr(presence.time, "time", lambda: then + presence.HERE_FOR + 1)
    assert presence.who_is_at([conversation.pk], but=priya) == {}
    keys = list(django_rq.get_connection("default").scan_iter("parley:presen*"))
    assert keys
    assert all(0 < django_rq.get_connection("default").ttl(key) <= presence.HERE_FOR * 2 for key in keys)


def test_without_a_broker_nobody_is_seen_and_pages_work(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    away = redis.Redis.from_url("redis://127.0.0.1:1/?socket_connect_timeout=0.05")  # as the product does: no retries
    monkeypatch.setattr("conversations.services.presence.broker", lambda: away)
    amira = centre.conversation()
    client = signed_in(centre.priya)
    assert client.post(f"/c/{amira.pk}/presence/", {"state": "here"}).status_code == 200
    assert client.get("/?view=all").status_code == 200
    assert presence.who_is_at([amira.pk], but=centre.tom) == {}


def test_a_page_says_who_is_here_and_shows_it(centre: Centre) -> None:
    amira = centre.conversation()
    priya, tom = signed_in(centre.priya), signed_in(centre.tom)
    tom.post(f"/c/{amira.pk}/presence/", {"state": "typing"})
    assert "Tom is typing" in read(priya.post(f"/c/{amira.pk}/presence/", {"state": "here"})).text
    row = read(priya.get("/?view=all")).one(id=f"presence-{amira.pk}")
    assert row.text == "TR Tom Reyes is typing"
    shown = read(priya.get(f"/inbox/presence/?c={amira.pk}&c=x&c=999"))
    assert shown.one(id=f"presence-{amira.pk}").text == "TR Tom Reyes is typing"
    tom.post(f"/c/{amira.pk}/presence/", {"state": "gone"})
    assert read(priya.get(f"/inbox/presence/?c={amira.pk}")).text == ""


def test_nobody_sees_who_is_at_a_foreign_conversation(centre: Centre) -> None:
    amira = centre.conversation()
    signed_in(centre.tom).post(f"/c/{amira.pk}/presence/", {"state": "here"})
    stranger: Client = signed_in(centre.sam)
    assert read(stranger.get(f"/inbox/presence/?c={amira.pk}")).text == ""
    assert stranger.post(f"/c/{amira.pk}/presence/", {"state": "here"}).status_code == 404
