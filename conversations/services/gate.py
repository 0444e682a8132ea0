"""May this message be sent? Nobody else decides; every door asks here, and the worker asks again.

A yes says what it rests on, and is kept with the message: an auditor can see why each one was permitted.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.models import Contact, Conversation, Message, OptIn, ProviderSession, Stream, User, WhatsAppTemplate
from conversations.models.consent import ConsentDecision, ConsentEventKind, ConsentSource
from conversations.models.message import Kind
from conversations.models.stream import Channel
from conversations.models.template import TemplateStatus
from conversations.permissions import may_send_on
from conversations.services import consent, policy, sessions
from messaging.phone import PhoneError, parse_number
from messaging.registry import provider_class


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer: a code for programs, a sentence for people, and `until` when waiting would help.

    A yes has its `basis`, what it rests on in sentences, and `opt_in`, the entry of the ledger among it.
    """

    ok: bool
    code: str = "allowed"
    sentence: str = ""
    until: datetime | None = None
    basis: tuple[str, ...] = ()
    opt_in: int | None = None

    def as_json(self, *, at: datetime | None = None) -> dict[str, Any]:
        """For the message row, so that an auditor can see why it was allowed. `at` is when that was asked."""
        facts: dict[str, Any] = {"ok": self.ok, "code": self.code, "sentence": self.sentence, "opt_in": self.opt_in}
        facts |= {"until": self.until.isoformat() if self.until else None, "basis": list(self.basis)}
        facts |= {"at": at.isoformat() if at else None}
        return {key: value for key, value in facts.items() if value not in ("", None, [])}


class GateRefusal(ValidationError):
    """What the gate said, as doors raise it; `until` is when it would say otherwise, where waiting helps."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.sentence, code=verdict.code)
        self.until = verdict.until


def _no(code: str, sentence: str, until: datetime | None = None) -> Verdict:
    return Verdict(ok=False, code=code, sentence=sentence, until=until)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What is judged: one message at a time, stored or only thought of. An `author` of None is the system.

    `is_new` ones are not yet among the messages that a stream allows itself; `besides` is one that changes.
    """

    stream: Stream
    contact: Contact
    kind: str
    purpose: str
    at: datetime
    author: User | None
    conversation: Conversation | None
    template: WhatsAppTemplate | None
    confirms: OptIn | None = None
    is_new: bool = True
    besides: Message | None = None


def can_send(
    *,
    stream: Stream,
    contact: Contact,
    kind: str,
    purpose: str,
    at: datetime,
    author: User | None = None,
    conversation: Conversation | None = None,
    template: WhatsAppTemplate | None = None,
) -> Verdict:
    """The verdict on a message that nobody has written yet: may one of this kind go to this contact at that time?

    Looks at the stream, the author's right to write there (None: the system), the number and its country, the
    customer's consent, WhatsApp's rules, the customer's hours, and how many messages there were. `conversation` and
    `template` are needed for WhatsApp.
    """
    return _judge(
        _Case(
            stream=stream,
            contact=contact,
            kind=kind,
            purpose=purpose,
            at=at,
            author=author,
            conversation=conversation,
            template=template,
        )
    )


def verdict_on(message: Message, *, at: datetime, author: User | None = None, anew: bool = False) -> Verdict:
    """The verdict on a message: about to be stored, or stored and at its time (before the wire `author` is None).

    A stored one was counted and asked about sessions when it was written; `anew` asks both again, as for another
    message in its place. What the message confirms to the customer it may follow, an opt-out too, and no other.
    """
    return _judge(
        _Case(
            stream=message.stream,
            contact=message.conversation.contact,
            kind=message.kind,
            purpose=message.purpose,
            at=at,
            author=author,
            conversation=message.conversation,
            template=message.template,
            confirms=message.confirms,
            is_new=anew or message.pk is None,
            besides=message if message.pk else None,
        )
    )


