"""What providers tell us: stored raw first, read afterwards, each thing once."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import singledispatch
from typing import TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from rq.timeouts import JobTimeoutException

from conversations import queue
from conversations.models import Activity, Conversation, Message, OptIn, ProviderAccount, Stream, WebhookEvent
from conversations.models.activity import ActivityKind
from conversations.models.consent import ConsentEventKind, ConsentSource
from conversations.models.message import Direction
from conversations.models.stream import Channel
from conversations.models.webhook import WebhookEventStatus
from conversations.services import activities, consent, receipts, sessions
from conversations.services.arrivals import StreamNotFound, conversation_of, stream_by_keys
from conversations.services.arrivals import receive as receive  # tests and the polling job come in here too
from conversations.services.identities import NumberNotReadable, contact_of_number
from conversations.services.mirror import telling
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
    LinkOpened,
    Unrecognised,
)

logger = logging.getLogger(__name__)
security = logging.getLogger("parley.security")

LONGEST_STATUS = 40
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # no provider tells of a time before
KEPT_HEADERS = ("content-type", "user-agent", "x-signature-timestamp")
TOO_LARGE = 413


class MessageNotFound(Exception):
    """A call is about a message that is not ours; it is kept and can be replayed."""


class ToldOtherwise(Exception):
    """A message was told before, in other words: the first ones stand, and somebody should look at the call."""


class NotHereYet(Exception):
    """A call is about a conversation that we do not have: it waits until we do."""

    def __init__(self, about: str) -> None:
        super().__init__("It is about a conversation that Parley does not have yet.")
        self.about = about


def store_webhook(account: ProviderAccount, hook: HookRequest, *, stream: Stream | None = None) -> WebhookEvent:
    """Verify a call and store its body, once, before anything is read; then wake a worker.

    `stream` is the one whose own address was called. Raises WebhookRefused when the call is not theirs (403), and when
    nobody can read it (400): then it is kept as failed, to be looked at. The same body again only counts up.
    """
    provider = provider_class(account.provider)
    provider.verify_hook(hook, account.credentials or {})
    event, created = _keep(account, hook, stream)
    try:
        is_of_a_customer = _is_of_a_customer(provider, hook)
    except WebhookRefused as refusal:
        _failed(event, str(refusal))
        raise
    if created:
        # No partial: Django names the function in its log when a robust one fails.
        transaction.on_commit(lambda: _wake(event.pk, is_of_a_customer=is_of_a_customer), robust=True)
    return event


def _keep(account: ProviderAccount, hook: HookRequest, stream: Stream | None) -> tuple[WebhookEvent, bool]:
    """The call, and whether it came for the first time. One statement: the provider waits for its answer."""
    event = WebhookEvent(
        account=account,
        stream=stream,
        key=hashlib.sha256(hook.body).hexdigest(),
        headers={name: hook.headers[name] for name in KEPT_HEADERS if name in hook.headers},
        content_type=hook.content_type[:100],
        body=hook.body,
        received_at=hook.received_at,
    )
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [field.get_db_prep_save(getattr(event, field.attname), connection) for field in _KEPT])
        pk, times = cursor.fetchone()
    if times > 1:
        return WebhookEvent.objects.get(pk=pk), False
    event.pk = pk
    event._state.adding = False
    return event, True


_KEPT = [field for field in WebhookEvent._meta.concrete_fields if not field.primary_key]
_KEEP = f"""
    INSERT INTO conversations_webhookevent AS event ({", ".join(str(field.column) for field in _KEPT)})
    VALUES ({", ".join("%s" for _ in _KEPT)})
    ON CONFLICT (account_id, key) DO UPDATE SET times_received = event.times_received + 1
    RETURNING id, times_received
