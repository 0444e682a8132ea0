"""The messages of a campaign's people, written in sets, with the contacts and dormant conversations they lack.

What is there is looked up and locked, what is missing is written by COPY. Where another transaction was quicker, a
unique index says so, and the second look finds what it wrote.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from conversations.models import Campaign, CampaignChunk, Message, SendAttempt
from conversations.models.conversation import CURRENT
from conversations.models.inbox_triggers import least_urgent
from conversations.models.message import Kind, MessageStatus
from conversations.services import receipts
from conversations.services.campaigns.copying import NULL, cell, copy, json_cell, line, next_ids
from conversations.services.conversations import PREVIEW_LENGTH

logger = logging.getLogger(__name__)

LOOKS = 5  # then somebody else writes the same people all the time: the error comes out


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


@dataclass(slots=True)
class _Entry:
    """A person with what the chunk keeps of them, and the ids of their rows. No id is 0."""

    person: Person
    payload: dict[str, Any]
    body: str
    external_id: str
    contact: int = 0
    conversation: int = 0
    message: int = 0


def write_messages(campaign: Campaign, chunk: CampaignChunk, people: Sequence[Person], *, at: datetime) -> None:
    """Write the messages of these people, with contacts and dormant conversations where there are none.

    In the transaction of the caller. A reference that has a message already keeps it.
    """
    if not people:
        return
    same_for_all = campaign.body if campaign.kind == Kind.TEXT else ""
    entries = []
    for person in people:
        payload = chunk.payload[person.place]
        entries.append(_Entry(person, payload, payload.get("body", same_for_all), person.external_id))
    entries.sort(key=lambda entry: str(entry.payload["phone"]))  # workers lock people in one order
    _until_nobody_is_quicker(lambda: _find_or_write_contacts(entries, at))
    _until_nobody_is_quicker(lambda: _find_or_write_conversations(campaign, entries, at))
    try:
        with transaction.atomic():
            _copy_messages(campaign, entries, at)
    except IntegrityError:
        entries = _without_what_is_there(campaign, entries)
        _copy_messages(campaign, entries, at)
    _copy_results(entries)
    refs = [chunk.payload[person.place]["ref"] for person in people if person.attempt is not None]
    receipts.apply_parked_to_many(campaign.stream.account_id, refs)


def _until_nobody_is_quicker(look_and_write: Callable[[], None]) -> None:
    for look in range(1, LOOKS + 1):
        try:
            with transaction.atomic():
                look_and_write()
            return
        except IntegrityError:
            if look == LOOKS:
                raise


_CONTACTS = """
    SELECT phone, id FROM conversations_contact
     WHERE phone = ANY(string_to_array(%s, ',')) ORDER BY phone FOR KEY SHARE
"""
_CONTACT_COLUMNS = (
    *("id", "phone", "first_name", "last_name"),
    *("email", "language", "time_zone", "created_at", "updated_at"),
)


def _find_or_write_contacts(entries: Sequence[_Entry], at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CONTACTS, [",".join(entry.payload["phone"] for entry in entries)])
        known = dict(cursor.fetchall())
    for entry in entries:
        entry.contact = known.get(entry.payload["phone"], 0)
    missing = [entry for entry in entries if not entry.contact]
    if not missing:
        return
    always, lines = line(("", "", "", at, at)), []
    for entry, pk in zip(missing, next_ids("conversations_contact", len(missing)), strict=True):
        entry.contact = pk
        payload = entry.payload
        first, last = cell(payload.get("firstname", "")[:100]), cell(payload.get("lastname", "")[:100])
        lines.append(f"{entry.contact}\t{payload['phone']}\t{first}\t{last}\t{always}")
    copy("conversations_contact", _CONTACT_COLUMNS, lines)


_CONVERSATIONS = """
    SELECT contact_id, id, status = 'dormant', external_id FROM conversations_conversation
     WHERE stream_id = %s AND contact_id = ANY(%s) AND status = ANY(%s)
     ORDER BY id FOR NO KEY UPDATE
"""
_CONVERSATION_COLUMNS = (
    *("id", "contact_id", "external_id", "last_message_preview"),
    *("stream_id", "status", "external_status", "last_message_at", "last_message_direction"),
    *("urgency", "unread_count", "created_at"),
)
_TOUCH = """
    UPDATE conversations_conversation AS known
       SET last_message_at = CASE WHEN known.status = 'dormant' THEN %s ELSE known.last_message_at END,
           last_message_preview = CASE WHEN known.status = 'dormant' THEN given.preview
                                       ELSE known.last_message_preview END,
           external_id = CASE WHEN given.external_id <> '' THEN given.external_id ELSE known.external_id END
      FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS given (id, preview, external_id)
     WHERE known.id = given.id