def _judge(case: _Case) -> Verdict:
    stream, contact = case.stream, case.contact
    rules = policy.policy_of(stream)
    verdict = _stream_verdict(stream) or _role_verdict(case.author, stream) or _erased_verdict(contact)
    verdict = verdict or _number_verdict(case)
    if verdict is None and rules is not None:
        verdict = _refusal(policy.refused_country(rules, contact))
    if verdict is not None:
        return verdict
    present = consent.present(contact.phone, stream.channel, stream=stream, purpose=case.purpose)
    confirmed = case.confirms is not None and present.entry is not None and present.entry.pk == case.confirms.pk
    verdict = None if confirmed else _consent_verdict(present, case)
    if verdict is None and stream.channel == Channel.WHATSAPP:
        verdict = _whatsapp_verdict(case)
    if verdict is None and case.is_new and case.conversation is not None:
        verdict = _session_verdict(case.conversation, case.author)
    if verdict is None and rules is not None and case.confirms is None:
        verdict = _refusal(policy.quiet_until(rules, contact, case.purpose, case.conversation, case.at))
        if verdict is None and case.is_new:
            verdict = _refusal(policy.too_many(rules, contact, case.author, case.at, besides=case.besides))
    if verdict is not None:
        return verdict
    basis = [_author_basis(case.author, stream), _consent_basis(present, case, confirmed=confirmed)]
    if stream.channel == Channel.WHATSAPP:
        basis.append(_window_basis(case))
    if rules is not None and rules.quiet_hours:
        basis.append(f"Within the hours that {stream.name} keeps, or an answer to the customer.")
    return Verdict(ok=True, basis=tuple(basis), opt_in=present.entry.pk if present.entry else None)


def _refusal(found: policy.Refusal | None) -> Verdict | None:
    return _no(*found) if found else None


def _stream_verdict(stream: Stream) -> Verdict | None:
    if not stream.is_active or not stream.account.is_active:
        return _no("stream_off", f"{stream.name} is switched off. Choose another stream or ask an administrator.")
    return None


def _role_verdict(author: User | None, stream: Stream) -> Verdict | None:
    if author is not None and not may_send_on(author, stream):
        return _no("not_allowed", f"You can read {stream.name} but not send from it. Ask a supervisor for access.")
    return None


_ERASED = "The data of this person was erased, and nobody writes to them since."


def _erased_verdict(contact: Contact) -> Verdict | None:
    return _no("erased", _ERASED) if contact.erased_at is not None else None


def _number_verdict(case: _Case) -> Verdict | None:
    stream, contact, conversation = case.stream, case.contact, case.conversation
    try:
        parse_number(contact.phone, region=stream.region, allow_fictional=stream.account.is_sandbox)
    except PhoneError as error:
        return _no(error.code, error.sentence)
    # Who begins a conversation has asked for the number already (services/conversations.py: refuse_own_number).
    if contact.phone in (stream.sender, stream.inbound_number) or (
        conversation is not None and conversation.is_with_us
    ):
        return _no("own_number", own_number_sentence(contact.phone_display))
    return None


def own_number_sentence(number: str) -> str:
    """Why nothing is sent to a number of ours."""
    return f"{number} is one of our own numbers: two streams would answer each other. Write to a customer's number."


def _consent_verdict(present: consent.Present, case: _Case) -> Verdict | None:
    contact = case.contact
    if _is_erased(present, contact):
        return _no("opted_out", f"{_ERASED} Record a new opt-in before writing again.")
    if present.is_out:
        since = f" on {timezone.localtime(present.entry.occurred_at):%-d %B %Y}" if present.entry else ""
        return _no(
            "opted_out",
            f"{contact.name} opted out of {case.stream.get_channel_display()}{since}. "
            "Record a new opt-in before writing again.",
        )
    if case.kind == Kind.TEMPLATE and present.decision != ConsentDecision.OPTED_IN:
        # Free text needs no opt-in: it is possible only in the 24 hours after the customer wrote.
        return _no(
            "no_opt_in",
            f"No WhatsApp permission for {case.purpose} messages is on record for {contact.name}. "
            "Record the opt-in first.",
        )
    return None


def _is_erased(present: consent.Present, contact: Contact) -> bool:
    """Was this person, or whoever had the number, erased? Of a number that is no contact the hashes tell."""
    if present.entry is not None:
        return present.is_out and present.entry.event == ConsentEventKind.ERASED
    return contact.pk is None and bool(consent.erased_among([contact.phone]))


def _author_basis(author: User | None, stream: Stream) -> str:
    return f"{author} may write on {stream.name}." if author else f"{stream.name} is on; Parley wrote by itself."


