"""What stands in place of the send button when nothing may be sent: the reason, the proof, and the ways on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import Truncator

from conversations.models import AgentIdentity, Contact, Conversation, OptIn, ProviderSession, Stream, User
from conversations.models.consent import ConsentEventKind, ConsentSource
from conversations.models.message import Purpose
from conversations.models.stream import Channel
from conversations.services.gate import Verdict
from conversations.services.sessions import IN_SESSION
from conversations.views.people import who_see
from conversations.views.recipients import Recipient, stream_choices

MOST_NAMES = 2
REPEATED_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SessionGate:
    """A session that stands in the way: `elsewhere` is our own conversation in which it is, where we have it."""

    external_id: str
    may_end: bool
    elsewhere: Conversation | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """A closed door: `reason` names the proof where there is one, `others` are streams that reach the customer still.

    `may_record` says that this user may record a new permission, `asks` who else could open the door, `is_the_number`
    that the contact's number is at fault. `session` is what stands in the way at the provider.
    """

    title: str
    reason: str
    others: tuple[Stream, ...] = ()
    may_record: bool = False
    asks: str = ""
    is_the_number: bool = False
    session: SessionGate | None = None


_TITLES = {
    "session_active": "The customer is in a text session",
    "no_opt_in": "No WhatsApp permission on record",
    "not_allowed": "You can read this stream, not send from it",
    "stream_off": "This stream is switched off",
    "no_template": "Only templates can be sent, and there is none",
    "own_number": "This is one of our own numbers",
}


def gate_for(conversation: Conversation, verdict: Verdict, user: User) -> Gate:
    """The gate for a verdict that neither another text nor a template would change."""
    stream, contact = conversation.stream, conversation.contact
    title, reason, asks, may_record = (
        _TITLES.get(verdict.code, "This number can't be used"),
        verdict.sentence,
        "",
        False,
    )
    if verdict.code == "opted_out":
        sms = stream.channel == Channel.SMS
        title = "You can't text this number" if sms else "You can't write to this number on WhatsApp"
        reason = opt_out_proof(contact, stream) or reason
        may_record = user.has_perm("conversations.lift_opt_out")
        asks = "" if may_record else "A supervisor can record a new permission, with its proof."
    elif verdict.code == "no_opt_in":
        may_record = True
    elif verdict.code == "not_allowed":
        reason = f"You can read {stream.name} but not send from it. Ask {_who_supervises(stream)} for access."
    session = _session_gate(conversation, user) if verdict.code == IN_SESSION else None
    others = other_ways(conversation, user) if verdict.code != "own_number" else ()
    is_the_number = verdict.code not in ("opted_out", *_TITLES)
    return Gate(title, reason, others, may_record, asks, is_the_number, session)


def _session_gate(conversation: Conversation, user: User) -> SessionGate:
    """What can be done about the session: look at it, open it where it is ours, end it with an identity there."""
    known = ProviderSession.objects.filter(conversation=conversation).first()
    external_id = (known.external_id if known else "") or conversation.external_id
    same = Conversation.objects.visible_to(user).filter(
        contact=conversation.contact_id, stream__account=conversation.stream.account_id, session__is_open=True
    )
    elsewhere = same.exclude(pk=conversation.pk).select_related("stream").newest_first().first()
    identities = AgentIdentity.objects.filter(user=user, account=conversation.stream.account_id)
    may_end = bool(external_id) and identities.exclude(external_id="").exists()
    return SessionGate(external_id, may_end, elsewhere)


def opt_out_proof(contact: Contact, stream: Stream) -> str:
    """How we know: +44 7700 900318 replied STOP to Service texts on 19 November 2026 at 13:31."""
    told = OptIn.objects.filter(
        phone=contact.phone,
        channel=stream.channel,
        event=ConsentEventKind.OPT_OUT,
        purpose__in=("", Purpose.SERVICE),
    ).select_related("stream", "recorded_by")
    newest: list[OptIn | None] = [*told[:2]]
    event, *earlier = newest or [None]
    if event is not None and event.source == ConsentSource.PROVIDER and earlier and earlier[0]:
        # A provider that reads STOP itself repeats what the customer wrote to us: their own words say more.
        theirs = earlier[0].source == ConsentSource.KEYWORD
        event = earlier[0] if theirs and event.occurred_at - earlier[0].occurred_at < REPEATED_WITHIN else event
    if event is None:
        return ""
    number, line = contact.phone_display, f" to {event.stream.name}" if event.stream else ""
    when = date_format(timezone.localtime(event.occurred_at), "j F Y, H:i")
    words = Truncator(event.wording.strip()).chars(40)
    match event.source:
        case ConsentSource.KEYWORD:
            return f"{number} replied {words}{line} on {when}."
        case ConsentSource.AGENT:
            return f"{number} asked us to stop; {event.recorded_by or 'an agent'} recorded it on {when}."
        case ConsentSource.FORM:
            return f"{number} opted out by a form on {when}."
        case ConsentSource.PROVIDER:
            return f"{stream.account.provider_label} told us on {when} that {number} opted out."
        case _:
            return f"{number} is recorded as opted out since {when} ({event.get_source_display().lower()})."


def other_ways(conversation: Conversation, user: User) -> tuple[Stream, ...]:
    """On each channel the best other stream on which this user may write to the customer."""
    streams = Stream.objects.sendable_by(user).working().exclude(pk=conversation.stream_id)
    streams = streams.select_related("account", "policy")
    choices = stream_choices(list(streams), Recipient(contact=conversation.contact), user)
    best: dict[str, Stream] = {}
    for choice in choices:
        if choice.allowed:
            best.setdefault(choice.stream.channel, choice.stream)
    return tuple(best.values())


def _who_supervises(stream: Stream) -> str:
    """The names of people who could give access, or what they are called."""
    found = who_see(stream).filter(groups__permissions__codename="enter_admin")[:MOST_NAMES]
    return " or ".join(str(person) for person in found) or "a supervisor"
