"""What is older than its stream keeps it goes, and nothing else does."""

from __future__ import annotations

import io
import json
import os
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from conversations.models import (
    Activity,
    Attachment,
    AuditEntry,
    Campaign,
    Conversation,
    Message,
    MessageSearch,
    RefusedCall,
    SendAttempt,
    Stream,
    WebhookEvent,
)
from conversations.services import attachment_files, dispatch, retention
from tests import factories

pytestmark = pytest.mark.django_db

NOW = timezone.now()
OLD, YOUNG = NOW - timedelta(days=40), NOW - timedelta(days=10)


@pytest.fixture(autouse=True)
def _own_ground(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ATTACHMENTS_DIR = str(tmp_path)
    monkeypatch.setattr(retention, "_next_pass", None)


def talk_on(stream: Stream, at: Any) -> Conversation:
    """A conversation of that age with a message, a remark, a file and a request."""
    found = factories.make_conversation(stream, last_message_preview="Hello", last_message_at=at)
    message = factories.make_message(found, direction="in", body="Here is my meter", media=[{"filename": "a.jpg"}])
    stored_as = attachment_files.store(b"a picture")
    file = Attachment.objects.create(
        stream=stream, message=message, kind="image", filename="a.jpg", status="kept", stored_as=stored_as
    )
    remark = Activity.objects.create(conversation=found, kind="remark", text="Nice person", occurred_at=at)
    SendAttempt.objects.create(
        stream=stream, claim=uuid.uuid4(), started_at=at, finished_at=at, request_body="{}", response_body="{}"
    )
    for status in ("processed", "received"):
        WebhookEvent.objects.create(
            account=stream.account, stream=stream, key=uuid.uuid4().hex, body=b"{}", status=status, received_at=at
        )
    RefusedCall.objects.create(
        account=stream.account,
        stream=stream,
        key=uuid.uuid4().hex,
        status=403,
        reason="No",
        body=b"{}",
        received_at=at,
        last_received_at=at,
    )
    Message.objects.filter(pk=message.pk).update(created_at=at)
    Attachment.objects.filter(pk=file.pk).update(created_at=at)
    Activity.objects.filter(pk=remark.pk).update(occurred_at=at)
    return found


def left_of(talk: Conversation) -> dict[str, Any]:
    talk.refresh_from_db()
    message = talk.messages.get()
    return {
        "words": (message.body, talk.last_message_preview, talk.activities.get().text),
        "searched": MessageSearch.objects.filter(message=message).exists(),
        "file": bool(message.attachments.get().stored_as),
        "request": talk.stream.attempts.filter(started_at=talk.last_message_at).get().request_body,
        "calls": {
            status: bytes(body)
            for status, body in WebhookEvent.objects.filter(
                received_at=talk.last_message_at, stream=talk.stream
            ).values_list("status", "body")
        },
        "refused": RefusedCall.objects.filter(received_at=talk.last_message_at, stream=talk.stream).count(),
    }


WHOLE = {
    "words": ("Here is my meter", "Hello", "Nice person"),
    "searched": True,
    "file": True,
    "request": "{}",
    "calls": {"processed": b"{}", "received": b"{}"},
    "refused": 1,
}
EMPTY = {
    "words": ("", "", ""),
    "searched": False,
    "file": False,
    "request": "",
    "calls": {"processed": b"", "received": b"{}"},
    "refused": 0,
}
EVERYTHING = {"keeps_words_for": 30, "keeps_files_for": 30, "keeps_records_for": 30}


@pytest.mark.django_db(transaction=True)
def test_each_stream_keeps_its_own_time(tmp_path: Path) -> None:
    keeps, keeps_not = factories.make_stream(), factories.make_stream(**EVERYTHING)
    kept, old, young = talk_on(keeps, OLD), talk_on(keeps_not, OLD), talk_on(keeps_not, YOUNG)
    told = io.StringIO()
    call_command("retention", "--dry-run", stdout=told)
    assert "would be emptied" in told.getvalue()
    assert left_of(old) == WHOLE
    call_command("retention", "--json", stdout=(told := io.StringIO()))
    counts = {one["what"]: one["count"] for one in json.loads(told.getvalue())["emptied"]}
    assert counts["texts of messages"] == counts["files"] == counts["requests"] == 1
    assert (left_of(kept), left_of(old), left_of(young)) == (WHOLE, EMPTY, WHOLE)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2
    entries = AuditEntry.objects.filter(action="emptied")
    assert set(entries.values_list("subject", flat=True)) == {str(keeps_not)}
    assert "1 texts of messages." in entries.values_list("summary", flat=True)
    call_command("retention", "--json", stdout=(told := io.StringIO()))
    assert sum(one["count"] for one in json.loads(told.getvalue())["emptied"]) == 0


@pytest.mark.parametrize("only", EVERYTHING)
def test_each_kind_goes_by_itself(only: str) -> None:
    talk = talk_on(factories.make_stream(**{only: 30}), OLD)
    call_command("retention", stdout=io.StringIO())
    parts = {
        "keeps_words_for": {"words", "searched"},
        "keeps_files_for": {"file"},
        "keeps_records_for": {"request", "calls", "refused"},
    }[only]
    assert left_of(talk) == {name: (EMPTY if name in parts else WHOLE)[name] for name in WHOLE}


@pytest.mark.parametrize("status", ["scheduled", "queued", "unconfirmed"])
def test_what_waits_keeps_its_words(status: str) -> None:
    stream = factories.make_stream(**EVERYTHING)
    message = factories.make_message(
        factories.make_conversation(stream), status=status, scheduled_for=NOW + timedelta(days=1)
    )
    Message.objects.filter(pk=message.pk).update(created_at=OLD)
    call_command("retention", stdout=io.StringIO())
    message.refresh_from_db()
    assert message.body == "Hello"


def test_the_dispatcher_goes_set_by_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    stream = factories.make_stream(keeps_words_for=30)
    conversation = factories.make_conversation(stream)
    for _ in range(5):
        factories.make_message(conversation)
    Message.objects.update(created_at=OLD)
    left = []
    for _ in range(4):
        dispatch.sweep(NOW)
        left.append(Message.objects.exclude(body="").count())
    assert left == [3, 1, 0, 0]
    factories.make_message(conversation)
    Message.objects.update(created_at=OLD)
    dispatch.sweep(NOW + timedelta(hours=1))
    assert Message.objects.exclude(body="").count() == 1
    dispatch.sweep(NOW + timedelta(hours=7))
    assert Message.objects.exclude(body="").count() == 0


def test_uploads_that_nothing_uses_go(tmp_path: Path) -> None:
    stream = factories.make_stream()

    def upload(**fields: Any) -> Attachment:
        stored_as = attachment_files.store(b"a picture")
        made = Attachment.objects.create(stream=stream, kind="image", status="kept", stored_as=stored_as, **fields)
        Attachment.objects.filter(pk=made.pk).update(created_at=OLD)
        return made

    lost, sent, planned, fresh = upload(), upload(), upload(), upload()
    Attachment.objects.filter(pk=fresh.pk).update(created_at=NOW)
    factories.make_message(factories.make_conversation(stream), media=[{"attachment": str(sent.ref)}])
    Campaign.objects.create(name="Visits", stream=stream, media=[{"attachment": str(planned.ref)}])
    stray, list_file, young = (attachment_files.store(b"no row") for _ in range(3))
    Campaign.objects.create(name="Read", stream=stream, status="checking", task={"file": list_file, "name": "a.csv"})
    for name in (stray, list_file):
        os.utime(tmp_path / name, (OLD.timestamp(), OLD.timestamp()))
    assert retention.remove_orphans(NOW) == 2
    assert set(Attachment.objects.values_list("pk", flat=True)) == {sent.pk, planned.pk, fresh.pk}
    there = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert there == {sent.stored_as, planned.stored_as, fresh.stored_as, list_file, young}
    assert lost.stored_as not in there
