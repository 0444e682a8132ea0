"""What each message on its way asks of PostgreSQL, as statements that are written out or composed once a process.

Django composes each statement anew, which takes longer than PostgreSQL needs to answer it: an agent's message spent
most of its time there. Moves of a message are written by lifecycle.py, the turns of a stream by pacing.py.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Subquery, prefetch_related_objects

from conversations.models import (
    AttemptResult,
    ConsentState,
    Contact,
    Conversation,
    Message,
    OptIn,
    ProviderAccount,
    SendAttempt,
    SendingPolicy,
    Stream,
    SubStream,
    User,
)
from conversations.models.composed import Given, Joined, Question
from conversations.models.message import IN_FLIGHT, Purpose
from conversations.services.exchange import kept_of
from messaging.types import RecipientResult

# ---- The claim ----


def lock_conversations(message_ids: Sequence[int]) -> datetime | None:
    """Lock the conversations of these messages until the transaction ends; what time it is. None: there is none.

    Two workers see each other's claims in one conversation by that.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_CONVERSATIONS, [list(message_ids)])
        locked = cursor.fetchall()
    return max(at for (at,) in locked) if locked else None


_LOCK_CONVERSATIONS = """
    SELECT clock_timestamp() FROM conversations_conversation
     WHERE id IN (SELECT conversation_id FROM conversations_message WHERE id = ANY(%s))
     ORDER BY id FOR NO KEY UPDATE
"""


def lock_due(message_ids: Sequence[int], *, at: datetime) -> dict[int, int]:
    """Lock those of them that are due and come next in their conversations; how often each was tried before."""
    return {pk: tries or 0 for pk, tries in _DUE.ask(ids=message_ids, at=at)}


def _due() -> Any:
    earlier = Message.objects.filter(
        conversation=OuterRef("conversation"), status__in=IN_FLIGHT, queued_at__lt=OuterRef("queued_at")
    ).exclude(scheduled_for__isnull=False)
    made = AttemptResult.objects.filter(message=OuterRef("pk")).order_by().values("message")
    return (
        Message.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(pk__one_of=Given("ids"))
        .due(Given("at"))
        .filter(~Exists(earlier))
        .annotate(earlier_tries=Subquery(made.annotate(count=Count("pk")).values("count")))
        .only("pk")
    )


_DUE = Question(_due)


def read_messages(message_ids: Iterable[int]) -> list[Message]:
    """Messages of one stream with all that is looked at before they leave, in the order of sending."""
    with connection.cursor() as cursor:
        cursor.execute(_READ_MESSAGES, [list(message_ids)])
        rows = cursor.fetchall()
    messages = []
    stream: Stream | None = None
    for row in rows:
        message, conversation, contact, sub_stream, author = _MESSAGE.read(row)
        stream = stream or _read_stream(message.stream_id)
        message.conversation, message.stream, message.author = conversation, stream, author
        conversation.contact, conversation.sub_stream = contact, sub_stream
        if conversation.stream_id == stream.pk:
            conversation.stream = stream
        messages.append(message)
    # Few have them, and each costs PostgreSQL a longer search for the plan of every one.
    for name in ("template", "confirms"):
        if having := [one for one in messages if getattr(one, f"{name}_id") is not None]:
            prefetch_related_objects(having, name)
    return messages


_MESSAGE = Joined(message=Message, conversation=Conversation, contact=Contact, sub_stream=SubStream, author=User)
_READ_MESSAGES = f"""
    SELECT {_MESSAGE.columns}
      FROM conversations_message AS message
      JOIN conversations_conversation AS conversation ON conversation.id = message.conversation_id
      JOIN conversations_contact AS contact ON contact.id = conversation.contact_id
      LEFT JOIN conversations_substream AS sub_stream ON sub_stream.id = conversation.sub_stream_id
      LEFT JOIN conversations_user AS author ON author.id = message.author_id
     WHERE message.id = ANY(%s)
     ORDER BY message.queued_at, message.id
"""  # noqa: S608 - columns of ours


