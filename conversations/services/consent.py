"""Recording a customer's decisions about being written to: a line in the ledger and the present state, together."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from conversations import live
from conversations.models import Activity, ConsentState, Contact, Conversation, OptIn, Stream, User
from conversations.models.activity import ActivityKind
from conversations.models.consent import ConsentDecision, ConsentEventKind, ConsentScope, ConsentSource
from conversations.models.message import Purpose

_FROM_THE_CUSTOMER = (ConsentSource.KEYWORD, ConsentSource.PROVIDER)
_OPENS = (ConsentEventKind.OPT_IN, ConsentEventKind.DOUBLE_OPT_IN)


def record(
    *,
    contact: Contact,
    channel: str,
    event: str,
    source: str,
    purpose: str = "",
    stream: Stream | None = None,
    wording: str = "",
    business_name: str = "",
    evidence: str = "",
    recorded_by: User | None = None,
    occurred_at: datetime | None = None,
) -> OptIn:
    """Append a decision to the ledger and set the present state, in one transaction.

    `purpose` empty means every purpose. An opt-out takes the exclusive lock of the number, so that no message
    can go on the wire between it and the state it writes. Raises ValidationError when an opt-in has no wording,
    since it then proves nothing, and when an opt-out would be lifted without the right or without a proof.
    """
    opening = event in _OPENS
    if opening and not wording.strip():
        raise ValidationError("Enter the words the customer agreed to.", code="wording_missing")
    with transaction.atomic():
        number_lock(contact.phone)
        if opening and source not in _FROM_THE_CUSTOMER and is_opted_out(contact.phone, channel):
            _check_lifting(recorded_by, evidence)
        entry = OptIn.objects.create(
            contact=contact,
            phone=contact.phone,
            channel=channel,
            event=event,
            purpose=purpose,
            scope=ConsentScope.EVERYWHERE,
            stream=stream,
            source=source,
            wording=wording,
            business_name=business_name,
            evidence=evidence,
            recorded_by=recorded_by,
            occurred_at=occurred_at or timezone.now(),
        )
        decision = ConsentDecision.OPTED_IN if opening else ConsentDecision.OPTED_OUT
        purposes = [purpose] if purpose else list(Purpose.values)
        changes = dict.fromkeys(purposes, decision) | {"last_event": entry, "changed_at": entry.occurred_at}
        ConsentState.objects.update_or_create(phone=contact.phone, channel=channel, defaults=changes)
        _note(entry)
    return entry


def number_lock(phone: str, *, shared: bool = False) -> None:
    """Order sends (shared) and decisions (exclusive) of one number; held until the transaction ends."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 7301))", [phone])


def _check_lifting(recorded_by: User | None, evidence: str) -> None:
    """Whoever lifts an opt-out needs the right, and everybody needs a proof."""
    if recorded_by is not None and not recorded_by.has_perm("conversations.lift_opt_out"):
        raise ValidationError(
            "The customer opted out. Ask a supervisor to record the new permission.", code="not_allowed"
        )
    if not evidence.strip():
        raise ValidationError("The customer opted out. Say where the new permission is proved.", code="proof_missing")


def is_opted_out(phone: str, channel: str) -> bool:
    """Has this number opted out of service messages on this channel?"""
    return ConsentState.objects.filter(phone=phone, channel=channel, service=ConsentDecision.OPTED_OUT).exists()


def _note(entry: OptIn) -> None:
    kind = ActivityKind.OPT_IN if entry.event in _OPENS else ActivityKind.OPT_OUT
    current = Conversation.objects.current().filter(contact=entry.contact_id, stream__channel=entry.channel)
    for conversation in current:
        Activity.objects.create(
            conversation=conversation,
            kind=kind,
            actor=entry.recorded_by,
            text=entry.wording,
            data={"channel": entry.channel, "source": entry.source, "purpose": entry.purpose},
        )
        live.publish(stream_id=conversation.stream_id, kind="conversation", conversation_id=conversation.pk)