"""  # noqa: S608 - the names are our columns


def _wake(event_id: int, *, is_of_a_customer: bool) -> None:
    """What a customer said is read by itself, all else by whoever reads what waits.

    Two names, because a job is known by its name and waits in one queue only.
    """
    if is_of_a_customer:
        queue.hint("hear_customers", [event_id], queue=queue.INTERACTIVE)
    else:
        queue.hint_once("process_webhooks", queue=queue.DEFAULT)


def _is_of_a_customer(provider: type[Provider], hook: HookRequest) -> bool:
    """Did a customer say something? Agents see it at once; all else waits behind the reports of a whole campaign.

    Raises WebhookRefused for a body that is no call of theirs in any form; a fault of ours is left to the job.
    """
    try:
        found = provider.parse_hook(hook)
    except WebhookRefused:
        raise
    except Exception:
        return False
    return any(isinstance(one, ConsentEvent) or (isinstance(one, InboundMessage) and not one.ref) for one in found)


def process_webhooks(event_ids: Sequence[int]) -> None:
    """Read stored calls; one that breaks is marked and never holds up the others."""
    for pk in event_ids:
        _process_waiting(pk)


def _process_waiting(pk: int) -> None:
    """Read this call if it waits and nobody else is reading it."""
    with transaction.atomic():
        waiting = WebhookEvent.objects.filter(pk=pk, status=WebhookEventStatus.RECEIVED)
        found = waiting.select_related("account", "stream").select_for_update(skip_locked=True, of=("self",))
        if (event := found.first()) is not None:
            _process(event)


def replay(event: WebhookEvent) -> None:
    """Read a stored call again, after the cause of its failure was mended."""
    WebhookEvent.objects.filter(pk=event.pk).update(status=WebhookEventStatus.RECEIVED, error="")
    process_webhooks([event.pk])


def hook_of(event: WebhookEvent) -> HookRequest:
    """The call as it came."""
    return HookRequest("POST", event.headers, bytes(event.body), event.received_at, event.content_type)


def _process(event: WebhookEvent) -> None:
    found: list[HookEvent] = []
    try:
        with transaction.atomic():
            found = provider_class(event.account.provider).parse_hook(hook_of(event))
            kept_for = _handle_all(found, event)
        if kept_for is not None:
            raise kept_for
    except (OperationalError, InterfaceError, JobTimeoutException):
        raise  # a deadlock, no database, or the job's time is over: nothing is wrong with the call, it is read again
    except NotHereYet as early:
        event.about = early.about
        _done(event, WebhookEventStatus.PARKED, found, str(early))
    except (WebhookRefused, StreamNotFound, NumberNotReadable, MessageNotFound, ToldOtherwise) as error:
        _failed(event, str(error), found)
    except Exception as error:
        logger.exception("Webhook event %s broke", event.pk)
        _failed(event, type(error).__name__, found)
    else:
        unknown = any(isinstance(one, Unrecognised) for one in found)
        _done(event, WebhookEventStatus.UNRECOGNISED if unknown else WebhookEventStatus.PROCESSED, found)


def _handle_all(found: Sequence[HookEvent], event: WebhookEvent) -> NotHereYet | ToldOtherwise | None:
    """Act on everything a call said, messages of customers first: they make conversations known.

    Returns why the first waits that is about a conversation we do not have, or was told otherwise before; the others
    are done nevertheless.
    """
    kept = None
    for one in sorted(found, key=lambda one: not isinstance(one, InboundMessage)):
        try:
            handle(with_plausible_time(one), event.account, event)
        except (NotHereYet, ToldOtherwise) as error:
            kept = kept or error
    return kept


def _failed(event: WebhookEvent, error: str, found: Sequence[HookEvent] = ()) -> None:
    _done(event, WebhookEventStatus.FAILED, found, error)


def _done(event: WebhookEvent, status: WebhookEventStatus, found: Sequence[HookEvent], error: str = "") -> None:
    event.status, event.error, event.processed_at = status, error[:300], timezone.now()
    event.summary = summary_of(found)
    event.save(update_fields=["status", "error", "processed_at", "summary", "about", "stream"])


def summary_of(found: Sequence[HookEvent]) -> str:
    """What a call said, in a few words, without anything of a customer's."""
    words = Counter(_words(one) for one in found)
    return ", ".join(word if times == 1 else f"{word} ({times})" for word, times in words.items())[:120]


def _words(one: HookEvent) -> str:
    match one:
        case InboundMessage():
            if one.ref:
                return "Our own words"
            return "Message from a customer" if one.kind == "text" else f"{one.kind_word or one.kind}".capitalize()
        case DeliveryReport():
            return f"Report: {one.status.value}"
        case ConsentEvent():
            return "Opt-out" if one.event == "opt_out" else "Opt-in"
        case LinkOpened():
            return "Link opened"
        case ConversationEvent():
            return one.kind.replace("_", " ").capitalize()
        case Unrecognised():
            return f"Unknown: {one.kind[:60]}" if one.kind else "Unknown"


