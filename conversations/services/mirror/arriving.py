"""Messages that the other side holds and we do not: put where they belong, with their own time, and nothing sent."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from conversations.models import Activity, ConsentState, Conversation, Message, OptIn, User
from conversations.models.activity import ActivityKind, PushState
from conversations.models.consent import ConsentEventKind, ConsentSource
from conversations.models.conversation import ConversationStatus as Status
from conversations.models.message import Direction, Kind, MessageStatus
from conversations.models.stream import Channel
from conversations.services import attachments, consent, consequences, lifecycle, notifications
from conversations.services.acceptance import accept
from conversations.services.activities import note_silent_move, tell
from conversations.services.clock import database_now
from conversations.services.conversations import preview
from conversations.services.lookups import FOUND
from conversations.services.mirror import drifts
from conversations.services.opt_in_words import Vocabulary
from messaging.keywords import Keyword
from messaging.mirror import RemoteConversation, RemoteMessage
from messaging.types import Outcome, RecipientResult
from messaging.whatsapp import window_closes_at


def take_messages(conversation: Conversation, there: RemoteConversation, *, is_new: bool) -> tuple[int, int]:
    """Add what is missing, the oldest first; returns how many were added, and how many of ours that confirmed.

    `conversation` is locked. Known is what has the same id on this stream, or our own reference.
    """
    known_ids = _known_ids(conversation, there)
    ours = {str(one.ref): one for one in _with_refs(conversation, there)}
    agents = {one.agent_id for one in there.messages if one.from_agent and one.external_id not in known_ids}
    authors = {agent: drifts.user_of(conversation.stream, agent) for agent in agents}
    added, confirmed = [], 0
    for one in there.messages:
        if one.external_id in known_ids:
            continue
        mine = ours.get(one.ref)
        if mine is not None:
            confirmed += _confirm(mine, one, there)
        else:
            added.append((one, _row(conversation, one, authors.get(one.agent_id))))
    if added:
        _store(conversation, added, is_new=is_new)
    return len(added), confirmed


def _known_ids(conversation: Conversation, there: RemoteConversation) -> set[str]:
    ids = [one.external_id for one in there.messages]
    known = Message.objects.filter(stream=conversation.stream, external_id__in=ids)
    return set(known.values_list("external_id", flat=True)) if ids else set()


def _with_refs(conversation: Conversation, there: RemoteConversation) -> list[Message]:
    refs = [ref for one in there.messages if (ref := _uuid(one.ref))]
    if not refs:
        return []
    found = Message.objects.filter(stream=conversation.stream, ref__in=refs)
    return list(found.select_related("stream__account", "conversation__contact"))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _confirm(mine: Message, one: RemoteMessage, there: RemoteConversation) -> int:
    """A message of ours is there: one that was in doubt has arrived, one that was told gets its id."""
    if mine.direction == Direction.IN:
        Message.objects.filter(pk=mine.pk, external_id="").update(external_id=one.external_id)
        told = Activity.objects.filter(kind=ActivityKind.PHONE_MESSAGE, data__message=mine.pk)
        told = told.filter(push_state=PushState.UNCONFIRMED, push_claim=None)
        return told.update(push_state=PushState.PUSHED, pushed_at=database_now(), external_id=one.external_id[:64])
    if mine.status != MessageStatus.UNCONFIRMED:
        return 0  # settled, or a worker has it and its answer
    result = RecipientResult(one.ref, Outcome.ACCEPTED, external_id=one.external_id, conversation_id=there.external_id)
    accept(mine, result, come_from=(MessageStatus.UNCONFIRMED,), at=database_now(), reason=FOUND)
    return 1


def _row(conversation: Conversation, one: RemoteMessage, author: User | None) -> Message:
    at = _moment(one)
    return Message(
        conversation=conversation,
        stream=conversation.stream,
        direction=Direction.OUT if one.from_agent else Direction.IN,
        kind=Kind.MEDIA if one.media and not one.from_agent else Kind.TEXT,
        status=MessageStatus.ACCEPTED if one.from_agent else MessageStatus.RECEIVED,
        author=author if one.from_agent else None,
        body=one.body,
        media=[asdict(media) for media in one.media],
        external_id=one.external_id[:200],
        sent_at=at if one.from_agent else None,
    )


def _moment(one: RemoteMessage) -> datetime:
    """When it was written; a clock that is ahead does no harm."""
    return min(one.at, timezone.now()) if one.at else timezone.now()


def _store(conversation: Conversation, added: list[tuple[RemoteMessage, Message]], *, is_new: bool) -> None:
    rows = [row for _, row in added]
    Message.objects.bulk_create(rows)
    for one, row in added:
        row.created_at = _moment(one)  # Django has set the present
    Message.objects.bulk_update(rows, ["created_at"])
    lifecycle.record_new_many(rows, reason="Read from the provider")
    for row in rows:
        if row.media and row.direction == Direction.IN:
            attachments.expect(row)
    _show(conversation, rows, is_new=is_new)
    vocabulary = Vocabulary()
    for row in rows:
        if row.direction == Direction.IN and vocabulary.read(row.body, opted_out=False) is Keyword.STOP:
            _note_stop(conversation, row)
    tell(conversation)


def _show(conversation: Conversation, rows: list[Message], *, is_new: bool) -> None:
    """Let the list show what is newest. A customer who wrote since opens the conversation again, and waits."""
    newest = max(rows, key=lambda row: row.created_at)
    from_customer = [row for row in rows if row.direction == Direction.IN]
    # Theirs are whole seconds: of the same second, what is read last is shown.
    if is_new or newest.created_at >= conversation.last_message_at.replace(microsecond=0):
        conversation.last_message_at = newest.created_at
        conversation.last_message_preview = preview(newest)
        conversation.last_message_direction = newest.direction
        shows_newest = True
    else:
        shows_newest = False
    if from_customer:
        last = max(row.created_at for row in from_customer)
        conversation.last_inbound_at = max(last, conversation.last_inbound_at or last)
        if conversation.stream.channel == Channel.WHATSAPP:
            conversation.window_closes_at = window_closes_at(conversation.last_inbound_at)
    waits = shows_newest and newest.direction == Direction.IN
    if waits and not is_new:
        before = conversation.status
        conversation.status, conversation.snoozed_until, conversation.resolved_at = Status.OPEN, None, None
        note_silent_move(conversation, before)
        conversation.unread_count += len(from_customer)
        notifications.replied(conversation, newest)
        consequences.cancel_after_reply(conversation)
    if conversation.is_current:
        if waits:
            conversation.waiting_since = conversation.waiting_since or newest.created_at
        elif shows_newest:
            conversation.waiting_since = None
    conversation.save()


def _note_stop(conversation: Conversation, message: Message) -> None:
    """A STOP that only reached the other side counts here too; nothing is answered. A later decision stands."""
    stream, contact = conversation.stream, conversation.contact
    consent.number_lock(contact.phone)
    later = ConsentState.objects.filter(phone=contact.phone, channel=stream.channel, changed_at__gte=message.created_at)
    if later.exists():
        return
    consent.record(
        OptIn(
            contact=contact,
            channel=stream.channel,
            event=ConsentEventKind.OPT_OUT,
            source=ConsentSource.KEYWORD,
            stream=stream,
            wording=message.body,
            business_name=stream.business_name,
            occurred_at=message.created_at,
        )
    )
