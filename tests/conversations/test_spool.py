"""An answer that could not be stored: kept on disk, stored later, counted once."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from conversations.models import AttemptResult, Contact, Conversation, Message, ProviderAccount, SendAttempt, StreamGate
from conversations.services import dispatch, spool
from conversations.services.erasure import erase
from messaging.types import Outcome, RecipientResult, SendResult
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_directory(settings: Any, tmp_path: Path) -> None:
    settings.SPOOL_DIR = str(tmp_path / "spool")


@pytest.fixture
def attempt() -> SendAttempt:
    """A message on the wire, its claim still running."""
    claim, now = uuid.uuid4(), timezone.now()
    message = factories.make_message(
        status="sending", claim=claim, lease_until=now + timedelta(minutes=1), on_wire_at=now
    )
    attempt = SendAttempt.objects.create(stream=message.stream, claim=claim, started_at=now, on_wire_at=now)
    AttemptResult.objects.create(attempt=attempt, message=message, on_wire=True)
    return attempt


def keep(attempt: SendAttempt) -> Path:
    message = attempt.messages.get()
    attempt.response_body = '{"status": 200}'
    result = SendResult((RecipientResult(str(message.ref), Outcome.ACCEPTED, external_id="tid_1"),), "aps_1")
    return spool.keep(attempt, [message], result, wait=timedelta(seconds=1))


def test_a_kept_answer_is_stored_and_its_file_goes(attempt: SendAttempt) -> None:
    path = keep(attempt)
    assert path.stat().st_mode & 0o777 == 0o600
    assert spool.replay() == 1
    message = Message.objects.get()
    assert (message.status, message.external_id) == ("accepted", "tid_1")
    attempt.refresh_from_db()
    assert (attempt.request_id, attempt.response_body) == ("aps_1", '{"status": 200}')
    assert not list(path.parent.iterdir())
    assert spool.replay() == 0


def test_it_settles_what_recovery_has_called_unconfirmed(attempt: SendAttempt) -> None:
    keep(attempt)
    Message.objects.update(lease_until=timezone.now())
    dispatch.sweep()
    assert Message.objects.get().status == "unconfirmed"
    spool.replay()
    assert Message.objects.get().status == "accepted"


def test_it_does_not_touch_what_somebody_has_sent_again(attempt: SendAttempt) -> None:
    keep(attempt)
    Message.objects.update(claim=uuid.uuid4())
    spool.replay()
    message = Message.objects.get()
    assert (message.status, message.external_id) == ("sending", "")


def test_a_file_that_cannot_be_read_is_set_aside(attempt: SendAttempt) -> None:
    path = keep(attempt)
    path.write_text("{")
    assert spool.replay() == 0
    assert [one.suffix for one in path.parent.iterdir()] == [".unreadable"]
    assert Message.objects.get().status == "sending"


def test_a_refusal_that_lay_there_says_nothing_of_the_account_now(attempt: SendAttempt) -> None:
    message = attempt.messages.get()
    refused = SendResult((RecipientResult(str(message.ref), Outcome.BLOCKED, text="Unauthorized"),), "")
    spool.keep(attempt, [message], refused, wait=timedelta(seconds=1))
    Message.objects.update(attempt_count=1)
    ProviderAccount.objects.update(health="working")  # a new key was entered, and tested
    spool.replay()
    assert ProviderAccount.objects.get().health == "working"
    assert Message.objects.get().status == "queued"


def test_it_brings_nothing_back_of_a_person_who_was_erased(attempt: SendAttempt) -> None:
    keep(attempt)
    Message.objects.update(lease_until=timezone.now())
    dispatch.sweep()
    erase(Contact.objects.get(), reason="Asked for it by letter.", actor=None)
    assert spool.replay() == 1
    message = Message.objects.get()
    attempt.refresh_from_db()
    assert (message.status, message.external_id) == ("unconfirmed", "")
    assert (attempt.request_url, attempt.request_body, attempt.response_body) == ("", "", "")
    assert not list(Path(settings.SPOOL_DIR).iterdir())


def test_a_wish_to_wait_that_lay_there_is_over(attempt: SendAttempt, monkeypatch: pytest.MonkeyPatch) -> None:
    message = attempt.messages.get()
    Message.objects.update(attempt_count=1)
    StreamGate.objects.create(stream=attempt.stream, somebody_waits=True)
    busy = SendResult((RecipientResult(str(message.ref), Outcome.RETRY, code="throttled"),), "")
    with monkeypatch.context() as away:
        away.setattr(spool, "_surely", lambda record, keep: keep())  # as if the database did not come back
        spool.record_surely(attempt, [message], busy, wait=timedelta(hours=1), retry_after=3600)
    spool.replay()
    gate = StreamGate.objects.get()
    assert (gate.paused_until, gate.somebody_waits) == (None, False)


def test_what_is_stored_late_takes_no_conversation_back_to_where_it_was(attempt: SendAttempt) -> None:
    message = attempt.messages.get()
    taken = RecipientResult(str(message.ref), Outcome.ACCEPTED, conversation_id="3")
    spool.keep(attempt, [message], SendResult((taken,), ""), wait=timedelta(seconds=1))
    Message.objects.update(lease_until=timezone.now())
    dispatch.sweep()
    factories.make_message(message.conversation, direction="in")
    Conversation.objects.update(external_id="4")
    spool.replay()
    message.refresh_from_db()
    assert (message.status, message.conversation.external_id) == ("accepted", "4")
