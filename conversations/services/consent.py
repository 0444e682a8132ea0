"""Recording a customer's decisions about being written to: lines in the ledger and the present state, together.

The state of a number on a channel is kept in three scopes: one stream, the streams of a business, all of them. The
youngest decision about a stream counts. To let readers take one row for the truth, a wider decision empties what
narrower states said before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from conversations.models import (
    Activity,
    ConsentState,
    Conversation,
    ErasedNumber,
    OptIn,
    Stream,
)
from conversations.models.activity import ActivityKind
from conversations.models.audit import AuditAction
from conversations.models.consent import FROM_THE_CUSTOMER, OPENING, ConsentDecision, ConsentScope, ConsentSource
from conversations.models.message import Purpose
from conversations.models.stream import Channel
from conversations.services import audit, statements
from conversations.services.activities import write

NUMBERS, CHANNELS = 7301, 7303  # the kinds of advisory locks: of one number, and of a channel
_PURPOSES = tuple(str(purpose) for purpose in Purpose)


@dataclass(frozen=True, slots=True)
class Present:
    """What holds for one purpose on one stream now, and the entry of the ledger that made it so."""

    decision: str = ConsentDecision.UNKNOWN
    entry: OptIn | None = None

    @property
    def is_out(self) -> bool:
        """Has the customer opted out?"""
        return self.decision == ConsentDecision.OPTED_OUT


def record(entry: OptIn) -> OptIn:
    """Append a decision to the ledger and set the present state, in one transaction; `entry` is not stored yet.

    It has no number of its own: that is its contact's. One about a business names the stream's, unless it says
    another. An opt-out takes the exclusive lock of the number, so that no message can go on the wire between it and the
    state it writes. Raises ValidationError when an opt-in does not prove what it must (`wording_missing`; on WhatsApp
    also `business_missing` and `business_not_named`, after Meta's rules), and when an opt-out would be lifted without
    the right (`not_allowed`), without a proof (`proof_missing`) or by a permission that is older than the opt-out
    (`older_than_opt_out`).
    """
    entry.phone = entry.contact.phone
    if entry.stream is not None and entry.scope == ConsentScope.BRAND:
        entry.business_name = entry.business_name or entry.stream.business_name
    check_entry(entry)
    with transaction.atomic():
        number_lock(entry.phone)
        bulk_lock(entry.channel)
        standing = opt_out_in_the_way(entry) if entry.gives_permission else None
        if standing is not None and entry.source not in FROM_THE_CUSTOMER:
            _check_lifting(entry, standing)
        entry.save()
        # What the customer wrote before they opted out came late: it is kept, and changes nothing.
        if standing is None or entry.occurred_at >= standing.occurred_at:
            _keep_state(entry)
            _note([entry])
        if entry.recorded_by is not None:
            audit.record(AuditAction.CONSENT_CHANGED, actor=entry.recorded_by, subject=entry, summary=f"{entry}.")
    return entry


def check_entry(entry: OptIn) -> None:
    """Raise ValidationError unless the decision says what a decision of its kind has to say."""
    if entry.scope == ConsentScope.STREAM and entry.stream is None:
        raise ValidationError("Say which stream the customer means.", code="stream_missing")
    if entry.scope == ConsentScope.BRAND and not entry.business_name.strip():
        raise ValidationError("Say which business the customer means.", code="business_missing")
    if not entry.gives_permission:
        return
    if not entry.wording.strip():
        raise ValidationError("Enter the words the customer agreed to.", code="wording_missing")
    if entry.channel == Channel.WHATSAPP and entry.source not in FROM_THE_CUSTOMER:
        if not entry.business_name.strip():
            raise ValidationError(
                "WhatsApp needs the name of the business that the customer agreed to hear from.",
                code="business_missing",
            )
        if not names_business(entry.wording, entry.business_name):
            raise ValidationError(
                f"The words do not name {entry.business_name}. WhatsApp counts only what names the business.",
                code="business_not_named",
            )


def names_business(wording: str, business_name: str) -> bool:
    """Do the words name the business, at least by the first word of its name?"""
    first = business_name.split()[0] if business_name.split() else ""
    return bool(first) and first.casefold() in wording.casefold()


def number_lock(phone: str, *, shared: bool = False) -> None:
    """Order sends (shared) and decisions (exclusive) of one number; held until the transaction ends."""
    _lock(phone, NUMBERS, shared=shared)


def bulk_lock(channel: str, *, shared: bool = False) -> None:
    """Order the requests of campaigns (shared) and decisions (exclusive) of a channel, as number_lock does for one.

    A request of thousands would need as many locks; held for a moment, until the transaction ends.
    """
    _lock(channel, CHANNELS, shared=shared)


def _lock(name: str, kind: int, *, shared: bool) -> None:
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, %s))", [name, kind])


def present(phone: str, channel: str, *, stream: Stream | None = None, purpose: str = Purpose.SERVICE) -> Present:
    """What holds for a purpose on a stream (None: on the channel, whatever the stream)."""
    found = statements.decision_on_record(phone, channel, stream=stream, purpose=purpose)
    return Present(*found) if found else Present()


def decisions_of_many(
    phones: Collection[str], channel: str, *, stream: Stream, purpose: str = Purpose.SERVICE
) -> dict[str, str]:
    """What holds for a purpose on a stream, by number, in two queries; left out is whom nothing is known of."""
    known = statements.decisions_on_record(phones, channel, stream=stream, purpose=purpose)
    return known | dict.fromkeys(erased_among([one for one in phones if one not in known]), ConsentDecision.OPTED_OUT)


def erased_among(phones: Collection[str]) -> set[str]:
    """Of numbers that nothing is on record for, those of people whose data was erased; they count as opted out.

    A contact with such a number has its opt-outs on record from its first moment (models/erasure.py).
    """
    return ErasedNumber.objects.among(phones) if phones else set()


def is_opted_out(phone: str, channel: str, *, stream: Stream | None = None) -> bool:
    """Has this number opted out of service messages on this channel, or on this stream of it?"""
    return present(phone, channel, stream=stream).is_out


def purposes_of(entry: OptIn) -> tuple[str, ...]:
    """The purposes that a decision is about."""
    return (entry.purpose,) if entry.purpose else _PURPOSES


def opt_out_in_the_way(entry: OptIn) -> OptIn | None:
    """The youngest opt-out that a permission would lift, if there is one."""
    reached = ConsentState.objects.filter(_within(entry) | _around(entry), phone=entry.phone, channel=entry.channel)
    standing = [
        state.decided_by(purpose)
        for state in reached.select_related("service_from", "marketing_from", "last_event")
        for purpose in purposes_of(entry)
        if state.decision(purpose) == ConsentDecision.OPTED_OUT
    ]
    return max((one for one in standing if one), key=lambda one: one.pk, default=None)


def _within(entry: OptIn) -> Q:
    """The states of the decision's own scope and of narrower ones."""
    if entry.scope == ConsentScope.STREAM:
        return Q(stream=entry.stream)
    if entry.scope == ConsentScope.BRAND:
        return Q(brand=entry.business_name) | Q(stream__business_name=entry.business_name)
    return Q(pk__isnull=False)


def _around(entry: OptIn) -> Q:
    """The states of wider scopes, against which a narrower decision makes an exception."""
    wider = Q(scope=ConsentScope.EVERYWHERE)
    if entry.scope == ConsentScope.STREAM and entry.stream is not None and entry.stream.business_name:
        wider |= Q(brand=entry.stream.business_name)
    return wider


def _check_lifting(entry: OptIn, standing: OptIn) -> None:
    """Whoever lifts an opt-out needs the right, everybody needs a proof, and it must be younger."""
    if entry.recorded_by is not None and not entry.recorded_by.has_perm("conversations.lift_opt_out"):
        raise ValidationError(
            "The customer opted out. Ask a supervisor to record the new permission.", code="not_allowed"
        )
    if not entry.has_proof:
        raise ValidationError("The customer opted out. Say where the new permission is proved.", code="proof_missing")
    if entry.occurred_at < standing.occurred_at:
        raise ValidationError(
            f"The customer opted out on {timezone.localtime(standing.occurred_at):%-d %B %Y at %H:%M}, after this "
            "permission. Only a younger one counts.",
            code="older_than_opt_out",
        )


def _keep_state(entry: OptIn) -> None:
    purposes = purposes_of(entry)
    scope: dict[str, Any] = {
        "scope": entry.scope,
        "stream": entry.stream if entry.scope == ConsentScope.STREAM else None,
        "brand": entry.business_name if entry.scope == ConsentScope.BRAND else "",
    }
    changes: dict[str, Any] = {"last_event": entry, "changed_at": entry.occurred_at}
    for purpose in purposes:
        changes |= {purpose: decision_of(entry, purpose), f"{purpose}_from": entry}
    narrower = ConsentState.objects.filter(_within(entry), phone=entry.phone, channel=entry.channel)
    emptied: dict[str, Any] = dict.fromkeys(purposes, ConsentDecision.UNKNOWN)
    narrower.exclude(**scope).update(**emptied, **dict.fromkeys(f"{purpose}_from" for purpose in purposes))
    ConsentState.objects.update_or_create(
        phone=entry.phone, channel=entry.channel, stream=scope["stream"], brand=scope["brand"], defaults=scope | changes
    )


def decision_of(entry: OptIn, purpose: str) -> ConsentDecision:
    """What a decision makes of the present state of a purpose.

    On WhatsApp a customer's START takes an opt-out back. It is a permission for templates only where one that names
    the business was on record before.
    """
    if not entry.gives_permission:
        return ConsentDecision.OPTED_OUT
    if entry.channel != Channel.WHATSAPP or entry.source not in FROM_THE_CUSTOMER:
        return ConsentDecision.OPTED_IN
    earlier = OptIn.objects.filter(
        Q(purpose="") | Q(purpose=purpose), phone=entry.phone, channel=entry.channel, event__in=OPENING
    ).exclude(source__in=FROM_THE_CUSTOMER)
    return ConsentDecision.OPTED_IN if earlier.exists() else ConsentDecision.LIFTED


def record_set(entries: Sequence[OptIn]) -> None:
    """Append many decisions of one channel about all streams, each about another number, in one transaction.

    For imports: permissions never lift an opt-out, so the caller has left those out; should one come meanwhile, it
    stands. The entries have passed check_entry.
    """
    if not entries:
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(phone, %s)) "
                "FROM (SELECT unnest(%s::text[]) AS phone ORDER BY 1) AS numbers",
                [NUMBERS, [entry.phone for entry in entries]],
            )
        bulk_lock(entries[0].channel)
        opted_out = _opted_out_now(entries)
        kept = [entry for entry in entries if not (entry.gives_permission and entry.phone in opted_out)]
        OptIn.objects.bulk_create(kept)
        _keep_states(kept)
        _note(kept)


