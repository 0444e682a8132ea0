"""A customer wrote: which stream, which contact and which conversation it belongs to, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from conversations import live
from conversations.models import Activity, Contact, Conversation, Message, ProviderAccount, Stream, WebhookEvent
from conversations.models.conversation import ConversationStatus
from conversations.models.message import Direction, Kind, MessageStatus
from conversations.models.stream import Channel
from conversations.services import (
    attachments,
    consequences,
    dispatch,
    identities,
    lifecycle,
    notifications,
    opt_in_keywords,
    parked_calls,
)
from conversations.services.activities import note_silent_move
from conversations.services.conversations import open_conversation, preview
from messaging.types import InboundMessage
from messaging.whatsapp import window_closes_at


class StreamNotFound(Exception):
    """A customer wrote to a stream that is not set up here; the call is kept and can be replayed."""


def receive(
    one: InboundMessage,
    account: ProviderAccount,
    *,
    called: Stream | None = None,
    event: WebhookEvent | None = None,
) -> Message | None:
    """Put a customer's message into the conversation it belongs to; None when it is there already, or our own words.

    Opens a resolved conversation again by the stream's rule, restarts WhatsApp's window and reads STOP, START and
    HELP. `called` is the stream whose address the provider called, `event` the call. Raises StreamNotFound when the
    account has no such stream, NumberNotReadable when nothing says which customer wrote.
    """
    known = conversation_of(account, one.conversation_id)
    stream = known.stream if known else _stream_of(one, account, called)
    if stream is None:
        raise StreamNotFound(
            f"No stream of {account} is set up as {', '.join(one.stream_keys) or 'the one that was written to'}."
        )
    if one.ref and _told_by_us(one, stream):
        return None
    contact = identities.contact_of(one, account, known=known.contact if known else None)
    identities.remember(one, account, contact, event)
    at = one.occurred_at or timezone.now()
    with transaction.atomic():
        lock_number(stream, contact)
        external_id = one.external_id or one.key
        there = Message.objects.filter(stream=stream, external_id=external_id).select_related("conversation").first()
        if there is not None:
            # A reading, which sends nothing, may have been quicker than this call: what waited for it leaves now.
            if there.conversation.window_is_open:
                _release_what_waited(there.conversation)
            return None
        named = known if known and known.contact_id == contact.pk else None
        conversation = _locked(open_conversation(stream=stream, contact=contact, named=named))
        message = Message.objects.create(
            conversation=conversation,
            stream=stream,
            direction=Direction.IN,
            kind=_kind_of(one),
            status=MessageStatus.RECEIVED,
            body=one.body.replace("\x00", ""),
            media=[asdict(media) for media in one.media],
            rendered=_shown_with(one),
            external_id=external_id,
        )
        _note_inbound(conversation, message, one.conversation_id, at)
        lifecycle.record_new(message)
        attachments.expect(message)
        notifications.replied(conversation, message)
        consequences.cancel_after_reply(conversation)
        if one.kind == "text":
            opt_in_keywords.read_keyword(conversation, message, at=at)
        _release_what_waited(conversation)
    return message


def _told_by_us(one: InboundMessage, stream: Stream) -> bool:
    """Did we tell the provider of it: an opening, what a customer said on the phone, a template that began it?"""
    with suppress(ValueError):
        own = UUID(one.ref)
        theirs = Activity.objects.filter(conversation__stream=stream, conversation__contact__phone=one.phone)
        return theirs.filter(push_ref=own).exists() or Message.objects.filter(ref=own, stream=stream).exists()
    return False


def conversation_of(account: ProviderAccount, external_id: str) -> Conversation | None:
    """The newest conversation that the provider means by this id, with stream and contact."""
    if not external_id:
        return None
    named = Conversation.objects.filter(stream__account=account, external_id=external_id)
    return named.select_related("stream", "contact").newest_first().first()


def _kind_of(one: InboundMessage) -> Kind:
    if one.media:
        return Kind.MEDIA
    return {"reaction": Kind.REACTION, "other": Kind.OTHER}.get(one.kind, Kind.TEXT)


def _shown_with(one: InboundMessage) -> dict[str, str]:
    """What a page says beside the words: what a reaction is about, and what the provider calls an unknown kind."""
    facts = {"kind_word": one.kind_word[:60], "reacts_to": one.reacts_to[:200]}
    return {name: value.replace("\x00", "") for name, value in facts.items() if value}


def _locked(conversation: Conversation) -> Conversation:
    """The row as it is now, and nobody changes it until we have."""
    rows = Conversation.objects.select_for_update(no_key=True, of=("self",)).select_related("stream", "contact")
    return rows.get(pk=conversation.pk)


def _note_inbound(conversation: Conversation, message: Message, external_id: str, at: datetime) -> None:
    conversation.last_message_at = message.created_at
    conversation.last_message_preview = preview(message)
    conversation.last_message_direction = Direction.IN
    # What is told of late, or again after a fault, takes nothing from a window that a younger message opened.
    conversation.last_inbound_at = max(at, conversation.last_inbound_at or at)
    conversation.unread_count += 1
    conversation.waiting_since = conversation.waiting_since or at
    before, conversation.status = conversation.status, ConversationStatus.OPEN
    conversation.snoozed_until = None
    if conversation.stream.channel == Channel.WHATSAPP:
        conversation.window_closes_at = window_closes_at(conversation.last_inbound_at)
    if external_id and conversation.external_id != external_id:
        conversation.external_id = external_id
        parked_calls.wake(conversation.stream.account_id, external_id)
    conversation.save()
    note_silent_move(conversation, before)
    live.publish(stream_id=conversation.stream_id, kind="conversation", conversation_id=conversation.pk)


def _release_what_waited(conversation: Conversation) -> None:
    """The customer wrote, so WhatsApp's window is open again: what was held for it may leave."""
    held = list(conversation.messages.filter(status=MessageStatus.HELD, held_for="window").order_by("id"))
    for message in held:
        lifecycle.move(
            [message],
            MessageStatus.QUEUED,
            come_from=(MessageStatus.HELD,),
            reason="The customer has written: the window is open again",
            held_for="",
            queued_at=timezone.now(),  # what waited for days must not be given up for its age at once
            failure_code="",
            failure_text="",
            hinted_at=None,
        )
    dispatch.hint_on_commit(held[:1])


def _stream_of(one: InboundMessage, account: ProviderAccount, called: Stream | None) -> Stream | None:
    """The stream that the call names; where it names none, the one whose address was called, or the only one."""
    if any(one.stream_keys):
        return stream_by_keys(account, one.stream_keys, one.channel)
    if called is not None:
        return called
    only = list(account.streams.filter(channel=one.channel)[:2] if one.channel else account.streams.all()[:2])
    return only[0] if len(only) == 1 else None


def stream_by_keys(account: ProviderAccount, keys: Sequence[str], channel: str | None) -> Stream | None:
    """The stream that one of the words names: its id there, its sender, its inbound number or a numeric id."""
    wanted = [key for key in keys if key]
    if not wanted:
        return None
    streams = account.streams.filter(
        Q(external_id__in=wanted)
        | Q(sender__in=wanted)
        | Q(inbound_number__in=wanted)
        | Q(settings__stream_id__in=wanted)
    )
    if channel and (of_channel := streams.filter(channel=channel).first()):
        return of_channel
    return streams.first()


def lock_number(stream: Stream, contact: Contact) -> None:
    """Two messages of one number to one stream, at once, make one conversation."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [stream.pk % 2**31, contact.phone])
