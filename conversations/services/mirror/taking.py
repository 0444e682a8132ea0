"""Bringing in one conversation as the other side holds it: what is known already is left as it is.

Nothing here sends anything, and nothing overwrites what was done here since both sides last agreed: what both have
changed becomes a drift (`drifts.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from conversations.models import Activity, Contact, Conversation, ConversationMirror, Message, Stream, SubStream, User
from conversations.models.activity import ActivityKind, PushState
from conversations.models.conversation import ConversationStatus as Status
from conversations.models.fields import E164
from conversations.models.mirror import ERASED_HERE
from conversations.services import activities
from conversations.services.arrivals import lock_number
from conversations.services.clock import database_now
from conversations.services.mirror import drifts
from conversations.services.mirror.agreement import their_status
from conversations.services.mirror.arriving import take_messages
from conversations.services.mirror.entries import Words, is_from_there, lines_of, words_of, words_there
from messaging.mirror import RemoteConversation, RemoteEntry

NO_NUMBER = "It names no phone number that can be read."
LONGEST = {"first_name": 100, "last_name": 100, "email": 254}


@dataclass(slots=True)
class Taken:
    """What bringing in conversations came to."""

    read: int = 0
    unchanged: int = 0
    conversations: int = 0
    messages: int = 0
    confirmed: int = 0
    activities: int = 0
    changes: int = 0
    drifts: int = 0
    busy: int = 0
    problems: int = 0

    def add(self, other: Taken) -> None:
        """Count another's in."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def take(stream: Stream, there: RemoteConversation, *, read_at: datetime, dry_run: bool = False) -> Taken:
    """Bring in one conversation of this stream, read at that moment. Everything or nothing of it is stored.

    `dry_run` stores nothing and counts what it would have.
    """
    taken = Taken(read=1)
    with transaction.atomic():
        _lock(stream, there.external_id)
        mirror, _ = ConversationMirror.objects.get_or_create(stream=stream, external_id=there.external_id)
        if mirror.fingerprint == there.fingerprint or mirror.problem == ERASED_HERE:
            taken.unchanged = 1
        elif not re.fullmatch(E164, there.phone) and mirror.conversation_id is None:
            taken.problems = 1
            mirror.problem, mirror.fingerprint = NO_NUMBER, there.fingerprint
            mirror.external_status, mirror.content, mirror.read_at = (
                there.external_status[:40],
                dict(there.content),
                read_at,
            )
            mirror.save()
        else:
            _take(stream, there, mirror, taken, read_at)
        if dry_run:
            transaction.set_rollback(True)
    return taken


def _lock(stream: Stream, external_id: str) -> None:
    """Two readings of one conversation at once bring it in once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"mirror {stream.pk} {external_id}"])


def _take(
    stream: Stream, there: RemoteConversation, mirror: ConversationMirror, taken: Taken, read_at: datetime
) -> None:
    found, is_new = _conversation(stream, there, mirror)
    conversation = (
        Conversation.objects.select_for_update(no_key=True, of=("self",)).select_related("contact").get(pk=found.pk)
    )
    conversation.stream = stream
    if not is_new and _is_busy(conversation, read_at):
        taken.busy = 1  # what was read may be older than what was told since: the next reading has both
        if mirror.conversation_id is None:
            mirror.conversation = conversation
            mirror.save()
        return
    taken.conversations += is_new
    mirror.conversation, mirror.problem = conversation, ""
    completed = _complete_contact(conversation.contact, there)
    added, confirmed = take_messages(conversation, there, is_new=is_new)
    taken.messages += added
    taken.confirmed += confirmed
    taken.activities += _take_log(conversation, there)
    changed, differing = (0, 0) if is_new else drifts.compare(conversation, there, mirror)
    taken.changes += changed + (0 if is_new else completed)
    taken.drifts += differing
    if is_new or not mirror.agreed_status:
        mirror.agreed_status = their_status(there)
    if is_new:
        mirror.external_agent = there.agent_id[:64]
    mirror.external_status, mirror.content = there.external_status[:40], dict(there.content)
    mirror.changed_at, mirror.read_at, mirror.fingerprint = there.changed_at, read_at, there.fingerprint
    mirror.save()
    if conversation.external_id == there.external_id:
        Conversation.objects.filter(pk=conversation.pk).update(external_status=there.external_status[:40])


def _is_busy(conversation: Conversation, read_at: datetime) -> bool:
    """Was the other side told something of it after it was read, or is it being told now?"""
    mine = conversation.activities
    return (
        mine.filter(push_claim__isnull=False, push_lease_until__gt=database_now()).exists()
        or mine.filter(pushed_at__gte=read_at).exists()
    )


def _conversation(stream: Stream, there: RemoteConversation, mirror: ConversationMirror) -> tuple[Conversation, bool]:
    """The conversation that it is: known, begun by us, the customer's current one, or new."""
    if mirror.conversation is not None:
        lock_number(stream, mirror.conversation.contact)  # the customer may be writing at this moment
        return mirror.conversation, False
    ours = Conversation.objects.filter(stream=stream)
    if known := ours.filter(external_id=there.external_id).newest_first().first() or _begun_by_us(stream, there):
        lock_number(stream, known.contact)
        if not known.external_id:
            Conversation.objects.filter(pk=known.pk).update(external_id=there.external_id)
        return known, False
    contact, _ = Contact.objects.get_or_create(phone=there.phone)
    lock_number(stream, contact)
    current = ours.filter(contact=contact).current().first()
    if current is not None and not there.is_closed:
        if not current.external_id:
            Conversation.objects.filter(pk=current.pk).update(external_id=there.external_id)
        return current, False
    made = Conversation.objects.create(
        stream=stream,
        contact=contact,
        external_id=there.external_id,
        external_status=there.external_status[:40],
        status=_status(there),
        sub_stream=_sub_stream(stream, there.sub_stream_id),
        assignee=drifts.user_of(stream, there.agent_id),
        resolved_at=(there.changed_at or timezone.now()) if there.is_closed else None,
    )
    return made, True