def _consent_basis(present: consent.Present, case: _Case, *, confirmed: bool) -> str:
    entry = present.entry
    if entry is None:
        channel = case.stream.get_channel_display()
        return f"Nothing is on record about {case.purpose} messages by {channel}, and this needs none."
    when = f"{timezone.localtime(entry.occurred_at):%-d %B %Y, %H:%M}"
    how = _HOW[entry.source] if entry.source in _HOW else entry.get_source_display().lower()
    if confirmed:
        return f"The one confirmation of decision {entry.pk}: {entry.get_event_display().lower()} {how}, {when}."
    if present.decision == ConsentDecision.LIFTED:
        return f"Decision {entry.pk}: the customer took an opt-out back {how}, {when}."
    return f"Decision {entry.pk}: {entry.get_event_display().lower()} {how}, {when}."


_HOW: dict[str, str] = {
    ConsentSource.KEYWORD: "by a keyword",
    ConsentSource.AGENT: "as told to an agent",
    ConsentSource.FORM: "by a form",
    ConsentSource.IMPORT: "by an import",
    ConsentSource.PROVIDER: "at the provider",
    ConsentSource.API: "through the API",
}


def _window_basis(case: _Case) -> str:
    if case.kind == Kind.TEMPLATE and case.template is not None:
        return f"The template {case.template.name} ({case.template.language}) is approved."
    closes = case.conversation.window_closes_at if case.conversation else None
    assert closes is not None  # else the window had been found closed
    return f"The customer wrote within 24 hours: the window is open until {timezone.localtime(closes):%-d %B, %H:%M}."


def _whatsapp_verdict(case: _Case) -> Verdict | None:
    stream, conversation, template = case.stream, case.conversation, case.template
    if case.kind == Kind.TEMPLATE:
        if template is None or template.stream_id != stream.pk:
            return _no("template_missing", f"That template does not belong to {stream.name}. Choose one that does.")
        if template.status != TemplateStatus.APPROVED:
            return _no(
                "template_not_approved",
                f"The template {template.name} is {template.get_status_display().lower()}. Choose an approved one.",
            )
        return None
    closes = conversation.window_closes_at if conversation else None
    if closes is None or closes <= case.at:
        return _no(
            "window_closed",
            "Only templates can be sent: the customer has not written in the 24 hours before. Choose a template.",
        )
    starts_with_template = stream.config.channel in provider_class(stream.account.provider).conversation_first
    if conversation is not None and not conversation.external_id and starts_with_template:
        return _no(
            "no_object",
            "The provider knows no conversation with this customer yet. Send a template first.",
        )
    return None


def _session_verdict(conversation: Conversation, author: User | None) -> Verdict | None:
    """After a message was turned away because the customer is in somebody else's session at the provider."""
    if not sessions.has_sessions(conversation):
        return None
    turned_away = ProviderSession.objects.filter(conversation=conversation, is_open=True, refused_at__isnull=False)
    session = turned_away.select_related("conversation__stream__account").first()
    if session is None or sessions.holds(session, author):
        return None
    label = conversation.stream.account.provider_label
    holder = f" with {session.holder_name}" if session.holder_name else ""
    return _no(
        sessions.IN_SESSION,
        f"{conversation.contact.name} is in a text session{holder} at {label}, and takes other texts once it ends.",
    )


def refusals_of(*, stream: Stream, kind: str, purpose: str, phones: Collection[str]) -> dict[str, Verdict]:
    """Of many numbers those that may not be written to, each with the verdict: for campaigns, in three queries.

    Asks what differs from number to number, as can_send does for one: the country and the customer's consent.
    """
    decisions = consent.decisions_of_many(phones, stream.channel, stream=stream, purpose=purpose)
    rules = policy.policy_of(stream)
    found = {}
    for phone in phones:
        decision = decisions.get(phone, ConsentDecision.UNKNOWN)
        refusal = _refusal(policy.refused_country(rules, Contact(phone=phone))) if rules is not None else None
        if refusal is not None:
            found[phone] = refusal
        elif decision == ConsentDecision.OPTED_OUT:
            found[phone] = _no("opted_out", f"Opted out of {stream.get_channel_display()}.")
        elif kind == Kind.TEMPLATE and decision != ConsentDecision.OPTED_IN:
            found[phone] = _no("no_opt_in", f"No WhatsApp permission for {purpose} messages is on record.")
    return found
