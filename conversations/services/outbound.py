"""Sending: claim, connect, on the wire, answer, outcome (docs/architecture.md, The life of a message).

Two commits stand around the wire. The first claims rows under a lease; the second, after the connection stands
and before the first byte is written, says that they are on the wire. A worker that dies before the second has
sent nothing, one that dies after it may have: that is all that recovery needs to know.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction

from conversations.models import AttemptResult, Message, SendAttempt
from conversations.models.message import Kind
from conversations.models.message import MessageStatus as Status
from conversations.services import consent, dispatch, lifecycle, pacing, spool, statements
from conversations.services.accounts import provider_for
from conversations.services.clock import database_now
from conversations.services.envelope import outbound_message
from conversations.services.exchange import Fenced, exchange
from conversations.services.gate import Verdict, verdict_on
from conversations.services.mirror import opening
from messaging.types import Outcome

logger = logging.getLogger(__name__)

REFUSED_BY_THE_DATABASE = ("CC002", "CC003")  # opted out, no longer valid (models/triggers.py)


@dataclass(slots=True)
class Batch:
    """Messages that one worker has claimed for one request."""

    attempt: SendAttempt
    messages: Sequence[Message]
    tries: int  # with this one, whatever became of them


def deliver(message_ids: Sequence[int]) -> None:
    """Send these messages as far as they are due; harmless when called twice, late, or at once by two workers.

    Messages of one stream and text (or WhatsApp templates) travel in one request where the provider allows it.
    Never raises for a provider's fault: what happened is on the rows.
    """
    if not spool.has_room():
        logger.error("The disk of SPOOL_DIR is full: this host sends nothing, since an answer could be lost.")
        return
    for ids in _groups(message_ids):
        batch = _claim_as_permitted(ids)
        if batch is not None:
            _send(batch)
    dispatch.hint_next_after(message_ids)


def _groups(message_ids: Sequence[int]) -> list[list[int]]:
    """The ids in groups that can share a request: same stream, same kind, same text, no number twice."""
    if len(message_ids) == 1:
        return [list(message_ids)]
    groups: list[list[int]] = []
    keys: list[tuple[object, ...]] = []
    phones: list[set[str]] = []
    rows = (
        Message.objects.due(database_now())
        .filter(pk__in=message_ids)
        .select_related("stream__account", "conversation__contact")
    )
    for message in rows.order_by("queued_at", "id"):
        limit = message.stream.limits(message.kind).recipients_per_request
        text = "" if message.kind == Kind.TEMPLATE else message.body
        key = (message.stream_id, message.kind, text, message.valid_until)
        phone = message.conversation.contact.phone
        for index, known in enumerate(keys):
            if known == key and len(groups[index]) < limit and phone not in phones[index]:
                groups[index].append(message.pk)
                phones[index].add(phone)
                break
        else:
            groups.append([message.pk])
            keys.append(key)
            phones.append({phone})
    return groups


def _claim_as_permitted(ids: Sequence[int]) -> Batch | None:
    """Claim; when the database knew of an opt-out that came since the gate was asked, ask it again."""
    try:
        return _claim(ids)
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") not in REFUSED_BY_THE_DATABASE:
            raise
        return _claim(ids)


def _claim(ids: Sequence[int]) -> Batch | None:
    """Take the due messages among `ids` under a lease, in one commit, with their attempt."""
    claim = uuid.uuid4()
    with transaction.atomic():
        # Locking the conversations first lets two workers see each other's claims in one conversation.
        now = statements.lock_conversations(ids)
        due = statements.lock_due(ids, at=now) if now is not None else {}
        if now is None or not due:
            return None
        messages = [one for one in statements.read_messages(due) if not _is_stopped_here(one, now)]
        if not messages:
            return None
        if opening.is_awaited(messages[0], now):
            Message.objects.filter(pk=messages[0].pk).update(next_attempt_at=now + opening.LOOK_AGAIN)
            return None
        if not _may_leave_now(messages, now):
            return None
        lifecycle.move(
            messages,
            Status.SENDING,
            come_from=(Status.QUEUED,),
            claim=claim,
            lease_until=now + timedelta(seconds=settings.DELIVERY_LEASE_SECONDS),
            on_wire_at=None,
            counting="attempt_count",
        )
        attempt = statements.begin_attempt(messages, claim=claim, at=now)
    for message in messages:
        message.claim, message.status = claim, Status.SENDING
        message.attempt_count += 1
    return Batch(attempt, messages, tries=1 + due[messages[0].pk])


def _may_leave_now(messages: Sequence[Message], now: datetime) -> bool:
    """Ask the stream's gate for one request; whoever is turned away learns when to ask again."""
    gate = pacing.lock(messages[0].stream)
    is_bulk = len(messages) > 1
    if not is_bulk and not pacing.has_place(gate, at=now):
        return False
    has_waited = all(message.next_attempt_at is not None for message in messages)
    wait_until = pacing.admit(gate, at=now, has_waited=has_waited, is_bulk=is_bulk)
    if wait_until is not None:
        Message.objects.filter(pk__in=[message.pk for message in messages]).update(next_attempt_at=wait_until)
    return wait_until is None


