"""The messages of a campaign's people, written in sets, with the contacts and dormant conversations they lack."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb

from conversations.models import Campaign, CampaignChunk, SendAttempt
from conversations.models.message import Kind
from conversations.services import receipts
from conversations.services.conversations import PREVIEW_LENGTH

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Person:
    """One person's message as it is to be written. `attempt` is None for who was not written to."""

    place: int
    status: str
    attempt: SendAttempt | None = None
    external_id: str = ""
    conversation_id: str = ""
    code: str = ""
    text: str = ""
    outcome: str = ""


def write_messages(campaign: Campaign, chunk: CampaignChunk, people: Sequence[Person], *, at: datetime) -> None:
    """Write the messages of these people, with contacts and dormant conversations where there are none.

    In the transaction of the caller. A reference that has a message already keeps it.
    """
    if not people:
        return
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy(_COPY) as copy:
            for person in people:
                copy.write_row(_staged(campaign, chunk.payload[person.place], person))
        values: dict[str, Any] = {
            "stream": campaign.stream_id,
            "kind": campaign.kind,
            "purpose": campaign.purpose,
            "template": campaign.template_id,
            "version": campaign.template.present_version().pk if campaign.template else None,
            "valid_until": campaign.valid_until,
            "media": Jsonb(campaign.media),
            "verdict": Jsonb({"ok": True, "code": "allowed", "campaign": campaign.pk}),
            "at": at,
            "preview": PREVIEW_LENGTH,
        }
        for statement in (_CONTACTS, _CONVERSATIONS, _DORMANT):
            cursor.execute(statement, values)
        cursor.execute(_MESSAGES, values)
        if cursor.rowcount != len(people):
            cursor.execute(_WITHOUT_THEIR_ID, values)
            if cursor.rowcount:
                logger.error("The provider gave %s ids of campaign %s twice.", cursor.rowcount, campaign.pk)
        cursor.execute(_RESULTS)
    refs = [UUID(chunk.payload[person.place]["ref"]) for person in people if person.attempt]
    receipts.apply_parked_to_many(campaign.stream.account_id, refs)


def _staged(campaign: Campaign, payload: dict[str, Any], person: Person) -> tuple[Any, ...]:
    attempt = person.attempt
    return (
        payload["recipient"],
        payload["ref"],
        payload["phone"],
        payload.get("firstname", "")[:100],
        payload.get("lastname", "")[:100],
        payload.get("body", campaign.body if campaign.kind == Kind.TEXT else ""),
        payload.get("segments", 0),
        Jsonb(payload.get("values", {})),
        Jsonb(payload.get("rendered", {})),
        person.status,
        person.external_id,
        person.conversation_id,
        person.code,
        person.text,
        person.outcome,
        attempt.pk if attempt else None,
        str(attempt.claim) if attempt else None,
        attempt.on_wire_at if attempt else None,
    )


_COLUMNS = """
    recipient_id bigint, ref uuid, phone text, first_name text, last_name text, body text, segments smallint,
    template_values jsonb, rendered jsonb, status text, external_id text, conversation_id text, code text, words text,
    outcome text, attempt_id bigint, claim uuid, on_wire_at timestamptz
"""
_STAGE = f"CREATE TEMPORARY TABLE IF NOT EXISTS campaign_outcome ({_COLUMNS}) ON COMMIT DELETE ROWS"
_COPY = "COPY campaign_outcome FROM STDIN"

