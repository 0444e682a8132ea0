"""The mirror at Cirrus: how each entry is told, how it is found again, and what an object says in our words.

Of an entry without an id of its own (a remark, a line of the log) only a count can say whether it arrived: the
documented answers name none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from messaging.errors import Refused
from messaging.mirror import EntryKind, MirrorEntry, RemoteConversation, RemoteEntry, RemoteMessage
from messaging.providers.base import Account, Operation
from messaging.providers.cirrus import objects, wire
from messaging.providers.cirrus.fields import customer_phone
from messaging.providers.cirrus.hooks import media_of
from messaging.providers.cirrus.reading import GetObject, ListObjects
from messaging.providers.cirrus.records import Activity, Child, CirrusObject, UserDetails
from messaging.providers.cirrus.routing import object_stream_id
from messaging.providers.cirrus.words import (
    CHANNELS,
    CONVERSATION_WORDS,
    IDENTITY_TYPE,
    ActivityType,
    ObjectStatus,
    ObjectType,
    conversation_word,
)
from messaging.types import Answer, Channel, Outcome, RecipientResult, Request, SendResult, StreamConfig

SOURCE = "Parley"  # what the log names as the origin of our lines
DEFAULT_INDICATOR = "icon-flag"  # one of class or icon is demanded, and ours may have none
CLOSED = (ObjectStatus.RESOLVED, ObjectStatus.IRRELEVANT, ObjectStatus.DELETED, ObjectStatus.ARCHIVE)
_INDICATOR_ID = re.compile(r"[A-Za-z0-9_\-]{1,100}")


@dataclass(frozen=True, slots=True)
class Told(Operation[SendResult]):
    """A call that tells one entry; its result names what was made, if anything was."""

    operation: Operation[Any]
    entry: MirrorEntry

    def build_request(self, account: Account) -> Request:
        return self.operation.build_request(account)

    def parse_response(self, answer: Answer) -> SendResult:
        try:
            made = self.operation.parse_response(answer)
        except Refused:
            # Taken off before: our own earlier try whose answer was lost, or somebody there.
            if self.entry.kind is not EntryKind.INDICATOR_REMOVED or answer.status != 404:
                raise
            made = None
        opens = self.entry.kind is EntryKind.OPENING
        result = RecipientResult(
            self.entry.ref,
            Outcome.ACCEPTED,
            external_id="" if opens else made or "",
            conversation_id=made or "" if opens else self.entry.conversation_id,
        )
        return SendResult((result,))


@dataclass(frozen=True, slots=True)
class FindEntry(Operation[RecipientResult | None]):
    """A reading of conversations, searched for one entry."""

    reading: GetObject | ListObjects
    entry: MirrorEntry

    def build_request(self, account: Account) -> Request:
        return self.reading.build_request(account)

    def parse_response(self, answer: Answer) -> RecipientResult | None:
        found = self.reading.parse_response(answer)
        for one in (found,) if isinstance(found, CirrusObject) else found:
            external_id = _found_in(one, self.entry)
            if external_id is not None:
                return RecipientResult(
                    self.entry.ref, Outcome.ACCEPTED, external_id=external_id, conversation_id=one.id
                )
        return None


def mirrors(stream: StreamConfig) -> bool:
    """Are conversations of this stream to be kept at Cirrus too?"""
    return stream.settings.get("mirror", "").lower() == "yes"


def plan_entry(entry: MirrorEntry, stream: StreamConfig) -> Operation[SendResult] | None:
    """The call that tells an entry; None for an opening on WhatsApp, where the first template makes the object."""
    if entry.kind is EntryKind.OPENING:
        return Told(_opening(entry, stream), entry) if stream.channel is Channel.SMS else None
    return Told(_call(entry, stream), entry)


def _call(entry: MirrorEntry, stream: StreamConfig) -> Operation[Any]:
    there, values = entry.conversation_id, entry.values
    manager = int(entry.agent_id) if re.fullmatch(r"[0-9]{1,19}", entry.agent_id) else None
    match entry.kind:
        case EntryKind.CUSTOMER_MESSAGE:
            digits, kind = wire.phone_digits(entry.phone), IDENTITY_TYPE[stream.channel]
            stream_id, content = object_stream_id(stream), {"ref": entry.ref}
            return objects.CreateChild(
                stream_id, "customer", entry.text, digits, kind, object_id=there, type=ObjectType.TEXT, content=content
            )
        case EntryKind.REMARK:
            return objects.AddRemark(there, entry.text, manager)
        case EntryKind.STATUS:
            status = str(values.get("status", ""))
            return objects.SetStatus(there, int(status) if status.isdecimal() else status)
        case EntryKind.CONTENT:
            return objects.SetContent(there, values.get("content", {}))
        case EntryKind.INDICATOR_SET:
            display = str(values.get("display_class") or DEFAULT_INDICATOR)
            link = str(values.get("link", ""))
            return objects.SetIndicator(there, _indicator_id(str(values["key"])), str(values["title"]), display, link)
        case EntryKind.INDICATOR_REMOVED:
            return objects.DeleteIndicator(there, _indicator_id(str(values["key"])))
        case _:
            return objects.AddActivity(there, entry.text, SOURCE, manager)


def _indicator_id(key: str) -> str:
    """The key where it can stand in an address, else a word made of it: the same each time."""
    return key if _INDICATOR_ID.fullmatch(key) else f"key-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def _opening(entry: MirrorEntry, stream: StreamConfig) -> objects.CreateObject:
    """Without a manager, so that the demanded first message stays a line of the object and goes to nobody."""
    digits, kind = wire.phone_digits(entry.phone), IDENTITY_TYPE[stream.channel]
    user = UserDetails(phone=digits, email=entry.email, first_name=entry.first_name, last_name=entry.last_name)
    return objects.CreateObject(
        object_stream_id(stream),
        entry.text,
        kind,
        provider_id=digits,
        customer=digits,
        customer_type=kind,
        sub_stream_id=wire.number_of(entry.sub_stream_id, "sub-stream id") if entry.sub_stream_id else None,
        content={"ref": entry.ref},
        user=user,
    )


def plan_find(entry: MirrorEntry, stream: StreamConfig) -> Operation[RecipientResult | None] | None:
    """How to find out whether an entry has arrived; None where nothing tells, and telling it twice does no harm."""
    if entry.kind in (EntryKind.INDICATOR_SET, EntryKind.INDICATOR_REMOVED):
        return None  # no call reads indicators; set again it is replaced, removed again it is gone
    stream_id = object_stream_id(stream)
    if entry.kind is EntryKind.OPENING:
        identity = wire.phone_digits(entry.phone)
        reading: GetObject | ListObjects = ListObjects(
            stream_id, identity_id=identity, identity_type=IDENTITY_TYPE[stream.channel], sort="desc"
        )
    else:
        reading = GetObject(stream_id, entry.conversation_id, include_activity_log=True)
    return FindEntry(reading, entry)


def _found_in(one: CirrusObject, entry: MirrorEntry) -> str | None:
    """The entry's id there (empty where it has none), or None when it is not in the object."""
    match entry.kind:
        case EntryKind.OPENING:
            arrived = one.ref == entry.ref
        case EntryKind.CUSTOMER_MESSAGE:
            return next((child.id for child in one.children if child.ref == entry.ref), None)
        case EntryKind.STATUS:
            wanted = str(entry.values.get("status", ""))
            ids = [int(wanted)] if wanted.isdecimal() else CONVERSATION_WORDS.get(wanted, ())
            arrived = one.status_id in ids
        case EntryKind.CONTENT:
            arrived = dict(one.content) == dict(entry.values.get("content", {}))
        case _:
            is_remark = entry.kind is EntryKind.REMARK
            alike = [
                line
                for line in one.activities
                if (line.type_id == ActivityType.REMARK) is is_remark and line.text.split() == entry.text.split()
            ]
            arrived = len(alike) > entry.already_there
    return "" if arrived else None


