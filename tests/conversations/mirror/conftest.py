"""A sandbox that can be ended and started again, and a mirrored stream on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django_rq
import pytest
from django.utils import timezone

from conversations import jobs
from conversations.models import Activity, Conversation, Stream, StreamGate, WebhookEvent
from conversations.queue import BULK
from conversations.services import accounts, conversations, inbound
from conversations.services.mirror import pushing
from messaging.types import HookRequest
from tests import factories
from tests.sandbox.playing import AMIRA, FAST, PlayedSandbox, Receiver


class Cirrus:
    """The other side: a sandbox in a process of its own, which goes away and comes back with its rows."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.played = PlayedSandbox(directory)

    def go_away(self) -> None:
        """Nobody answers any more."""
        self.played.stop()

    def come_back(self) -> None:
        """At the same address, with the same rows."""
        self.played = PlayedSandbox(self.directory, port=self.played.port)

    def object(self, conversation: Conversation) -> dict[str, Any]:
        """The object as the other side tells it."""
        return self.read(conversation.external_id)

    def read(self, external_id: str) -> dict[str, Any]:
        """The object of that id, with everything."""
        answer = self.played.cirrus(
            "GET", f"streams/532/objects/{external_id}?includeChilds=true&includeActivityLog=true"
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["data"][0]

    def log(self, conversation: Conversation, kind: int) -> list[str]:
        """The texts of one type of activity, oldest first."""
        rows = self.played.cirrus("GET", f"objects/{conversation.external_id}/activities?activityType={kind}").json()
        return [json_text(row["data"]) for row in rows["data"]]

    def requests(self, part: str = "") -> list[str]:
        """The calls that were made with an address like this, oldest first."""
        return [
            f"{one['method']} {one['path'].partition('?')[0]}"
            for one in self.played.ledger(kind="request", provider="cirrus")
            if part in one["path"] and one["method"] != "GET"
        ]


def json_text(data: str) -> str:
    """The text in an activity's data."""
    return str(json.loads(data).get("text", ""))


@pytest.fixture(scope="module")
def cirrus_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cirrus]:
    """One for the module."""
    cirrus = Cirrus(tmp_path_factory.mktemp("cirrus"))
    yield cirrus
    cirrus.played.stop()


@pytest.fixture
def cirrus(cirrus_process: Cirrus, settings: Any) -> Iterator[Cirrus]:
    """Empty, and reporting to nobody."""
    for provider in ("cirrus", "ccai_platform", "webex_interact"):
        cirrus_process.played.control("accounts", provider=provider, webhook_url="", **FAST)
    cirrus_process.played.control("reset", accounts={"webhook_url": ""})
    settings.SANDBOX_URL = cirrus_process.played.url
    settings.MIRROR_LOOKUP_SECONDS = 0.0
    accounts.transport.cache_clear()
    yield cirrus_process
    accounts.transport.cache_clear()


@pytest.fixture
def streams(cirrus: Cirrus) -> Any:
    """The standing streams; the one for SMS is mirrored, and its pace does not limit."""
    found = factories.make_sandbox_streams(cirrus.played.url)
    stream = found["cirrus"]
    stream.settings = {**stream.settings, "mirror": "yes"}
    stream.save(update_fields=["settings"])
    StreamGate.objects.update_or_create(stream=stream, defaults={"rate": 1000, "burst": 1000, "tokens": 1000})
    return found


@pytest.fixture
def conversation(streams: Any) -> Conversation:
    """One with Amira, just opened by Priya."""
    contact = factories.make_contact(AMIRA, first_name="Amira", last_name="Haddad")
    return conversations.open_conversation(stream=streams["cirrus"], contact=contact, actor=streams.priya)


class Told:
    """The webhooks of the other side, taken by a server; they come in when a test lets them."""

    def __init__(self, cirrus: Cirrus, stream: Stream) -> None:
        self.cirrus, self.account, self.receiver = cirrus, stream.account, Receiver()
        cirrus.played.control(
            "accounts", provider="cirrus", webhook_url=self.receiver.url, tells_changes=True, sends_receipts=False
        )

    def come_in(self) -> list[str]:
        """Read all that were posted, and the conversations that they ask to be read; what the calls said."""
        self.cirrus.played.settle()
        calls, self.receiver.received = self.receiver.received, []
        django_rq.get_queue(BULK).empty()
        events = []
        for call in calls:
            hook = HookRequest("POST", call.headers, call.body, timezone.now(), call.headers["content-type"])
            events.append(inbound.store_webhook(self.account, hook))
        inbound.process_webhooks([event.pk for event in events])
        for job in django_rq.get_queue(BULK).jobs:
            if job.id.startswith("read_mirrored"):
                jobs.read_mirrored(job.args[0])
        django_rq.get_queue(BULK).empty()
        rows = WebhookEvent.objects.filter(pk__in=[event.pk for event in events]).order_by("pk")
        assert not [row.error for row in rows if row.status == "failed"]
        return [row.summary for row in rows]


@pytest.fixture
def told(cirrus: Cirrus, streams: Any) -> Iterator[Told]:
    """Cirrus tells of all that is done there, also of what we did."""
    told = Told(cirrus, streams["cirrus"])
    yield told
    told.receiver.stop()


def push(conversation: Conversation) -> list[Activity]:
    """What a worker does, whatever it would still wait for; the activities afterwards, oldest first."""
    conversation.activities.to_push().update(push_next_at=None)
    pushing.push([conversation.pk])
    conversation.refresh_from_db()
    return list(conversation.activities.order_by("id"))


def states(rows: list[Activity]) -> list[str]:
    """Their places in the outbox."""
    return [row.push_state for row in rows]