"""


def _find_or_write_conversations(campaign: Campaign, entries: Sequence[_Entry], at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CONVERSATIONS, [campaign.stream_id, [one.contact for one in entries], list(CURRENT)])
        known = {contact: found for contact, *found in cursor.fetchall()}
        touched = []
        for entry in entries:
            entry.conversation, is_dormant, external_id = known.get(entry.contact, (0, False, ""))
            if is_dormant or (entry.conversation and entry.person.conversation_id not in ("", external_id)):
                touched.append((entry.conversation, _preview(entry.body), entry.person.conversation_id))
        if touched:
            cursor.execute(_TOUCH, [at, *map(list, zip(*touched, strict=True))])
    missing = [entry for entry in entries if not entry.conversation]
    if not missing:
        return
    always = line((campaign.stream_id, "dormant", "", at, "out", least_urgent(at), 0, at))
    lines = []
    for entry, pk in zip(missing, next_ids("conversations_conversation", len(missing)), strict=True):
        entry.conversation = pk
        external_id, preview = cell(entry.person.conversation_id), cell(_preview(entry.body))
        lines.append(f"{entry.conversation}\t{entry.contact}\t{external_id}\t{preview}\t{always}")
    copy("conversations_conversation", _CONVERSATION_COLUMNS, lines)


def _preview(body: str) -> str:
    return " ".join(body.split())[:PREVIEW_LENGTH]


_MESSAGE_COLUMNS = (
    *("id", "ref", "conversation_id", "body", "status", "external_id", "failure_code", "failure_text", "segments"),
    *("template_values", "recipient_id", "rendered", "sent_at", "attempt_count", "claim", "on_wire_at"),
    *("stream_id", "direction", "kind", "purpose", "template_id", "template_version_id", "media", "verdict"),
    *("held_for", "valid_until", "cancel_on_reply", "resolve_after", "queued_at", "lookup_count", "release_count"),
    "created_at",
)


def _copy_messages(campaign: Campaign, entries: Sequence[_Entry], at: datetime) -> None:
    version = campaign.template.present_version().pk if campaign.template else None
    always = "\t".join(
        [
            line((campaign.stream_id, "out", campaign.kind, campaign.purpose, campaign.template_id, version)),
            json_cell(campaign.media),
            json_cell({"ok": True, "code": "allowed", "campaign": campaign.pk}),
            line(("", campaign.valid_until, False, False, at, 0, 0, at)),
        ]
    )
    now, carried, lines = cell(at), {0: line((0, None, None))}, []
    for entry, pk in zip(entries, next_ids("conversations_message", len(entries)), strict=True):
        entry.message = pk
        person, payload = entry.person, entry.payload
        by = person.attempt.pk if person.attempt else 0
        if person.attempt and by not in carried:
            carried[by] = line((1, str(person.attempt.claim), person.attempt.on_wire_at))
        lines.append(
            f"{entry.message}\t{payload['ref']}\t{entry.conversation}\t{cell(entry.body)}\t{person.status}\t"
            f"{cell(entry.external_id)}\t{cell(person.code)}\t{cell(person.text)}\t{payload.get('segments', 0)}\t"
            f"{json_cell(payload.get('values'))}\t{payload['recipient']}\t{json_cell(payload.get('rendered'))}\t"
            f"{now if person.status == MessageStatus.ACCEPTED else NULL}\t{carried[by]}\t{always}"
        )
    copy("conversations_message", _MESSAGE_COLUMNS, lines)


def _without_what_is_there(campaign: Campaign, entries: Sequence[_Entry]) -> list[_Entry]:
    """The entries that have no message yet, without ids of the provider that another message has."""
    refs = {str(ref) for ref in _values("ref", ref__in=[entry.payload["ref"] for entry in entries])}
    rows = set(_values("recipient", recipient__in=[entry.payload["recipient"] for entry in entries]))
    missing = [one for one in entries if one.payload["ref"] not in refs and one.payload["recipient"] not in rows]
    given = [entry.external_id for entry in missing if entry.external_id]
    taken = set(_values("external_id", stream=campaign.stream_id, external_id__in=given))
    twice = 0
    for entry in missing:
        if entry.external_id in taken:
            twice += 1
            entry.external_id = ""
        elif entry.external_id:
            taken.add(entry.external_id)
    if twice:
        logger.error("The provider gave %s ids of campaign %s twice.", twice, campaign.pk)
    return missing


def _values(name: str, **among: Any) -> list[Any]:
    return list(Message.objects.filter(**among).values_list(name, flat=True))


_RESULT_COLUMNS = ("message_id", "external_id", "code", "text", "outcome", "attempt_id", "on_wire")


def _copy_results(entries: Sequence[_Entry]) -> None:
    lines = []
    for entry in entries:
        person = entry.person
        if person.attempt is not None:
            on_wire = "f" if person.attempt.on_wire_at is None else "t"
            lines.append(
                f"{entry.message}\t{cell(entry.external_id)}\t{cell(person.code)}\t{cell(person.text)}\t"
                f"{person.outcome}\t{person.attempt.pk}\t{on_wire}"
            )
    if lines:
        copy("conversations_attemptresult", _RESULT_COLUMNS, lines)
