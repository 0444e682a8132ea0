"""`send_message`: what it queues, what it refuses in one sentence, and what --wait sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import django_rq
import pytest
from django.conf import settings
from rq import Worker

from config import local_services
from conversations.management import console
from conversations.models import Contact, Message, OptIn
from conversations.models.message import MessageStatus
from conversations.queue import worker_command
from conversations.services import consent
from tests import factories
from tests.conversations.commands.conftest import Shell, call, refused
from tests.sandbox.playing import PlayedSandbox

pytestmark = pytest.mark.django_db
with_other_processes = pytest.mark.django_db(transaction=True)  # they see only what is committed

AMIRA, US_PHONE = "+447700900142", "+14155550100"


def send(stream: object, *arguments: str, to: str = AMIRA, body: str = "Your visit is on Friday.") -> tuple[str, ...]:
    return ("send_message", "--stream", str(stream), "--to", to, "--body", body, *arguments)


def on_the_phone(sandbox: PlayedSandbox, phone: str = AMIRA) -> list[str]:
    return [message["text"] for message in sandbox.messages(phone=phone)]


def test_a_message_is_queued_as_from_a_page(
    streams: factories.SandboxStreams, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        said = call(*send(streams["cirrus"], to="07700 900142"))
    message = Message.objects.get()
    assert (message.status, message.conversation.contact.phone, message.author) == ("queued", AMIRA, None)
    assert said.out == f"Message {message.pk} to +44 7700 900142 on {streams['cirrus']}: queued.\n"
    assert len(django_rq.get_queue("interactive")) == 1


def test_scripts_read_json(streams: factories.SandboxStreams) -> None:
    said = json.loads(call(*send(streams["cirrus"], "--json")).out)
    message = Message.objects.get()
    assert (said["id"], said["ref"], said["status"]) == (message.pk, str(message.ref), "queued")
    assert (said["to"], said["stream"], said["segments"]) == (AMIRA, streams["cirrus"].name, 1)


def test_an_author_writes_under_their_own_name(streams: factories.SandboxStreams) -> None:
    call(*send(streams["cirrus"], "--author", "Priya@Fernhill.example"))
    assert Message.objects.get().author == streams.priya
    assert Message.objects.get().conversation.assignee == streams.priya


def test_the_same_key_is_the_same_message(streams: factories.SandboxStreams) -> None:
    first = call(*send(streams["cirrus"], "--key", "bill-7"))
    assert call(*send(streams["cirrus"], "--key", "bill-7")) == first
    assert Message.objects.count() == 1


def test_a_time_to_send_is_kept(streams: factories.SandboxStreams) -> None:
    at = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)
    said = call(*send(streams["webex_interact"], "--at", at.isoformat(), "--valid-until", f"{at + timedelta(days=1)}"))
    message = Message.objects.get()
    assert (message.status, message.scheduled_for) == ("scheduled", at)
    assert message.valid_until == at + timedelta(days=1)
    assert ": scheduled for" in said.out


def test_the_opening_text_needs_no_body(streams: factories.SandboxStreams, product_sandbox: PlayedSandbox) -> None:
    stream = streams["cirrus"].name
    said = call("send_message", "--stream", stream, "--to", AMIRA, "--opening", "--wait")
    assert ": accepted." in said.out
    assert on_the_phone(product_sandbox) == ["Fernhill Care here. How can we help? Reply STOP to opt out."]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--to", "12345"), "number"),
        (("--to", "+4474512XXXXX"), "letters"),
        (("--to", "+44 7700 900142 or +44 7700 900143"), "one number"),
        (("--body", ""), "message"),
        (("--body", "\u200b \u2060"), "message"),
        (("--body", "x" * 1601), "The message has 1601 characters"),
        (("--author", "nobody@fernhill.example"), "Nobody signs in as nobody@fernhill.example."),
        (("--at", "tomorrow"), "--at tomorrow is not a time with a time zone."),
        (("--at", "2030-02-30T09:00Z"), "is not a time with a time zone"),
        (("--at", "2030-03-01T09:00"), "is not a time with a time zone"),
        (("--at", "2020-03-01T09:00Z"), "Choose a time that lies ahead."),
        (("--at", "9999-12-31T23:59-14:00"), "Choose a time before"),
        (("--valid-until", "2020-03-01T09:00Z"), "A message must stay valid until after it is sent."),
        (("--wait", "--at", "2030-03-01T09:00Z"), "Leave out --wait"),
        (("--opening",), "Leave out --body"),
    ],
)
def test_what_cannot_be_sent_is_told_in_a_sentence_and_stored_nowhere(
    streams: factories.SandboxStreams, arguments: tuple[str, ...], sentence: str
) -> None:
    said = refused(*send(streams["cirrus"], *arguments))
    assert sentence.lower() in said.lower()
    assert "\n" not in said


def test_an_unknown_stream_is_told_with_the_known_ones(streams: factories.SandboxStreams) -> None:
    known = ", ".join(sorted(stream.name for stream in streams.values()))
    said = refused(*send("Fernhil"))
    assert said == f"There is no stream called Fernhil. Choose one of: {known}."


@pytest.mark.usefixtures("product_sandbox")
def test_without_any_stream_it_says_where_to_add_one() -> None:
    assert refused(*send("Any")) == "There is no stream yet. Add an account and a stream in the administration."


def test_limits_of_the_provider_are_told_before_anything_is_sent(streams: factories.SandboxStreams) -> None:
    now = datetime.now(UTC)
    too_far = refused(*send(streams["webex_interact"], "--at", f"{now + timedelta(days=8)}"))
    assert "Webex Interact allows 7 days" in too_far
    too_long = refused(*send(streams["webex_interact"], "--valid-until", f"{now + timedelta(days=4)}"))
    assert "Webex Interact allows 3 days" in too_long


def test_an_author_without_the_stream_is_refused(streams: factories.SandboxStreams) -> None:
    sam = factories.make_user(email="sam@fernhill.example")
    assert "not send from it" in refused(*send(streams["cirrus"], "--author", sam.email))


def test_a_customer_who_opted_out_is_refused(streams: factories.SandboxStreams) -> None:
    contact = factories.make_contact(AMIRA)
    consent.record(OptIn(contact=contact, channel="sms", event="opt_out", source="agent"))
    assert "opted out" in refused(*send(streams["cirrus"]))


def test_waiting_without_a_worker_sends_from_here(
    streams: factories.SandboxStreams, product_sandbox: PlayedSandbox
) -> None:
    said = call(*send(streams["webex_interact"], "--wait", "--json"))
    assert said.err == "No worker is running, so the message is sent from here.\n"
    found = json.loads(said.out)
    assert (found["status"], found["external_id"][:4]) == ("accepted", "tid_")
    assert on_the_phone(product_sandbox) == ["Your visit is on Friday."]


@with_other_processes
def test_waiting_leaves_the_sending_to_a_worker(
    streams: factories.SandboxStreams, product_sandbox: PlayedSandbox, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "WORKER_PATIENCE", 30.0)
    worker = _worker_process(product_sandbox)
    try:
        _wait_for_the_worker()
        said = call(*send(streams["cirrus"], "--wait"))
    finally:
        worker.terminate()
        worker.wait(timeout=20)
    assert (said.err, Message.objects.get().status) == ("", MessageStatus.ACCEPTED)
    assert on_the_phone(product_sandbox) == ["Your visit is on Friday."]


def test_waiting_sends_from_here_when_the_registered_worker_is_dead(
    streams: factories.SandboxStreams, product_sandbox: PlayedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "WORKER_PATIENCE", 0.2)
    Worker([django_rq.get_queue("interactive")]).register_birth()
    said = call(*send(streams["cirrus"], "--wait"))
    assert "No worker took the message" in said.err
    assert on_the_phone(product_sandbox) == ["Your visit is on Friday."]


def test_a_refusal_keeps_the_providers_words(streams: factories.SandboxStreams) -> None:
    call(*send(streams["ccai_platform"], "--wait", to=US_PHONE))
    with pytest.raises(console.CommandError) as found:
        call(*send(streams["ccai_platform"], "--wait", "--json", to=US_PHONE))
    assert ": failed. Outbound SMS failed. Consumer is already in an active SMS session." in str(found.value)
    assert Message.objects.filter(status=MessageStatus.FAILED).count() == 1


def test_an_answer_that_never_came_is_not_called_a_success(
    streams: factories.SandboxStreams, product_sandbox: PlayedSandbox
) -> None:
    product_sandbox.control("faults", phone=AMIRA, fault="reset_after", times=1)
    with pytest.raises(console.CommandError, match="not confirmed, it may have arrived"):
        call(*send(streams["cirrus"], "--wait"))


def test_a_wrong_key_is_told_when_the_time_is_over(streams: factories.SandboxStreams) -> None:
    account = streams["cirrus"].account
    account.credentials = {"api_key": "revoked"}
    account.save()
    with pytest.raises(console.CommandError, match=r": queued\. Unauthorized"):
        call(*send(streams["cirrus"], "--wait", "--timeout", "0.5"))


@with_other_processes
def test_a_shell_gets_exit_codes_and_plain_sentences(
    streams: factories.SandboxStreams, product_sandbox: PlayedSandbox, shell: Shell
) -> None:
    good = shell(*send(streams["cirrus"], "--wait", "--json"))
    assert (good.returncode, json.loads(good.stdout)["status"]) == (0, "accepted")
    assert good.stderr == "No worker is running, so the message is sent from here.\n"
    bad = shell(*send("Nowhere"))
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith("There is no stream called Nowhere. Choose one of:")
    assert Contact.objects.count() == Message.objects.count() == 1


def test_a_database_that_does_not_answer_is_told_in_a_sentence(shell: Shell) -> None:
    failed = shell(*send("Any"), DATABASE_URL="postgres://nobody@127.0.0.1:1/none")
    assert failed.returncode == 1
    assert failed.stderr == "The database does not answer. Start it, or correct DATABASE_URL.\n"


def _worker_process(sandbox: PlayedSandbox) -> subprocess.Popen[bytes]:
    from django.db import connection

    database = settings.DATABASE_URL.replace("/parley?", f"/{connection.settings_dict['NAME']}?")
    return subprocess.Popen(
        [sys.executable, "manage.py", *worker_command("interactive"), "--verbosity", "0"],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            local_services.PROFILE_VARIABLE: local_services.profile(),
            "DATABASE_URL": database,
            "SANDBOX_PORT": str(sandbox.port),
        },
    )


def _wait_for_the_worker() -> None:
    from conversations.management.demo.stage import wait_for

    assert wait_for(console.worker_is_registered, seconds=20)