def _read_stream(pk: int) -> Stream:
    with connection.cursor() as cursor:
        cursor.execute(_READ_STREAM, [pk])
        stream, account, policy = _STREAM.read(cursor.fetchone())
    stream.account = account
    Stream._meta.get_field("policy").set_cached_value(stream, policy)
    if policy is not None:
        policy.stream = stream
    return stream


_STREAM = Joined(stream=Stream, account=ProviderAccount, policy=SendingPolicy)
_READ_STREAM = f"""
    SELECT {_STREAM.columns}
      FROM conversations_stream AS stream
      JOIN conversations_provideraccount AS account ON account.id = stream.account_id
      LEFT JOIN conversations_sendingpolicy AS policy ON policy.stream_id = stream.id
     WHERE stream.id = %s
"""  # noqa: S608 - constants of ours


def begin_attempt(messages: Sequence[Message], *, claim: UUID, at: datetime) -> SendAttempt:
    """An attempt of this session to send these messages, about to be made."""
    attempt = SendAttempt(
        stream=messages[0].stream,
        claim=claim,
        is_bulk=len(messages) > 1,
        backend_pid=connection.connection.info.backend_pid,
        started_at=at,
    )
    values: list[Any] = [
        attempt.stream_id,
        claim,
        attempt.is_bulk,
        attempt.backend_pid,
        at,
        [one.pk for one in messages],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN_ATTEMPT, values)
        (attempt.pk,) = cursor.fetchone()
    attempt._state.adding = False
    return attempt


_BEGIN_ATTEMPT = """
    WITH attempt AS (
        INSERT INTO conversations_sendattempt
               (stream_id, claim, is_bulk, backend_pid, started_at,
                operation, request_id, request_method, request_url, request_body, response_body)
        VALUES (%s, %s, %s, %s, %s, '', '', '', '', '', '')
        RETURNING id
    ), result AS (
        INSERT INTO conversations_attemptresult (attempt_id, message_id, on_wire, outcome, external_id, code, text)
        SELECT attempt.id, message, false, '', '', '', '' FROM attempt, unnest(%s) AS message
    )
    SELECT id FROM attempt
"""

# ---- What the customer decided ----


def decision_on_record(
    phone: str, channel: str, *, stream: Stream | None, purpose: str
) -> tuple[str, OptIn | None] | None:
    """What was decided about a purpose on a stream (None: on the channel), with its entry; None where nothing was."""
    found = _DECISION[purpose].ask(
        phone=phone,
        channel=channel,
        stream=stream.pk if stream else _NO_STREAM,
        brand=stream.business_name if stream else "",
    )
    if not found:
        return None
    decision, entry = found[0]
    return decision, _read_entry(entry) if entry is not None else None


_NO_STREAM = 0  # the id of none


def _decision(purpose: str) -> Question:
    def compose() -> Any:
        states = ConsentState.objects.applying(
            phone=Given("phone"), channel=Given("channel"), stream=Given("stream"), brand=Given("brand")
        )
        return states.deciding(purpose).values_list(purpose, f"{purpose}_from")[:1]

    return Question(compose)


_DECISION = {str(purpose): _decision(purpose) for purpose in Purpose}


def _read_entry(pk: int) -> OptIn:
    with connection.cursor() as cursor:
        cursor.execute(_READ_ENTRY, [pk])
        entry, entry.recorded_by = _ENTRY.read(cursor.fetchone())
    return entry


_ENTRY = Joined(entry=OptIn, recorder=User)
_READ_ENTRY = f"""
    SELECT {_ENTRY.columns}
      FROM conversations_optin AS entry
      LEFT JOIN conversations_user AS recorder ON recorder.id = entry.recorded_by_id
     WHERE entry.id = %s
"""  # noqa: S608 - columns of ours