def _is_stopped_here(message: Message, now: datetime) -> bool:
    """Look again at the moment of sending: expire or fail what may no longer leave."""
    if message.valid_until is not None and message.valid_until <= now:
        lifecycle.move(
            [message],
            Status.EXPIRED,
            come_from=(Status.QUEUED,),
            reason="Its validity ended before it could leave",
            failure_code="expired",
            failure_text="Its validity ended before it could leave.",
        )
        return True
    verdict = verdict_on(message, at=now, author=message.author)
    if verdict.ok:
        _keep_verdict(message, verdict, now)
        return False
    if verdict.until is not None:
        # The customer's night: it leaves in the morning, by itself, and meanwhile holds up no other.
        Message.objects.filter(pk=message.pk).update(
            next_attempt_at=verdict.until,
            queued_at=verdict.until,
            failure_code=verdict.code,
            failure_text=verdict.sentence,
        )
    elif verdict.code == "window_closed":
        lifecycle.move(
            [message],
            Status.HELD,
            come_from=(Status.QUEUED,),
            reason=verdict.sentence,
            held_for="window",
            failure_code=verdict.code,
            failure_text=verdict.sentence,
        )
    else:
        lifecycle.move(
            [message],
            Status.FAILED,
            come_from=(Status.QUEUED,),
            reason=verdict.sentence,
            failure_code=verdict.code,
            failure_text=verdict.sentence,
        )
    return True


def _keep_verdict(message: Message, verdict: Verdict, now: datetime) -> None:
    """What the message was permitted by when it was written may have been replaced: keep what it leaves by."""
    if message.verdict.get("opt_in") != verdict.opt_in:
        message.verdict = verdict.as_json(at=now)
        Message.objects.filter(pk=message.pk).update(verdict=message.verdict)


def _send(batch: Batch) -> None:
    """One request for a claimed batch, and its outcome on the rows."""
    stream = batch.messages[0].stream
    provider = provider_for(stream.account)
    try:
        done = exchange(
            provider,
            lambda: provider.plan(outbound_message(batch.messages), stream.config),
            refs=[str(message.ref) for message in batch.messages],
            put_on_wire=lambda: _put_on_wire(batch),
        )
    except Fenced as fence:
        logger.info("Attempt %s was fenced: %s", batch.attempt.pk, fence)
        _give_back(batch)
        return
    done.describe(batch.attempt)
    wait = _wait(batch, done.retry_after)
    spool.record_surely(batch.attempt, batch.messages, done.result, wait=wait, retry_after=done.retry_after)


def _put_on_wire(batch: Batch) -> None:
    """The second commit: runs between connect and the first byte. Raises Fenced when nothing may be written."""
    ids = [message.pk for message in batch.messages]
    with transaction.atomic():
        for phone in sorted(message.conversation.contact.phone for message in batch.messages):
            consent.number_lock(phone, shared=True)
        now = database_now()  # only here: waiting for the locks took time
        enough_lease = now + timedelta(seconds=settings.DELIVERY_TOTAL_SECONDS + settings.DELIVERY_MARGIN_SECONDS)
        for message in batch.messages:
            verdict = verdict_on(message, at=now)
            if not verdict.ok:
                raise Fenced(verdict.code)
        if not statements.mark_on_wire(batch.attempt, ids, at=now, lease_beyond=enough_lease):
            raise Fenced("the claim is over")
    batch.attempt.on_wire_at = now
    for message in batch.messages:
        message.on_wire_at = now


def _give_back(batch: Batch) -> None:
    """Nothing was written: the rows of this claim are queued again, and the next claim finds out why not."""
    now = database_now()
    stream = batch.attempt.stream
    with transaction.atomic():
        AttemptResult.objects.filter(attempt=batch.attempt).update(outcome=Outcome.RETRY.value, code="fenced")
        SendAttempt.objects.filter(pk=batch.attempt.pk).update(finished_at=now)
        lifecycle.move(
            batch.messages,
            Status.QUEUED,
            come_from=(Status.SENDING,),
            of_claim=batch.attempt.claim,
            reason="Not sent: it has to be looked at again",
            claim=None,
            lease_until=None,
            on_wire_at=None,
            hinted_at=None,
            next_attempt_at=now + timedelta(seconds=1),
        )
        if pacing.let_next(stream):
            dispatch.hint_next_on_commit(stream)


def _wait(batch: Batch, retry_after: float | None) -> timedelta:
    return pacing.backoff(batch.tries) if retry_after is None else timedelta(seconds=retry_after)
