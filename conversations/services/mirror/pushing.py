"""Carrying the outbox over: in the order of each conversation, one request at a time, each entry once.

The same two commits stand around the wire as for messages: the claim, and *on the wire* between the connection and
the first byte. What was on the wire without an answer is looked for on the other side before it is told again.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from conversations.models import Activity, Conversation, ConversationMirror, Message
from conversations.models.account import AccountHealth
from conversations.models.activity import ActivityKind, PushState
from conversations.models.message import MessageStatus
from conversations.services import dispatch, pacing
from conversations.services.accounts import mark_credentials_refused, provider_for
from conversations.services.activities import tell
from conversations.services.clock import database_now
from conversations.services.exchange import Fenced, exchange
from conversations.services.mirror import telling
from conversations.services.mirror.agreement import status_word
from conversations.services.mirror.entries import entry_of, opening_for
from messaging.errors import ConfigurationError, ProviderError
from messaging.mirror import EntryKind, MirrorEntry
from messaging.providers.base import Operation, Provider
from messaging.registry import provider_class
from messaging.types import Outcome, RecipientResult, SendResult

logger = logging.getLogger(__name__)

MOST_IN_A_JOB = 50  # then the others have a turn
LONGEST_WAIT = 60.0  # seconds between two tries
LATER = timedelta(minutes=10)  # for what only time or a person changes
FIRST_LOOK = timedelta(seconds=5)
_FREE: dict[str, Any] = {"push_claim": None, "push_lease_until": None}

WAITS_FOR_TEMPLATE = "Waits for the first template: it begins the conversation there."
WAITS_FOR_OPENING = "Waits for the opening of the conversation, which was refused."
SWITCHED_OFF = "This stream no longer keeps conversations there."


@dataclass(frozen=True, slots=True)
class Turn:
    """One claimed entry. `creates`: the conversation has to be opened there first. `looks`: it may have arrived."""

    activity: Activity
    conversation: Conversation
    entry: MirrorEntry
    claim: uuid.UUID
    creates: bool
    looks: bool


def push(conversation_ids: Sequence[int]) -> None:
    """Tell the other side what it lacks of these conversations; harmless when called twice, late or at once by two.

    Never raises for a provider's fault: what happened is on the rows.
    """
    for pk in conversation_ids:
        for _ in range(MOST_IN_A_JOB):
            if not _step(pk):
                break
        else:
            telling.wake_conversation_on_commit(pk)


def push_again(activity: Activity) -> None:
    """A person wants a refused entry told once more. Raises ValidationError when it is not refused."""
    changes = {"push_state": PushState.QUEUED, "push_text": "", "push_next_at": None, "push_tries": 0, **_FREE}
    with transaction.atomic():
        if not Activity.objects.filter(pk=activity.pk, push_state=PushState.FAILED).update(**changes):
            raise ValidationError("This is no longer refused. Look at the conversation again.", code="not_refused")
        activity.conversation.activities.to_push().update(push_next_at=None)
        telling.wake_conversation_on_commit(activity.conversation_id)
        tell(activity.conversation)


def _step(pk: int) -> bool:
    """Do what is next in one conversation; False when nothing more can be done now."""
    with transaction.atomic():
        found = Conversation.objects.select_for_update(no_key=True, of=("self",)).filter(pk=pk)
        conversation = found.select_related("stream__account", "contact", "sub_stream").first()
        first = (
            conversation.activities.to_push().order_by("id").select_related("actor").first() if conversation else None
        )
        if conversation is None or first is None:
            return False
        turn = _claim(conversation, first, database_now())
    if isinstance(turn, bool):
        return turn
    return _look(turn) if turn.looks else _send(turn)


def _claim(conversation: Conversation, first: Activity, now: datetime) -> Turn | bool:
    """Take the entry that is next; False when it has to wait, True when it needed no request. In a transaction."""
    if first.push_claim is not None:
        if first.push_lease_until is not None and first.push_lease_until > now:
            return False
        # The worker was lost: what it had not put on the wire was not told.
        first.push_state = PushState.QUEUED if first.push_on_wire_at is None else PushState.UNCONFIRMED
        _set(first, push_state=first.push_state, push_next_at=None, **_FREE)
    elif first.push_next_at is not None and first.push_next_at > now:
        return False
    stream = conversation.stream
    if not (stream.is_active and stream.account.is_active) or stream.is_paused:
        return False
    if stream.account.health == AccountHealth.NEEDS_CREDENTIALS:
        return False
    if not stream.is_mirrored:
        return _wait_for(first, SWITCHED_OFF, now)
    first.conversation = conversation
    is_opening = first.kind == ActivityKind.OPENED
    if is_opening and conversation.external_id:
        _pushed(first, conversation, now)
        return True
    creates = not conversation.external_id
    entry = opening_for(first, conversation) if creates else entry_of(first, conversation)
    if (
        creates
        and not is_opening
        and conversation.activities.filter(kind=ActivityKind.OPENED, push_state=PushState.FAILED).exists()
    ):
        return _wait_for(first, WAITS_FOR_OPENING, now)
    if creates and _waits_for_template(stream, entry):
        return _wait_for(first, WAITS_FOR_TEMPLATE, now)
    gate = pacing.lock(stream)
    if wait_until := pacing.admit(gate, at=now, has_waited=first.push_next_at is not None, is_bulk=not is_opening):
        _set(first, push_next_at=wait_until)
        return False
    claim = uuid.uuid4()
    looks = first.push_state == PushState.UNCONFIRMED
    changes: dict[str, Any] = {"push_tries": F("push_tries") + 1}
    if not looks:
        changes["push_on_wire_at"] = None
    lease = now + timedelta(seconds=settings.DELIVERY_LEASE_SECONDS)
    _set(first, push_claim=claim, push_lease_until=lease, push_next_at=None, **changes)
    return Turn(first, conversation, entry, claim, creates, looks)


def _waits_for_template(stream: Any, entry: MirrorEntry) -> bool:
    try:
        return provider_class(stream.account.provider).plan_entry(entry, stream.config) is None
    except ConfigurationError:
        return False  # the request says so itself, and is refused


def _wait_for(activity: Activity, why: str, now: datetime) -> bool:
    _set(activity, push_next_at=now + LATER, push_text=why)
    if activity.push_text != why:
        tell(activity.conversation)
    return False


def _set(activity: Activity, **changes: Any) -> None:
    Activity.objects.filter(pk=activity.pk).update(**changes)


def _send(turn: Turn) -> bool:
    """One request, and its outcome on the row."""
    stream = turn.conversation.stream
    provider = provider_for(stream.account)
    try:
        done = exchange(
            provider,
            lambda: _plan(turn, provider),
            refs=[turn.entry.ref],
            put_on_wire=lambda: _put_on_wire(turn),
        )
    except Fenced:
        return False
    return _record(turn, done.result.results[0], done.retry_after)


def _plan(turn: Turn, provider: Provider) -> Operation[SendResult]:
    """The call; content is put together with what is there now, because whether a new one replaces it is not said."""
    stream, entry = turn.conversation.stream.config, turn.entry
    if entry.kind is EntryKind.CONTENT:
        there = provider.read_conversation(stream, entry.conversation_id).content
        entry = replace(entry, values={"content": {**there, **entry.values["content"]}})
    planned = provider.plan_entry(entry, stream)
    if planned is None:
        raise ConfigurationError(WAITS_FOR_TEMPLATE)
    return planned


def _put_on_wire(turn: Turn) -> None:
    now = database_now()
    enough_lease = now + timedelta(seconds=settings.DELIVERY_TOTAL_SECONDS + settings.DELIVERY_MARGIN_SECONDS)
    mine = Activity.objects.filter(pk=turn.activity.pk, push_claim=turn.claim, push_lease_until__gt=enough_lease)
    if not mine.update(push_on_wire_at=now):
        raise Fenced("the claim is over")


def _look(turn: Turn) -> bool:
    """Ask whether an entry that may have arrived is there: only when it is not, long enough after, is it told again."""
    stream = turn.conversation.stream
    provider = provider_for(stream.account)
    entry = turn.entry
    try:
        if entry.kind is EntryKind.CONTENT:
            there = provider.read_conversation(stream.config, entry.conversation_id).content
            found = None if there.get("tags") != entry.values["content"]["tags"] else _arrived(turn)
        else:
            operation = provider.plan_find(entry, stream.config)
            if operation is None:
                return _release(turn)
            found = provider.call(operation)
    except (ConfigurationError, ProviderError) as error:
        logger.info("The look for activity %s came to nothing: %s", turn.activity.pk, error.__class__.__name__)
        _learn(turn, error.code if isinstance(error, ProviderError) else "")
        _mine(turn).update(push_next_at=database_now() + _wait(turn), **_FREE)
        return False
    _learn(turn)
    if found is not None:
        return _record(turn, found, None)
    since = turn.activity.push_on_wire_at
    trusted_from = since + timedelta(seconds=settings.MIRROR_LOOKUP_SECONDS) if since else None
    if trusted_from is None or trusted_from <= database_now():
        return _release(turn)
    _mine(turn).update(push_next_at=trusted_from, **_FREE)
    return False


def _learn(turn: Turn, fault: str = "") -> None:
    """A look is a request too: the pace of the stream counts what became of it."""
    outcome = Outcome.RETRY if fault else Outcome.ACCEPTED
    with transaction.atomic():
        result = RecipientResult(turn.entry.ref, outcome, code=fault)
        if pacing.note(turn.conversation.stream, [result], at=database_now(), retry_after=None):
            dispatch.hint_next_on_commit(turn.conversation.stream)


def _arrived(turn: Turn) -> RecipientResult:
    return RecipientResult(turn.entry.ref, Outcome.ACCEPTED, conversation_id=turn.entry.conversation_id)


def _release(turn: Turn) -> bool:
    """It is not there, or telling it twice does no harm: it is told again."""
    return bool(_mine(turn).update(push_state=PushState.QUEUED, push_on_wire_at=None, push_next_at=None, **_FREE))


def _mine(turn: Turn) -> Any:
    return Activity.objects.filter(pk=turn.activity.pk, push_claim=turn.claim)


def _record(turn: Turn, result: RecipientResult, retry_after: float | None) -> bool:
    """Write down what one request came to; True when the next entry may follow at once."""
    now = database_now()
    with transaction.atomic():
        # The conversation before the row, as the claim takes them.
        conversation = Conversation.objects.select_for_update(no_key=True).get(pk=turn.conversation.pk)
        if not _mine(turn).exists():
            return False
        if result.outcome is Outcome.ACCEPTED:
            if turn.creates:
                _opened(turn, conversation, result.conversation_id)
            if turn.creates and turn.activity.kind != ActivityKind.OPENED:
                _mine(turn).update(push_state=PushState.QUEUED, push_on_wire_at=None, push_text="", **_FREE)
            else:
                _pushed(turn.activity, conversation, now, result.external_id)
        elif result.outcome is Outcome.REFUSED:
            _mine(turn).update(push_state=PushState.FAILED, push_text=(result.text or result.code)[:300], **_FREE)
        elif result.outcome is Outcome.UNCONFIRMED:
            _mine(turn).update(push_state=PushState.UNCONFIRMED, push_next_at=now + _first_look(), **_FREE)
        else:
            wait = timedelta(seconds=retry_after) if retry_after is not None else _wait(turn)
            _mine(turn).update(push_state=PushState.QUEUED, push_on_wire_at=None, push_next_at=now + wait, **_FREE)
        # The gate before the account, as whoever records a window locks them.
        if not turn.looks and pacing.note(turn.conversation.stream, [result], at=now, retry_after=retry_after):
            dispatch.hint_next_on_commit(turn.conversation.stream)
        if result.outcome is Outcome.BLOCKED:
            mark_credentials_refused(turn.conversation.stream.account, result.text)
        tell(turn.conversation)
    return result.outcome in (Outcome.ACCEPTED, Outcome.REFUSED)


def _wait(turn: Turn) -> timedelta:
    return pacing.backoff(turn.activity.push_tries, longest=LONGEST_WAIT)


def _first_look() -> timedelta:
    return min(FIRST_LOOK, timedelta(seconds=settings.MIRROR_LOOKUP_SECONDS))


def _opened(turn: Turn, conversation: Conversation, external_id: str) -> None:
    """The conversation is there now; the messages that waited for it may leave."""
    Conversation.objects.filter(pk=conversation.pk, external_id="").update(external_id=external_id)
    conversation.refresh_from_db(fields=["external_id"])
    ConversationMirror.objects.get_or_create(
        stream_id=conversation.stream_id,
        external_id=external_id,
        defaults={"conversation": conversation, "agreed_status": "open"},
    )
    waiting = Message.objects.filter(conversation=conversation, status=MessageStatus.QUEUED)
    waiting.update(next_attempt_at=None, hinted_at=None)
    dispatch.hint_on_commit(list(waiting.order_by("queued_at", "id").only("pk")[:1]))


def _pushed(activity: Activity, conversation: Conversation, now: datetime, external_id: str = "") -> None:
    """The other side has it: kept with the id that it has there, else with that of the conversation."""
    _set(
        activity,
        push_state=PushState.PUSHED,
        push_text="",
        pushed_at=now,
        external_id=(external_id or conversation.external_id)[:64],
        push_next_at=None,
        **_FREE,
    )
    if activity.kind == ActivityKind.PHONE_MESSAGE and external_id:
        Message.objects.filter(pk=activity.data.get("message"), external_id="").update(external_id=external_id)
    if activity.kind == ActivityKind.STATUS_CHANGE:
        ConversationMirror.objects.filter(
            stream_id=conversation.stream_id, external_id=conversation.external_id
        ).update(agreed_status=status_word(str(activity.data.get("to", ""))))
    tell(conversation)
