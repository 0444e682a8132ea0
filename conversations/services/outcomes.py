"""Writing down what one request came to, for each message; a late answer with the right claim counts too."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from conversations.models import Message, SendAttempt
from conversations.models.account import ProviderAccount
from conversations.models.message import MessageStatus as Status
from conversations.services import dispatch, lifecycle, lookups, pacing, receipts, sessions, statements
from conversations.services.acceptance import accept
from conversations.services.accounts import mark_credentials_refused, mark_working
from conversations.services.clock import database_now
from conversations.services.exchange import put_back
from conversations.services.opt_in_refusals import note_refusal
from messaging.registry import provider_class
from messaging.types import Outcome, RecipientResult, SendResult

logger = logging.getLogger(__name__)

NOT_AN_ATTEMPT = ("not_sent", "throttled")  # these never reached the provider, or were turned away unread


def record(
    attempt: SendAttempt,
    messages: Sequence[Message],
    result: SendResult,
    *,
    wait: timedelta,
    retry_after: float | None,
) -> None:
    """Store the outcome of an attempt in one transaction.

    `wait` is how long a message to retry waits; `retry_after` is what the provider asked for, in seconds: it
    pauses the whole stream.
    """
    now = database_now()
    with transaction.atomic():
        _store(attempt, messages, result, now=now, wait=wait)
        if pacing.note(attempt.stream, result.results, at=now, retry_after=retry_after):
            dispatch.hint_next_on_commit(attempt.stream)
    note_account(messages[0].stream.account, result)


def record_late(
    attempt: SendAttempt,
    kept: Mapping[str, Any],
    result: SendResult,
    *,
    messages: Sequence[Message],
    wait: timedelta,
) -> None:
    """Store an answer that lay on a disk, or came when its claim was over; `kept` is what went over the wire.

    It says nothing of the account, whose credentials may be others by now, nor of how fast the stream may send, and
    brings nothing back of a person whose data was erased meanwhile.
    """
    present = [message for message in messages if message.conversation.contact.erased_at is None]
    if not present:
        return
    if len(present) == len(messages):
        put_back(attempt, kept)
    with transaction.atomic():
        _store(attempt, present, result, now=database_now(), wait=wait)
        if pacing.let_next(attempt.stream):
            dispatch.hint_next_on_commit(attempt.stream)


def _store(
    attempt: SendAttempt, messages: Sequence[Message], result: SendResult, *, now: datetime, wait: timedelta
) -> None:
    by_ref = {one.ref: one for one in result.results}
    attempt.finished_at = now
    attempt.request_id = result.request_id
    statements.store_attempts([attempt])
    found = {message.pk: by_ref.get(str(message.ref)) or _missing(message) for message in messages}
    statements.store_results(attempt, found)
    for message in messages:
        _apply(attempt, message, found[message.pk], now=now, wait=wait)


def _missing(message: Message) -> RecipientResult:
    return RecipientResult(
        str(message.ref), Outcome.UNCONFIRMED, code="missing_from_answer", text="The answer does not name it."
    )


def _apply(attempt: SendAttempt, message: Message, one: RecipientResult, *, now: datetime, wait: timedelta) -> None:
    # After its lease a message is already unconfirmed; the answer of the same claim still settles it.
    claim = attempt.claim
    if one.outcome is Outcome.ACCEPTED:
        accept(message, one, come_from=(Status.SENDING, Status.UNCONFIRMED), of_claim=claim, at=now)
    elif one.outcome is Outcome.REFUSED and _speaks_for_an_earlier_try(message, one):
        lifecycle.move(
            [message],
            Status.UNCONFIRMED,
            come_from=(Status.SENDING,),
            of_claim=claim,
            reason=one.text[:300],
            lease_until=None,
            failure_code=one.code,
            failure_text=one.text,
        )
    elif one.outcome is Outcome.REFUSED:
        note_refusal(message, code=one.code, text=one.text)
        if one.code == sessions.IN_SESSION:
            sessions.note_refused(message)
        lifecycle.move(
            [message],
            Status.FAILED,
            come_from=(Status.SENDING, Status.UNCONFIRMED),
            of_claim=claim,
            reason=one.text[:300],
            lease_until=None,
            failure_code=one.code[:60] or "refused",
            failure_text=one.text,
        )
    elif one.outcome is Outcome.UNCONFIRMED:
        if lifecycle.move(
            [message],
            Status.UNCONFIRMED,
            come_from=(Status.SENDING,),
            of_claim=claim,
            reason=one.text[:300],
            lease_until=None,
            failure_code=one.code[:60] or "unconfirmed",
            failure_text=one.text,
            lookup_count=0,
            next_lookup_at=lookups.first_moment(message, at=now),
        ):
            receipts.apply_parked(message)
    else:
        _retry(message, one, claim, now=now, wait=wait)


def _speaks_for_an_earlier_try(message: Message, one: RecipientResult) -> bool:
    """Was a message that a person had sent again refused because its first try arrived? That person decides."""
    provider = provider_class(message.stream.account.provider)
    return message.release_count > 0 and one.code in provider.proofs_of_an_earlier_send


def _retry(message: Message, one: RecipientResult, claim: UUID, *, now: datetime, wait: timedelta) -> None:
    counts = one.outcome is Outcome.RETRY and one.code not in NOT_AN_ATTEMPT
    if counts and message.attempt_count >= settings.DELIVERY_ATTEMPTS:
        lifecycle.move(
            [message],
            Status.FAILED,
            come_from=(Status.SENDING,),
            of_claim=claim,
            reason=f"Gave up after {message.attempt_count} tries",
            lease_until=None,
            failure_code="gave_up",
            failure_text=one.text,
        )
        return
    lifecycle.move(
        [message],
        Status.QUEUED,
        come_from=(Status.SENDING,),
        of_claim=claim,
        reason=one.text[:300],
        claim=None,
        lease_until=None,
        on_wire_at=None,
        next_attempt_at=now + wait,
        attempt_count=message.attempt_count if counts else message.attempt_count - 1,
        failure_code=one.code[:60],
        failure_text=one.text,
    )


def note_account(account: ProviderAccount, result: SendResult) -> None:
    """Learn from an answer whether the credentials work."""
    outcomes = {one.outcome for one in result.results}
    if Outcome.BLOCKED in outcomes:
        mark_credentials_refused(account, next(one.text for one in result.results))
    elif Outcome.ACCEPTED in outcomes:
        mark_working(account)
