"""What is kept no longer: words, files and raw records past the days that their stream keeps them, and lost uploads.

Rows stay, without content, so that reports and histories still add up. Everything is done in sets of a few thousand
rows, each a transaction with its own entry in the audit, so that nobody waits for it and it may stop at any moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pgtrigger
from django.conf import settings
from django.db import transaction
from django.db.models import Model, Q, QuerySet

from conversations.models import (
    Activity,
    Attachment,
    AttemptResult,
    Campaign,
    CampaignChunk,
    CampaignRecipient,
    Conversation,
    Draft,
    Message,
    ProviderAccount,
    Receipt,
    RefusedCall,
    SendAttempt,
    Stream,
    WebhookEvent,
)
from conversations.models.audit import AuditAction
from conversations.models.message import UNSETTLED, MessageStatus
from conversations.models.webhook import WebhookEventStatus
from conversations.services import audit, erased_records, idempotency, signed_in
from conversations.services.outgoing import upkeep as outgoing

AT_ONCE = 2000
UPLOADS_KEPT = timedelta(days=7)  # what was uploaded and belongs to no message by then was never sent
STRAYS_KEPT = timedelta(days=1)  # a file without a row may belong to a transaction that has not committed
BETWEEN_PASSES = timedelta(hours=6)
UNREAD = (WebhookEventStatus.RECEIVED, WebhookEventStatus.PARKED)
_NO_WORDS: dict[str, Any] = {"body": "", "template_values": {}, "rendered": {}, "verdict": {}, "failure_text": ""}
_HAS_WORDS = ~Q(body="") | ~Q(template_values={}) | ~Q(rendered={}) | ~Q(failure_text="")


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of thing on one stream (or account) that is too old: what it is called, its rows, how they go."""

    words: str
    about: Model
    rows: QuerySet[Any]
    empty: Callable[[list[int]], None]

    def run_once(self) -> int:
        """Empty one set of rows, in one transaction; returns how many."""
        with transaction.atomic(), pgtrigger.ignore("conversations.Message:message_content"):
            ids = list(self.rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
            if ids:
                self.empty(ids)
                summary = f"{len(ids)} {self.words}."
                audit.record(AuditAction.EMPTIED, actor=None, subject=self.about, summary=summary)
        return len(ids)


def rules(at: datetime) -> Iterator[Rule]:
    """Everything that may be too old at a moment, stream by stream."""
    for stream in Stream.objects.select_related("account").defer("account__credentials").order_by("pk"):
        if stream.keeps_words_for:
            yield from _words(stream, at - timedelta(days=stream.keeps_words_for))
        if stream.keeps_files_for:
            yield from _files(stream, at - timedelta(days=stream.keeps_files_for))
        if stream.keeps_records_for:
            yield from _records(stream, at - timedelta(days=stream.keeps_records_for))
    for account in ProviderAccount.objects.defer("credentials").order_by("pk"):
        days = list(account.streams.values_list("keeps_records_for", flat=True))
        # What names no stream of the account is kept as long as the most patient of them says.
        if days and all(days):
            yield from _calls(account, None, at - timedelta(days=max(day for day in days if day)))


def _words(stream: Stream, before: datetime) -> Iterator[Rule]:
    messages = Message.objects.filter(_HAS_WORDS, stream=stream, created_at__lt=before)
    yield Rule("texts of messages", stream, messages.exclude(status__in=(*UNSETTLED, MessageStatus.DRAFT)), _no_words)
    conversations = Conversation.objects.filter(stream=stream, last_message_at__lt=before)
    yield Rule(
        "first lines of conversations",
        stream,
        conversations.exclude(last_message_preview=""),
        lambda ids: _update(Conversation, ids, last_message_preview=""),
    )
    done = Activity.objects.filter(~Q(text=""), conversation__stream=stream, occurred_at__lt=before)
    yield Rule("remarks and notes", stream, done, lambda ids: _update(Activity, ids, text=""))
    drafts = Draft.objects.filter(conversation__stream=stream, updated_at__lt=before)
    yield Rule("drafts", stream, drafts, lambda ids: _delete(Draft, ids))
    ended = Campaign.objects.filter(stream=stream, ended_at__lt=before).values("pk")
    listed = CampaignRecipient.objects.filter(~Q(fields={}) | ~Q(given=""), campaign__in=ended)
    yield Rule(
        "rows of lists", stream, listed, lambda ids: _update(CampaignRecipient, ids, fields={}, given="", reason="")
    )
    chunks = CampaignChunk.objects.filter(campaign__in=ended).exclude(payload=[])
    yield Rule("parts of campaigns", stream, chunks, lambda ids: _update(CampaignChunk, ids, payload=[], rest=[]))


def _no_words(ids: list[int]) -> None:
    for message in Message.objects.filter(pk__in=ids).exclude(media=[]).only("media"):
        Message.objects.filter(pk=message.pk).update(
            media=[{name: one[name] for name in ("kind", "attachment") if name in one} for one in message.media]
        )
    _update(Message, ids, **_NO_WORDS)


def _files(stream: Stream, before: datetime) -> Iterator[Rule]:
    old = Attachment.objects.filter(stream=stream, message__isnull=False, created_at__lt=before)

    def remove(ids: list[int]) -> None:
        found = Attachment.objects.filter(pk__in=ids)
        erased_records.erase_files(found, why=f"Removed after {stream.keeps_files_for} days.")

    yield Rule("files", stream, old.exclude(filename="", stored_as="", link=""), remove)


def _records(stream: Stream, before: datetime) -> Iterator[Rule]:
    tried = SendAttempt.objects.filter(stream=stream, finished_at__lt=before)
    told = ~Q(request_body="") | ~Q(response_body="") | ~Q(request_url="")
    yield Rule(
        "requests", stream, tried.filter(told), lambda ids: _update(SendAttempt, ids, **erased_records.NO_RECORD)
    )
    results = AttemptResult.objects.filter(~Q(text=""), message__stream=stream, message__created_at__lt=before)
    yield Rule("answers", stream, results, lambda ids: _update(AttemptResult, ids, text=""))
    reports = Receipt.objects.filter(~Q(text="") | ~Q(phone=""), message__stream=stream, received_at__lt=before)
    yield Rule("reports", stream, reports, lambda ids: _update(Receipt, ids, text="", phone=""))
    yield from _calls(stream.account, stream, before)


def _calls(account: ProviderAccount, stream: Stream | None, before: datetime) -> Iterator[Rule]:
    about: Model = stream or account
    calls = WebhookEvent.objects.filter(account=account, stream=stream, received_at__lt=before)
    calls = calls.exclude(status__in=UNREAD).exclude(body=b"")
    yield Rule("calls", about, calls, lambda ids: _update(WebhookEvent, ids, **erased_records.NO_CALL))
    refused = RefusedCall.objects.filter(account=account, stream=stream, last_received_at__lt=before)
    yield Rule("refused calls", about, refused, lambda ids: _delete(RefusedCall, ids))


def _update(model: type[Model], ids: list[int], **values: Any) -> None:
    model._default_manager.filter(pk__in=ids).update(**values)


def _delete(model: type[Model], ids: list[int]) -> None:
    model._default_manager.filter(pk__in=ids).delete()


# --- Uploads that nothing uses ----------------------------------------------------------------------------------


def remove_orphans(at: datetime) -> int:
    """Remove uploads that were never sent, and files on the disk that no row names; returns how many files."""
    removed = 0
    for one in Attachment.objects.filter(message=None, created_at__lt=at - UPLOADS_KEPT).order_by("pk")[:AT_ONCE]:
        wanted = [{"attachment": str(one.ref)}]
        if Message.objects.filter(media__contains=wanted).exists():
            continue
        if Campaign.objects.filter(media__contains=wanted).exists():
            continue
        stored_as = one.stored_as
        one.delete()
        erased_records.remove_from_disk([stored_as] if stored_as else [])
        removed += 1
    return removed + _remove_strays(at)


def _remove_strays(at: datetime) -> int:
    strays = [
        path
        for path in Path(settings.ATTACHMENTS_DIR).glob("??/*")
        if path.is_file() and path.stat().st_mtime < (at - STRAYS_KEPT).timestamp()
    ]
    names = {f"{path.parent.name}/{path.name}": path for path in strays}
    known = set(Attachment.objects.filter(stored_as__in=names).values_list("stored_as", flat=True))
    known |= {str(one) for one in Campaign.objects.exclude(task={}).values_list("task__file", flat=True)}
    for name, path in names.items():
        if name not in known:
            path.unlink(missing_ok=True)
    return len(names.keys() - known)


# --- The pass of the dispatcher ---------------------------------------------------------------------------------

_next_pass: datetime | None = None


def sweep(at: datetime) -> None:
    """One set of rows, as long as there are any; then nothing for some hours. Called by the dispatcher's leader."""
    global _next_pass
    if _next_pass is not None and at < _next_pass:
        return
    if any(rule.run_once() for rule in rules(at)):
        return
    remove_orphans(at)
    signed_in.forget_ended(at)
    idempotency.forget_old(at)
    if outgoing.forget_old(at):
        return
    _next_pass = at + BETWEEN_PASSES


def run(at: datetime, *, dry_run: bool = False, pause: float = 0.0) -> Iterator[tuple[Rule, int]]:
    """Do all of it, telling each rule and its number as it goes; with `dry_run` only count."""
    for rule in rules(at):
        if dry_run:
            yield rule, rule.rows.count()
            continue
        count = 0
        while done := rule.run_once():
            count += done
            time.sleep(pause)
        yield rule, count
