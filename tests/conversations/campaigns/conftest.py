"""Campaigns on the sandbox's streams, and the workers' jobs run by hand."""

from __future__ import annotations

import csv as csv_format
import io
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client

from conversations.models import Campaign, CampaignChunk, User
from conversations.services.campaigns import audience, control, planning, preflight, sending, taking
from tests import factories
from tests.factories import SandboxStreams
from tests.sandbox.playing import PlayedSandbox


@pytest.fixture
def streams(product_sandbox: PlayedSandbox) -> SandboxStreams:
    """One stream of each provider, in the sandbox."""
    return factories.make_sandbox_streams(product_sandbox.url)


@pytest.fixture
def tom(streams: SandboxStreams) -> User:
    """A supervisor who may send on all of them."""
    user = factories.make_user("supervisor", name="Tom Reyes")
    factories.make_team(name="Supervisors", members=[user], streams=list(streams.values()))
    return user


@pytest.fixture
def browser(tom: User) -> Client:
    """Tom's."""
    client = Client()
    client.force_login(tom)
    return client


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """A worker's, for its waves."""
    with ThreadPoolExecutor(taking.MOST_AT_ONCE) as threads:
        yield threads


def words(response: Any) -> str:
    """What a page says, without its marks."""
    text = re.sub(r"</?var\b[^>]*>", "", response.content.decode())  # a value inside of a sentence
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def rows_of(response: Any) -> list[dict[str, str]]:
    """The rows of a downloaded file."""
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv_format.DictReader(io.StringIO(text)))


def people(first: int, number: int) -> list[str]:
    """Rows of a list."""
    return [f"{fiction(one)},Rosa{one}" for one in range(first, first + number)]


def csv(*rows: str, header: str = "phone,first name") -> io.BytesIO:
    """A file with these rows."""
    return io.BytesIO("\n".join([header, *rows]).encode())


def fiction(number: int) -> str:
    """A number that only the sandbox reaches."""
    return f"+447700900{number:03}"


@pytest.fixture
def make_campaign(streams: SandboxStreams, tom: User) -> Callable[..., Campaign]:
    """A campaign with a list, not checked yet."""

    def make(*rows: str, stream: str = "webex_interact", header: str = "phone,first name", **values: Any) -> Campaign:
        values.setdefault("body", "Hello ${firstname}, your router is on its way.")
        values.setdefault("fallbacks", {"firstname": "there"})
        campaign = Campaign.objects.create(
            name="Routers", stream=streams[stream], created_by=tom, keeps_quiet_hours=False, **values
        )
        audience.load_list(campaign, csv(*rows, header=header), file_name="routers.csv")
        return campaign

    return make


def confirm(campaign: Campaign, actor: User) -> None:
    """Check it and let it go."""
    assert preflight.check(campaign) == []
    control.confirm(campaign, actor=actor, people=campaign.sendable_count)


def run(campaign: Campaign) -> None:
    """Do what the workers do, once over."""
    planning.plan(campaign.pk)
    for pk in CampaignChunk.objects.filter(campaign=campaign).order_by("number").values_list("pk", flat=True):
        sending.deliver_chunk(pk)
    campaign.refresh_from_db()


def run_to_the_end(campaign: Campaign) -> None:
    """The same until nobody waits: for a turn of the stream, or since a busy machine turned a connection away."""
    run(campaign)
    while campaign.status == "running":
        CampaignChunk.objects.filter(campaign=campaign).update(next_attempt_at=None)
        run(campaign)