def _opted_out_now(entries: Sequence[OptIn]) -> set[str]:
    out = ConsentDecision.OPTED_OUT
    states = ConsentState.objects.filter(phone__in=[one.phone for one in entries], channel=entries[0].channel)
    return set(states.filter(Q(service=out) | Q(marketing=out)).values_list("phone", flat=True))


def _keep_states(entries: Sequence[OptIn]) -> None:
    """The states of decisions that are all about every stream, in one statement for each set of purposes."""
    by_purposes: dict[tuple[str, ...], list[OptIn]] = {}
    for entry in entries:
        by_purposes.setdefault(purposes_of(entry), []).append(entry)
    for purposes, group in by_purposes.items():
        columns = [name for purpose in purposes for name in (purpose, f"{purpose}_from")]
        narrower = ConsentState.objects.filter(
            phone__in=[one.phone for one in group], channel=group[0].channel
        ).exclude(scope=ConsentScope.EVERYWHERE)
        narrower.update(**{name: None if name.endswith("_from") else ConsentDecision.UNKNOWN for name in columns})
        states = []
        for entry in group:
            decision = ConsentDecision.OPTED_IN if entry.gives_permission else ConsentDecision.OPTED_OUT
            state = ConsentState(
                phone=entry.phone, channel=entry.channel, last_event=entry, changed_at=entry.occurred_at
            )
            for purpose in purposes:
                setattr(state, purpose, decision)
                setattr(state, f"{purpose}_from", entry)
            states.append(state)
        ConsentState.objects.bulk_create(
            states,
            update_conflicts=True,
            unique_fields=["phone", "channel", "stream", "brand"],
            update_fields=[*columns, "last_event", "changed_at"],
        )


