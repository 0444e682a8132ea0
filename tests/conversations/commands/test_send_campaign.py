"""`send_campaign` as an operator types it."""

from __future__ import annotations

import io
import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from conversations.models import Campaign, Contact, Message, OptIn, Stream
from conversations.services import consent
from conversations.services.campaigns import control
from tests import factories
from tests.conversations.racing import in_thread
from tests.factories import SandboxStreams
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def streams(product_sandbox: PlayedSandbox) -> SandboxStreams:
    """One stream of each provider, in the sandbox."""
    return factories.make_sandbox_streams(product_sandbox.url)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A list with somebody who opted out, and a number that is none."""
    path = tmp_path / "people.csv"
    path.write_text("phone,first name\n+447700900200,Rosa\n+447700900201,Olu\nnothing,Zoë\n+447700900202,\n")
    return path


def send(path: Path, *arguments: str, **options: Any) -> tuple[str, str]:
    """What it prints, on both ways."""
    out, err = io.StringIO(), io.StringIO()
    call_command("send_campaign", str(path), *arguments, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


TEXT = ("--body", "Hello ${firstname}, your router is on its way.", "--fallback", "firstname=there", "--any-hour")


def test_a_list_is_sent_to_its_end(streams: SandboxStreams, people: Path, product_sandbox: PlayedSandbox) -> None:
    contact = Contact.objects.create(phone="+447700900201")
    consent.record(OptIn(contact=contact, channel="sms", event="opt_out", source="keyword", wording="STOP"))
    out, err = send(people, "--stream", streams["webex_interact"].name, *TEXT, "--yes", "--json")
    assert json.loads(out) == {
        "id": Campaign.objects.get().pk,
        "name": "people.csv",
        "stream": streams["webex_interact"].name,
        "status": "done",
        "status_reason": "",
        "rows": 4,
        "verdicts": {"send": 2, "opted_out": 1, "invalid": 1},
        "people": 2,
        "accepted": 2,
        "failed": 0,
        "unconfirmed": 0,
        "waiting": 0,
    }
    assert "sent from here" in err
    texts = {one["phone"]: one["text"] for one in product_sandbox.messages()}
    assert texts == {
        "+447700900200": "Hello Rosa, your router is on its way.",
        "+447700900202": "Hello there, your router is on its way.",
    }


def test_a_dry_run_sends_and_stores_nothing(streams: SandboxStreams, people: Path) -> None:
    out, _ = send(people, "--stream", streams["webex_interact"].name, *TEXT, "--dry-run")
    assert out == "Nothing was sent. people.csv: 4 rows, 3 people; left out: 1 not a usable number.\n"
    assert not Campaign.objects.exists()


def test_nothing_leaves_unasked(streams: SandboxStreams, people: Path) -> None:
    with pytest.raises(CommandError, match=r"Nothing was sent\. Add --yes"):
        send(people, "--stream", streams["webex_interact"].name, *TEXT)
    assert not Campaign.objects.exists()
    assert not Message.objects.exists()


class Terminal(io.StringIO):
    """A person at the keyboard, who types that and then presses Ctrl-D."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("typed", ["", "2\n", "all\n"])
def test_whoever_does_not_type_the_number_sends_nothing(
    streams: SandboxStreams, people: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    with pytest.raises(CommandError, match=r"Nothing was sent"):
        send(people, "--stream", streams["webex_interact"].name, *TEXT)
    assert not Campaign.objects.exists()


def test_a_campaign_that_is_stopped_meanwhile_is_not_called_done(streams: SandboxStreams, people: Path) -> None:
    stream = streams["webex_interact"]
    Stream.objects.filter(pk=stream.pk).update(paused_until=timezone.now() + timedelta(hours=1))

    def stop() -> None:
        while (running := Campaign.objects.filter(status="running").first()) is None:
            time.sleep(0.05)
        control.stop(running, actor=None)

    stopping = in_thread(stop)
    with pytest.raises(CommandError, match="The campaign was stopped before its end"):
        send(people, "--stream", stream.name, *TEXT, "--yes")
    stopping.join(30)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--body", ""), "Say what is sent: --body or --template."),
        (("--body", "Hello ${town}"), "no column for ${town}"),
        (("--body", "Hi", "--fallback", "firstname"), "Write it like firstname=there."),
        (("--body", "Hi", "--at", "tomorrow"), "is not a time with a time zone"),
        (("--template", "visit"), "has no template called visit. It has none."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_stored(
    streams: SandboxStreams, people: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(CommandError) as refusal:
        send(people, "--stream", streams["webex_interact"].name, *arguments, "--yes")
    assert sentence in str(refusal.value)
    assert not Campaign.objects.exists()
    assert not Contact.objects.exists()


def test_a_file_that_is_none(streams: SandboxStreams, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        send(tmp_path / "none.csv", "--stream", streams["webex_interact"].name, *TEXT, "--yes")
    assert not Campaign.objects.exists()
