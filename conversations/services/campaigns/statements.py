"""What every window asks of its chunk and its attempts, as statements that are written out.

A provider that takes one person a request has fifty windows a chunk. Django composes each statement anew, which takes
longer than PostgreSQL needs to answer it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from conversations.models import Campaign, CampaignChunk, SendAttempt


def locked_chunk(pk: int) -> CampaignChunk:
    """A chunk without its payload, locked until the transaction ends. Raises CampaignChunk.DoesNotExist."""
    for chunk in CampaignChunk.objects.raw(_LOCKED_CHUNK, [pk]):
        return chunk
    raise CampaignChunk.DoesNotExist


_LOCKED_CHUNK = """
    SELECT id, campaign_id, claim, rest, on_wire, tries, next_attempt_at
      FROM conversations_campaignchunk WHERE id = %s FOR NO KEY UPDATE
"""


def renew_claim(chunk: CampaignChunk, lease_until: datetime) -> None:
    """Store how long the claim holds, and when the chunk is asked for again."""
    chunk.lease_until = lease_until
    _execute(_RENEW, [lease_until, chunk.next_attempt_at, chunk.pk])


_RENEW = "UPDATE conversations_campaignchunk SET lease_until = %s, next_attempt_at = %s WHERE id = %s"


def mark_on_wire(
    chunk: CampaignChunk, places: Mapping[str, Sequence[int]], leaving: Sequence[int], *, lease: float
) -> datetime | None:
    """Note on a chunk what is on the wire, places by the claim of their attempt, and on those that leave since when.

    None when its claim is over, or will be within `lease` seconds, or when its campaign does not run.
    """
    values: list[Any] = [json.dumps(places), chunk.pk, chunk.claim, lease, list(leaving)]
    with connection.cursor() as cursor:
        cursor.execute(_MARK_ON_WIRE, values)
        marked = cursor.fetchone()
    return marked[0] if marked else None


_MARK_ON_WIRE = """
    WITH chunk AS (
        UPDATE conversations_campaignchunk AS chunk SET on_wire = %s, on_wire_at = clock_timestamp()
          FROM conversations_campaign AS campaign
         WHERE chunk.id = %s AND chunk.claim = %s AND chunk.status = 'sending'
           AND chunk.lease_until > clock_timestamp() + make_interval(secs => %s)
           AND campaign.id = chunk.campaign_id AND campaign.status = 'running'
        RETURNING chunk.on_wire_at
    )
    UPDATE conversations_sendattempt AS attempt SET on_wire_at = chunk.on_wire_at
      FROM chunk WHERE attempt.id = ANY(%s)
    RETURNING attempt.on_wire_at
"""


def store_window(chunk: CampaignChunk) -> None:
    """Store that nothing of a chunk is on the wire any more, which of its places wait, and until when."""
    rest = f"{{{','.join(map(str, chunk.rest))}}}"  # one value of the statement: an array would be quoted cell by cell
    _execute(_STORE_WINDOW, [rest, chunk.tries, chunk.next_attempt_at, chunk.pk])


_STORE_WINDOW = """
    UPDATE conversations_campaignchunk
       SET rest = %s::integer[], on_wire = '{}', on_wire_at = NULL, tries = %s, next_attempt_at = %s
     WHERE id = %s
"""


def begin_attempts(chunk: CampaignChunk, campaign: Campaign, number: int, *, at: datetime) -> list[SendAttempt]:
    """So many attempts of this session, about to be made."""
    attempts = [
        SendAttempt(
            stream=campaign.stream,
            chunk=chunk,
            claim=uuid.uuid4(),
            is_bulk=True,
            backend_pid=connection.connection.info.backend_pid,
            started_at=at,
        )
        for _ in range(number)
    ]
    if attempts:
        first, claims = attempts[0], ",".join(str(one.claim) for one in attempts)
        with connection.cursor() as cursor:
            cursor.execute(_BEGIN, [first.stream_id, first.chunk_id, first.backend_pid, at, claims])
            ids = dict(cursor.fetchall())
        for attempt in attempts:
            attempt.pk = ids[attempt.claim]
            attempt._state.adding = False
    return attempts


_BEGIN = """
    INSERT INTO conversations_sendattempt
           (stream_id, chunk_id, backend_pid, started_at, claim,
            is_bulk, operation, request_id, request_method, request_url, request_body, response_body)
    SELECT %s, %s, %s, %s, claim::uuid, true, '', '', '', '', '', ''
      FROM unnest(string_to_array(%s, ',')) AS claim
    RETURNING claim, id
"""


def add_to_campaign(
    pk: int, *, accepted: int, failed: int, unconfirmed: int, recent: str, kept: int
) -> tuple[str, int | None]:
    """Add to a campaign's numbers, and to its last `kept` outcomes; returns those, and its failure limit."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [accepted, failed, unconfirmed, recent, kept, pk])
        outcomes, limit = cursor.fetchone()
    return outcomes, limit


_ADD = """
    UPDATE conversations_campaign
       SET accepted_count = accepted_count + %s, failed_count = failed_count + %s,
           unconfirmed_count = unconfirmed_count + %s, recent_outcomes = right(recent_outcomes || %s, %s)
     WHERE id = %s
    RETURNING recent_outcomes, failure_limit
"""


def _execute(statement: str, values: Sequence[Any]) -> int:
    """How many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)