def _note(entries: Iterable[OptIn]) -> None:
    """An activity in each current conversation that the decision concerns.

    What the customer decides reaches us twice where the provider reads STOP and START too: that is one line.
    """
    by_contact = {entry.contact_id: entry for entry in entries}
    current = Conversation.objects.current().filter(contact__in=by_contact).select_related("stream")
    told = _told_last([one for one in by_contact.values() if one.source in FROM_THE_CUSTOMER])
    written = []
    for conversation in current:
        entry = by_contact[conversation.contact_id]
        said = (ActivityKind.OPT_IN if entry.gives_permission else ActivityKind.OPT_OUT, entry.purpose)
        if _concerns(entry, conversation.stream) and told.get(conversation.pk) != said:
            data = {"channel": entry.channel, "source": entry.source, "purpose": entry.purpose}
            written.append(
                Activity(
                    conversation=conversation,
                    kind=ActivityKind.OPT_IN if entry.gives_permission else ActivityKind.OPT_OUT,
                    actor=entry.recorded_by if entry.source != ConsentSource.IMPORT else None,
                    text=entry.wording,
                    data=data | {"opt_in": entry.pk},
                )
            )
    write(written)


def _told_last(entries: Sequence[OptIn]) -> dict[int, tuple[str, str]]:
    """What the last line about permission says in each conversation of these people, where they said it themselves."""
    if not entries:
        return {}
    lines = Activity.objects.filter(
        conversation__contact__in=[one.contact_id for one in entries],
        kind__in=(ActivityKind.OPT_IN, ActivityKind.OPT_OUT),
    )
    last = lines.order_by("conversation_id", "-id").distinct("conversation_id")
    return {
        one.conversation_id: (one.kind, one.data.get("purpose", ""))
        for one in last
        if one.data.get("source") in FROM_THE_CUSTOMER
    }


def _concerns(entry: OptIn, stream: Stream) -> bool:
    if stream.channel != entry.channel:
        return False
    if entry.scope == ConsentScope.STREAM:
        return stream.pk == entry.stream_id
    return entry.scope != ConsentScope.BRAND or stream.business_name == entry.business_name