def decisions_on_record(phones: Iterable[str], channel: str, *, stream: Stream, purpose: str) -> dict[str, str]:
    """What was decided about a purpose on a stream, by number."""
    brand = stream.business_name
    return dict(_DECISIONS[purpose].ask(phones=",".join(phones), channel=channel, stream=stream.pk, brand=brand))


def _decisions(purpose: str) -> Question:
    def compose() -> Any:
        states = ConsentState.objects.applying_to_all(
            channel=Given("channel"), stream=Given("stream"), brand=Given("brand")
        )
        youngest = states.deciding(purpose).order_by("phone", F(f"{purpose}_from").desc(nulls_last=True))
        return youngest.filter(phone__any_of=Given("phones")).distinct("phone").values_list("phone", purpose)

    return Question(compose)


_DECISIONS = {str(purpose): _decisions(purpose) for purpose in Purpose}

# ---- On the wire ----


def mark_on_wire(attempt: SendAttempt, message_ids: Sequence[int], *, at: datetime, lease_beyond: datetime) -> bool:
    """Note that all messages of an attempt are on the wire; False when its claim is over, or will be too soon."""
    values: list[Any] = [at, list(message_ids), attempt.claim, lease_beyond, at, at, attempt.pk, attempt.pk]
    with connection.cursor() as cursor:
        cursor.execute(_MARK_ON_WIRE, values)
        (marked,) = cursor.fetchone()
    return bool(marked == len(message_ids))


_MARK_ON_WIRE = """
    WITH message AS (
        UPDATE conversations_message SET on_wire_at = %s
         WHERE id = ANY(%s) AND claim = %s AND status = 'sending' AND lease_until > %s
           AND (valid_until IS NULL OR valid_until > %s)
        RETURNING id
    ), attempt AS (
        UPDATE conversations_sendattempt SET on_wire_at = %s WHERE id = %s
    ), result AS (
        UPDATE conversations_attemptresult SET on_wire = true WHERE attempt_id = %s
    )
    SELECT count(*) FROM message
"""

# ---- The outcome ----


def store_attempts(attempts: Collection[SendAttempt]) -> None:
    """Store what requests came to.

    One JSON value carries all of it: in an array psycopg escapes every quotation mark of every body, twice.
    """
    kept = [
        {
            "id": one.pk,
            "request_id": one.request_id,
            "finished_at": one.finished_at.isoformat() if one.finished_at else None,
            **kept_of(one),
        }
        for one in attempts
    ]
    if kept:
        with connection.cursor() as cursor:
            cursor.execute(_STORE_ATTEMPTS, [json.dumps(kept)])


_STORE_ATTEMPTS = """
    UPDATE conversations_sendattempt AS attempt
       SET operation = given.operation, http_status = given.http_status, request_method = given.request_method,
           request_url = given.request_url, request_body = given.request_body, response_body = given.response_body,
           request_id = given.request_id, finished_at = given.finished_at
      FROM json_to_recordset(%s::json)
           AS given (id bigint, operation text, http_status smallint, request_method text, request_url text,
                     request_body text, response_body text, request_id text, finished_at timestamptz)
     WHERE attempt.id = given.id
"""


def store_results(attempt: SendAttempt, results: Mapping[int, RecipientResult]) -> None:
    """Store what an attempt came to for each of its messages, by their ids."""
    given = [
        {
            "message": pk,
            "outcome": one.outcome.value,
            "external_id": one.external_id,
            "code": one.code[:60],
            "text": one.text,
        }
        for pk, one in results.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(_STORE_RESULTS, [attempt.on_wire_at is not None, json.dumps(given), attempt.pk])


_STORE_RESULTS = """
    UPDATE conversations_attemptresult AS result
       SET on_wire = %s, outcome = given.outcome, external_id = given.external_id, code = given.code,
           text = given.text
      FROM json_to_recordset(%s::json)
           AS given (message bigint, outcome text, external_id text, code text, text text)
     WHERE result.attempt_id = %s AND result.message_id = given.message
"""
