"""A write that a program repeats is done once: what it was answered first is what it is answered again.

The write and its answer are stored in one transaction, under a lock of the key alone. So a lost process leaves
either both or neither, and of twenty who post the same at once one is served. Only what waits for a provider has no
transaction around it (docs/decisions/0030).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from conversations.models import ApiKey, Conversation, IdempotentRequest

KEPT_FOR = timedelta(days=7)
LONGEST_KEY = 200


class Answer(NamedTuple):
    """What a request was answered; `is_replay` says that nothing was done this time."""

    status: int
    body: str
    is_replay: bool = False


def fingerprint_of(method: str, path: str, content_type: str, body: bytes) -> str:
    """What two requests have to have in common to be the same one: 64 hexadecimal digits."""
    parts = (method.encode(), path.encode(), content_type.encode(), body)
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def once(api_key: ApiKey, key: str, fingerprint: str, act: Callable[[], Answer], *, waits: bool = False) -> Answer:
    """Do `act`, or give the answer that it had before under this key.

    An answer from 400 on stored nothing, and is not kept: the key is free again. `waits` says that it asks a provider:
    no transaction is open then, and it commits what it stores by itself. Raises ValidationError: `key_reused` for
    another request under the key of one that was done, `under_way` while another is being done.
    """
    with (_locked if waits else _in_one_transaction)(_lock_of(api_key, key)) as is_alone:
        if not is_alone:
            raise ValidationError(
                "A request with this Idempotency-Key is being worked on. Wait a moment and send it again.",
                code="under_way",
            )
        first = IdempotentRequest.objects.filter(api_key=api_key, key=key).first()
        if first is not None:
            if first.fingerprint != fingerprint:
                raise ValidationError(
                    "This Idempotency-Key was used for another request. Use a new one.", code="key_reused"
                )
            return Answer(first.status, first.body, is_replay=True)
        answer = act()
        if answer.status >= 400:
            if not waits:
                transaction.set_rollback(True)
            return answer
        IdempotentRequest.objects.create(
            api_key=api_key,
            key=key,
            fingerprint=fingerprint,
            status=answer.status,
            body=answer.body,
            conversation_id=_conversation_of(answer.body),
        )
    return answer


def forget_old(at: datetime) -> int:
    """Delete what is older than a week; returns how many rows."""
    return IdempotentRequest.objects.filter(created_at__lt=at - KEPT_FOR).delete()[0]


def _lock_of(api_key: ApiKey, key: str) -> int:
    name = hashlib.sha256(f"{api_key.pk}:{key}".encode()).digest()
    return int.from_bytes(name[:8], "big", signed=True)


@contextmanager
def _in_one_transaction(lock: int) -> Iterator[bool]:
    """A transaction; is it the only one with the lock, which ends with it?"""
    with transaction.atomic():
        yield _ask("SELECT pg_try_advisory_xact_lock(%s)", lock)


@contextmanager
def _locked(lock: int) -> Iterator[bool]:
    """Does this connection alone have the lock? It is kept until the end, whatever is committed meanwhile."""
    is_alone = _ask("SELECT pg_try_advisory_lock(%s)", lock)
    try:
        yield is_alone
    finally:
        if is_alone:
            _ask("SELECT pg_advisory_unlock(%s)", lock)


def _ask(question: str, lock: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, [lock])
        return bool(cursor.fetchone()[0])


def _conversation_of(body: str) -> int | None:
    """The conversation that an answer names as its own, where there is one."""
    told = json.loads(body) if body else None
    named = told.get("conversation") if isinstance(told, dict) else None
    return named if isinstance(named, int) and Conversation.objects.filter(pk=named).exists() else None