def _status(there: RemoteConversation) -> str:
    """Where a new conversation stands; one whose status has no word of ours is open, or done when it is closed."""
    if there.status == Status.SNOOZED or (there.status in Status.values and there.status != Status.DORMANT):
        return there.status
    return Status.RESOLVED if there.is_closed else Status.OPEN


def _sub_stream(stream: Stream, external_id: str) -> SubStream | None:
    return SubStream.objects.filter(stream=stream, external_id=external_id).first() if external_id else None


def _begun_by_us(stream: Stream, there: RemoteConversation) -> Conversation | None:
    """The conversation whose opening, or whose first template, carried the reference that theirs has."""
    ref = there.ref
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ref):
        return None
    mine = Activity.objects.filter(conversation__stream=stream, conversation__contact__phone=there.phone)
    opening = mine.filter(push_ref=ref).select_related("conversation").first()
    if opening is not None:
        return opening.conversation
    message = Message.objects.filter(ref=ref, stream=stream).select_related("conversation").first()
    return message.conversation if message else None


def _complete_contact(contact: Contact, there: RemoteConversation) -> int:
    """Fill in what we do not know; what we know stays."""
    given = {name: getattr(there, name) for name in LONGEST}
    missing = {
        name: value
        for name, value in given.items()
        if value and len(value) <= LONGEST[name] and not getattr(contact, name)
    }
    if missing:
        Contact.objects.filter(pk=contact.pk).update(**missing)
        for name, value in missing.items():
            setattr(contact, name, value)
    return int(bool(missing))


def _take_log(conversation: Conversation, there: RemoteConversation) -> int:
    """Lines of the log that are not here. They have no ids: of those with the same words, as many as are missing."""
    lines = lines_of(there)
    if not lines:
        return 0
    here = conversation.activities.exclude(push_state=PushState.FAILED).select_related("actor")
    known: Counter[Words] = Counter()
    for one in here:
        if one.external_id not in ("", there.external_id) or not _may_be_there(one):
            continue
        if words := words_there(one):
            known[words] += 1
    missing = []
    for words, line in lines:
        if known[words] > 0:
            known[words] -= 1
        else:
            missing.append(line)
    agents = {line.agent_id for line in missing if line.kind == "remark"}
    people = {agent: drifts.user_of(conversation.stream, agent) for agent in agents}
    activities.write([_activity(conversation, there, line, people) for line in missing], is_theirs=True)
    return len(missing)


def _may_be_there(activity: Activity) -> bool:
    """Is it theirs, or ours and told, or may it have arrived?"""
    told = activity.push_state in (PushState.PUSHED, PushState.UNCONFIRMED) or activity.push_on_wire_at is not None
    return is_from_there(activity) or told


def _activity(
    conversation: Conversation, there: RemoteConversation, line: RemoteEntry, people: Mapping[str, User | None]
) -> Activity:
    is_remark = line.kind == "remark"
    return Activity(
        conversation=conversation,
        kind=ActivityKind.REMARK if is_remark else ActivityKind.PROVIDER,
        actor=people[line.agent_id] if is_remark else None,
        text=words_of(line),
        data={"there": True, "kind": "activity", "type": line.kind, "by": line.by},
        external_id=there.external_id[:64],
        occurred_at=min(line.at, timezone.now()) if line.at else timezone.now(),
    )