AnyEvent = TypeVar("AnyEvent", bound=HookEvent)


def with_plausible_time(one: AnyEvent) -> AnyEvent:
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
    if receipt.message is not None:
        event.stream = receipt.message.stream
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
    message = receive(one, account, called=event.stream, event=event)
    if message is not None:
        event.stream = message.stream
    elif event.stream is None:
        event.stream = stream_by_keys(account, one.stream_keys, one.channel)
    if message is None and not one.ref and _was_told_otherwise(one, account):
        raise ToldOtherwise("The same message came before with other words. The first ones stand.")


def _was_told_otherwise(one: InboundMessage, account: ProviderAccount) -> bool:
    known = Message.objects.filter(stream__account=account, external_id=one.external_id or one.key)
    first = known.values_list("body", flat=True).first() or ""
    # XML and JSON end lines differently: white space is no other word.
    return first != "" and first.split() != one.body.replace("\x00", "").split()


@handle.register
def _(one: LinkOpened, account: ProviderAccount, event: WebhookEvent) -> None:
    sent = Message.objects.filter(stream__account=account, direction=Direction.OUT).select_related("conversation")
    message = None
    with suppress(ValueError):
        message = sent.filter(ref=UUID(one.ref)).first()
    if message is None and one.external_id:
        message = sent.filter(external_id=one.external_id).first()
    if message is None:
        raise MessageNotFound("A link was opened in a message that Parley did not send.")
    event.stream = message.stream
    _note_provider(
        message.conversation,
        one.key,
        "The customer opened the link in our message",
        one.occurred_at,
        data={"kind": "link_opened"},
    )


@handle.register
def _(one: ConsentEvent, account: ProviderAccount, event: WebhookEvent) -> None:
    stream = stream_by_keys(account, one.stream_keys, Channel.SMS) or event.stream or account.streams.first()
    event.stream = stream
    channel = stream.channel if stream else Channel.SMS
    contact = contact_of_number(one.phone)
    opens = one.event == "opt_in"
    evidence = f"Event {one.key} of the provider"
    consent.number_lock(contact.phone)
    if OptIn.objects.filter(phone=contact.phone, channel=channel, evidence=evidence).exists():
        return  # told again, in another call or at a replay: what the customer decided since counts
    consent.record(
        OptIn(
            contact=contact,
            channel=channel,
            event=ConsentEventKind.OPT_IN if opens else ConsentEventKind.OPT_OUT,
            source=ConsentSource.PROVIDER,
            stream=stream,
            wording=one.text or ("Opted in at the provider" if opens else "Opted out at the provider"),
            evidence=evidence,
            occurred_at=one.occurred_at or timezone.now(),
        )
    )


@handle.register
def _(one: ConversationEvent, account: ProviderAccount, event: WebhookEvent) -> None:
    if not one.conversation_id:
        return
    conversation = conversation_of(account, one.conversation_id)
    if conversation is None:
        raise NotHereYet(one.conversation_id)
    event.stream = conversation.stream
    if conversation.activities.filter(data__key=one.key).exists():
        return
    if one.external_status:
        Conversation.objects.filter(pk=conversation.pk).update(external_status=one.external_status[:LONGEST_STATUS])
    sessions.follow(conversation, one)
    if conversation.stream.is_mirrored and one.kind in ("agent_message", "activity"):
        telling.read_on_commit(conversation)  # the reading brings it in, whole and once
        return
    # With its type and its conversation there, a later reading of the same log knows the line again.
    logged = {"type": str(one.data.get("type", ""))} if one.kind == "activity" else {}
    _note_provider(
        conversation,
        one.key,
        one.text or (logged.get("type") or one.kind).replace("_", " "),
        one.occurred_at,
        data={"kind": one.kind, **logged},
        external_id=one.conversation_id[:64] if logged else "",
    )


def _note_provider(
    conversation: Conversation,
    key: str,
    text: str,
    at: datetime | None,
    *,
    data: Mapping[str, str],
    external_id: str = "",
) -> None:
    """A line in the conversation of what the provider told, once per key."""
    if conversation.activities.filter(data__key=key).exists():
        return
    told = Activity(
        conversation=conversation,
        kind=ActivityKind.PROVIDER,
        text=text,
        data={**data, "key": key},
        external_id=external_id,
        occurred_at=at or timezone.now(),
    )
    activities.write([told], is_theirs=True)
