"""What providers tell us: stored raw first, read afterwards, each thing once."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import singledispatch
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from rq.timeouts import JobTimeoutException

from conversations import live, queue
from conversations.models import Activity, Contact, Conversation, Message, OptIn, ProviderAccount, Stream, WebhookEvent
from conversations.models.activity import ActivityKind
from conversations.models.consent import ConsentEventKind, ConsentSource
from conversations.models.conversation import ConversationStatus
from conversations.models.fields import E164
from conversations.models.message import Direction, Kind, MessageStatus
from conversations.models.stream import Channel
from conversations.models.webhook import WebhookEventStatus
from conversations.services import (
    attachments,
    consent,
    consequences,
    dispatch,
    lifecycle,
    notifications,
    opt_in_keywords,
    receipts,
)
from conversations.services.conversations import open_conversation, preview
from messaging.errors import WebhookRefused
from messaging.providers.base import Provider
from messaging.registry import provider_class
from messaging.types import (
    ConsentEvent,
    ConversationEvent,
    DeliveryReport,
    HookEvent,
    HookRequest,
    InboundMessage,
    Unrecognised,
)
from messaging.whatsapp import window_closes_at

logger = logging.getLogger(__name__)
security = logging.getLogger("parley.security")

LONGEST = {"first_name": 100, "last_name": 100, "email": 254}  # what does not fit a contact is left out
LONGEST_STATUS = 40
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # no provider tells of a time before
KEPT_HEADERS = ("content-type", "user-agent", "x-signature-timestamp")


class StreamNotFound(Exception):
    """A customer wrote to a stream that is not set up here; the call is kept and can be replayed."""


class NumberNotReadable(Exception):
    """A call names a customer by something that is no phone number; it is kept and can be replayed."""


def store_webhook(account: ProviderAccount, hook: HookRequest) -> WebhookEvent:
    """Verify a call and store its body, once, before anything is read; then wake a worker.

    Raises WebhookRefused when it is not theirs (403), and when nobody can read it (400): then it is kept as failed,
    to be looked at. The same body again only counts up.
    """
    provider = provider_class(account.provider)
    provider.verify_hook(hook, account.credentials or {})
    event, created = WebhookEvent.objects.get_or_create(
        account=account,
        key=hashlib.sha256(hook.body).hexdigest(),
        defaults={
            "headers": {name: hook.headers[name] for name in KEPT_HEADERS if name in hook.headers},
            "content_type": hook.content_type[:100],
            "body": hook.body,
            "received_at": hook.received_at,
        },
    )
    if not created:
        WebhookEvent.objects.filter(pk=event.pk).update(times_received=F("times_received") + 1)
    if refusal := _why_unreadable(provider, hook):
        _failed(event, str(refusal))
        raise refusal
    if created:
        # No partial: Django names the function in its log when a robust one fails.
        transaction.on_commit(lambda: queue.hint("process_webhooks", [event.pk], queue=queue.DEFAULT), robust=True)
    return event


def _why_unreadable(provider: type[Provider], hook: HookRequest) -> WebhookRefused | None:
    """The refusal of a body that is no call of theirs in any form; a fault of ours is left to the job."""
    try:
        provider.parse_hook(hook)
    except WebhookRefused as refusal:
        return refusal
    except Exception:
        return None
    return None


def process_webhooks(event_ids: Sequence[int]) -> None:
    """Read stored calls; one that breaks is marked and never holds up the others."""
    for pk in event_ids:
        with transaction.atomic():
            event = (
                WebhookEvent.objects.select_for_update(skip_locked=True, of=("self",))
                .select_related("account")
                .filter(pk=pk, status=WebhookEventStatus.RECEIVED)
                .first()
            )
            if event is not None:
                _process(event)


def replay(event: WebhookEvent) -> None:
    """Read a stored call again, after the cause of its failure was mended."""
    WebhookEvent.objects.filter(pk=event.pk).update(status=WebhookEventStatus.RECEIVED, error="")
    process_webhooks([event.pk])


def _process(event: WebhookEvent) -> None:
    hook = HookRequest("POST", event.headers, bytes(event.body), event.received_at, event.content_type)
    try:
        with transaction.atomic():
            found = provider_class(event.account.provider).parse_hook(hook)
            for one in found:
                handle(_with_plausible_time(one), event.account, event)
    except (OperationalError, InterfaceError, JobTimeoutException):
        raise  # a deadlock, no database, or the job's time is over: nothing is wrong with the call, it is read again
    except (WebhookRefused, StreamNotFound, NumberNotReadable) as error:
        _failed(event, str(error))
    except Exception as error:
        logger.exception("Webhook event %s broke", event.pk)
        _failed(event, type(error).__name__)
    else:
        unknown = bool(found) and all(isinstance(one, Unrecognised) for one in found)
        _done(event, WebhookEventStatus.UNRECOGNISED if unknown else WebhookEventStatus.PROCESSED)


def _failed(event: WebhookEvent, error: str) -> None:
    _done(event, WebhookEventStatus.FAILED, error[:300])


def _done(event: WebhookEvent, status: WebhookEventStatus, error: str = "") -> None:
    event.status, event.error, event.processed_at = status, error, timezone.now()
    event.save(update_fields=["status", "error", "processed_at"])


def _with_plausible_time(one: HookEvent) -> HookEvent:
    """A clock that is ahead must neither lengthen a window nor stand at the end of a conversation for ever."""
    if isinstance(one, Unrecognised) or one.occurred_at is None:
        return one
    return replace(one, occurred_at=min(one.occurred_at, timezone.now()) if one.occurred_at >= EARLIEST else None)


@singledispatch
def handle(one: HookEvent, account: ProviderAccount, event: WebhookEvent) -> None:
    """Act on one thing that a call said; what we have no use for stays in the raw event."""


@handle.register
def _(one: DeliveryReport, account: ProviderAccount, event: WebhookEvent) -> None:
    receipt = receipts.record(account, one, event=event)
    if receipt.message_id is None and (foreign := _of_another_account(one, account)):
        security.warning("A report to account %s names message %s of another account: ignored", account.pk, foreign)


def _of_another_account(one: DeliveryReport, account: ProviderAccount) -> int | None:
    """The message that a report means by its reference or the provider's id, where it is not this account's."""
    foreign = Message.objects.exclude(stream__account=account).values_list("pk", flat=True)
    if one.external_id:
        same_provider = foreign.filter(stream__account__provider=account.provider)
        if found := same_provider.filter(external_id=one.external_id).first():
            return found
    with suppress(ValueError):
        return foreign.filter(ref=UUID(one.ref)).first()
    return None


@handle.register
def _(one: InboundMessage, account: ProviderAccount, event: WebhookEvent) -> None:
    receive(one, account)


@handle.register
def _(one: ConsentEvent, account: ProviderAccount, event: WebhookEvent) -> None:
    stream = _stream_by_keys(account, one.stream_keys, Channel.SMS) or account.streams.first()
    channel = stream.channel if stream else Channel.SMS
    contact = _contact(one.phone)
    opens = one.event == "opt_in"
    evidence = f"Event {one.key} of the provider"
    consent.number_lock(contact.phone)
    if OptIn.objects.filter(phone=contact.phone, channel=channel, evidence=evidence).exists():
        return  # told again, in another call or at a replay: what the customer decided since counts
    consent.record(
        contact=contact,
        channel=channel,
        event=ConsentEventKind.OPT_IN if opens else ConsentEventKind.OPT_OUT,
        source=ConsentSource.PROVIDER,
        stream=stream,
        wording=one.text or ("Opted in at the provider" if opens else "Opted out at the provider"),
        evidence=evidence,
        occurred_at=one.occurred_at,
    )


@handle.register
def _(one: ConversationEvent, account: ProviderAccount, event: WebhookEvent) -> None:
    if not one.conversation_id:
        return
    conversation = (
        Conversation.objects.filter(stream__account=account, external_id=one.conversation_id).newest_first().first()
    )
    if conversation is None or conversation.activities.filter(data__key=one.key).exists():
        return
    if one.external_status:
        Conversation.objects.filter(pk=conversation.pk).update(external_status=one.external_status[:LONGEST_STATUS])
    Activity.objects.create(
        conversation=conversation,
        kind=ActivityKind.PROVIDER,
        text=one.text or one.kind.replace("_", " "),
        data={"kind": one.kind, "key": one.key},
        occurred_at=one.occurred_at or timezone.now(),
    )
    live.publish(stream_id=conversation.stream_id, kind="conversation", conversation_id=conversation.pk)


def receive(one: InboundMessage, account: ProviderAccount) -> Message | None:
    """Put a customer's message into the conversation it belongs to; None when it is there already.

    Opens a resolved conversation again, restarts WhatsApp's window and reads STOP, START and HELP. Raises
    StreamNotFound when the account has no such stream.
    """
    known = (
        Conversation.objects.filter(stream__account=account, external_id=one.conversation_id)
        .select_related("stream", "contact")
        .newest_first()
        .first()
        if one.conversation_id
        else None
    )
    stream = known.stream if known else _stream_by_keys(account, one.stream_keys, one.channel)
    if stream is None:
        raise StreamNotFound(
            f"No stream of {account} is set up as {', '.join(one.stream_keys) or 'the one that was written to'}."
        )
    contact = _contact(one.phone, one) if one.phone or known is None else known.contact
    at = one.occurred_at or timezone.now()
    with transaction.atomic():
        _conversation_lock(stream, contact)
        external_id = one.external_id or one.key
        if Message.objects.filter(stream=stream, external_id=external_id).exists():
            return None
        conversation = _locked(open_conversation(stream=stream, contact=contact))
        message = Message.objects.create(
            conversation=conversation,
            stream=stream,
            direction=Direction.IN,
            kind=Kind.MEDIA if one.media else Kind.TEXT,
            status=MessageStatus.RECEIVED,
            body=one.body.replace("\x00", ""),
            media=[asdict(media) for media in one.media],
            external_id=external_id,
        )
        _note_inbound(conversation, message, one.conversation_id, at)
        lifecycle.record_new(message)
        attachments.expect(message)
        notifications.replied(conversation, message)
        consequences.cancel_after_reply(conversation)
        opt_in_keywords.read_keyword(conversation, message, at=at)
        _release_what_waited(conversation)
    return message


def _locked(conversation: Conversation) -> Conversation:
    """The row as it is now, and nobody changes it until we have."""
    rows = Conversation.objects.select_for_update(no_key=True, of=("self",)).select_related("stream", "contact")
    return rows.get(pk=conversation.pk)


def _note_inbound(conversation: Conversation, message: Message, external_id: str, at: datetime) -> None:
    conversation.last_message_at = message.created_at
    conversation.last_message_preview = preview(message)
    conversation.last_message_direction = Direction.IN
    conversation.last_inbound_at = at
    conversation.unread_count += 1
    conversation.waiting_since = conversation.waiting_since or at
    conversation.status = ConversationStatus.OPEN
    conversation.snoozed_until = None
    if conversation.stream.channel == Channel.WHATSAPP:
        conversation.window_closes_at = window_closes_at(at)
    if external_id:
        conversation.external_id = external_id
    conversation.save()
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


def _stream_by_keys(account: ProviderAccount, keys: Sequence[str], channel: str | None) -> Stream | None:
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


def _contact(phone: str, one: InboundMessage | None = None) -> Contact:
    # Whoever wrote to us has a number that works, whatever a library thinks of it: only its form is checked.
    if not re.fullmatch(E164, phone):
        raise NumberNotReadable("The customer's number cannot be read.")
    names = {"first_name": one.first_name, "last_name": one.last_name, "email": one.email} if one else {}
    names = {name: value for name, value in names.items() if len(value) <= LONGEST[name]}
    contact, created = Contact.objects.get_or_create(phone=phone, defaults=names)
    missing = {name: value for name, value in names.items() if value and not getattr(contact, name)}
    if missing and not created:
        Contact.objects.filter(pk=contact.pk).update(**missing)
    return contact


def _conversation_lock(stream: Stream, contact: Contact) -> None:
    """Two messages of one customer at once make one conversation."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [stream.pk % 2**31, contact.pk % 2**31])