def remote_conversation(one: CirrusObject) -> RemoteConversation:
    """An object in our words."""
    return RemoteConversation(
        external_id=one.id,
        phone=_phone(one),
        status=conversation_word(one.status_id),
        external_status="" if one.status_id is None else str(one.status_id),
        agent_id=one.manager_id,
        sub_stream_id=one.sub_stream_id,
        first_name=one.customer.first_name or _name(one.first_name, one),
        last_name=one.customer.last_name or _name(one.last_name, one),
        email=one.customer.email,
        ref=one.ref,
        content=dict(one.content),
        is_closed=one.closed_at is not None or one.status_id in CLOSED,
        created_at=one.created_at,
        changed_at=one.updated_at or one.created_at,
        messages=_messages(one),
        log=tuple(_oldest_first(_entry(line) for line in one.activities)),
    )


def _name(name: str, one: CirrusObject) -> str:
    """Without a name, Cirrus puts the e-mail address in its place."""
    return "" if name == one.customer.email else name


def _phone(one: CirrusObject) -> str:
    identity = one.user_provider_id if one.user_provider_type in (None, *CHANNELS) else ""
    return customer_phone(identity=identity, phone1=one.customer.phone1, phone2=one.customer.phone2)


def _messages(one: CirrusObject) -> tuple[RemoteMessage, ...]:
    children = sorted(one.children, key=lambda child: (_moment(child.created_at), _order(child.id)))
    found = tuple(_message(child) for child in children if child.id)
    if not found and one.message and not one.ref:
        # A new object may carry its first message itself; webhooks name it so too.
        found = (RemoteMessage(f"object:{one.id}", one.message, one.is_manager, at=one.created_at),)
    return found


def _message(child: Child) -> RemoteMessage:
    return RemoteMessage(
        external_id=child.id,
        body=child.message,
        from_agent=child.is_manager,
        ref=child.ref,
        agent_id=child.manager_id,
        at=child.created_at,
        media=tuple(media_of(child)),
    )


def _entry(line: Activity) -> RemoteEntry:
    return RemoteEntry(
        kind=line.word,
        text=line.text,
        at=line.created_at,
        by=f"{line.first_name} {line.last_name}".strip(),
        agent_id=line.identity_id,
        external_id=line.id,
    )


def _oldest_first(lines: Iterable[RemoteEntry]) -> list[RemoteEntry]:
    oldest_first = list(lines)[::-1]  # those of one second keep their order
    return sorted(oldest_first, key=lambda line: _moment(line.at))


def _moment(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def _order(external_id: str) -> tuple[int, str]:
    return (len(external_id), external_id)  # ids are numbers that count up