_CONTACTS = """
    INSERT INTO conversations_contact
                (phone, first_name, last_name, email, language, time_zone, created_at, updated_at)
    SELECT phone, first_name, last_name, '', '', '', %(at)s, %(at)s FROM campaign_outcome ORDER BY phone
    ON CONFLICT (phone) DO NOTHING
"""
_CONVERSATIONS = """
    INSERT INTO conversations_conversation
                (stream_id, contact_id, status, external_status, external_id, last_message_at, last_message_preview,
                 last_message_direction, urgency, unread_count, created_at)
    SELECT %(stream)s, contact.id, 'dormant', '', outcome.conversation_id, %(at)s,
           left(regexp_replace(outcome.body, '\\s+', ' ', 'g'), %(preview)s), 'out', 0, 0, %(at)s
      FROM campaign_outcome AS outcome
      JOIN conversations_contact AS contact ON contact.phone = outcome.phone
     ORDER BY contact.id
    ON CONFLICT (stream_id, contact_id) WHERE status IN ('open', 'waiting', 'snoozed', 'dormant') DO NOTHING
"""
_HERE = """
      JOIN conversations_contact AS contact ON contact.phone = outcome.phone
      JOIN conversations_conversation AS conversation
        ON conversation.contact_id = contact.id AND conversation.stream_id = %(stream)s
       AND conversation.status IN ('open', 'waiting', 'snoozed', 'dormant')
"""
_DORMANT = f"""
    UPDATE conversations_conversation AS known
       SET last_message_at = CASE WHEN known.status = 'dormant' THEN %(at)s ELSE known.last_message_at END,
           last_message_preview = CASE WHEN known.status = 'dormant'
               THEN left(regexp_replace(outcome.body, '\\s+', ' ', 'g'), %(preview)s)
               ELSE known.last_message_preview END,
           external_id = CASE WHEN outcome.conversation_id <> '' THEN outcome.conversation_id
                              ELSE known.external_id END
      FROM campaign_outcome AS outcome {_HERE}
     WHERE known.id = conversation.id AND known.created_at < %(at)s
       AND (known.status = 'dormant' OR outcome.conversation_id NOT IN ('', known.external_id))
"""  # noqa: S608 - constants of ours
_MESSAGE_COLUMNS = """
    INSERT INTO conversations_message
                (ref, conversation_id, stream_id, direction, kind, purpose, body, status, external_id,
                 failure_code, failure_text, segments, template_id, template_version_id, template_values,
                 recipient_id, rendered, media, verdict, held_for, valid_until, cancel_on_reply, resolve_after,
                 queued_at, attempt_count, claim, on_wire_at, sent_at, lookup_count, release_count, created_at)
"""
_MESSAGE_VALUES = """
    SELECT outcome.ref, conversation.id, %(stream)s, 'out', %(kind)s, %(purpose)s, outcome.body, outcome.status,
           {external_id}, outcome.code, outcome.words, outcome.segments, %(template)s, %(version)s,
           outcome.template_values, outcome.recipient_id, outcome.rendered, %(media)s, %(verdict)s, '',
           %(valid_until)s, false, false, %(at)s, CASE WHEN outcome.attempt_id IS NULL THEN 0 ELSE 1 END,
           outcome.claim, outcome.on_wire_at, CASE WHEN outcome.status = 'accepted' THEN %(at)s::timestamptz END,
           0, 0, %(at)s
      FROM campaign_outcome AS outcome
"""
_MESSAGES = (
    f"{_MESSAGE_COLUMNS}{_MESSAGE_VALUES.format(external_id='outcome.external_id')}{_HERE} ON CONFLICT DO NOTHING"
)
_WITHOUT_THEIR_ID = (
    f"{_MESSAGE_COLUMNS}{_MESSAGE_VALUES.format(external_id=chr(39) * 2)}{_HERE}"  # noqa: S608 - constants of ours
    " WHERE NOT EXISTS (SELECT 1 FROM conversations_message AS written WHERE written.ref = outcome.ref)"
    " ON CONFLICT DO NOTHING"
)
_RESULTS = """
    INSERT INTO conversations_attemptresult (attempt_id, message_id, on_wire, outcome, external_id, code, text)
    SELECT outcome.attempt_id, message.id, outcome.on_wire_at IS NOT NULL, outcome.outcome, message.external_id,
           outcome.code, outcome.words
      FROM campaign_outcome AS outcome JOIN conversations_message AS message ON message.ref = outcome.ref
     WHERE outcome.attempt_id IS NOT NULL
    ON CONFLICT DO NOTHING
"""
