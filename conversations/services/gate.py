"""May this message be sent? Nobody else decides; every door asks here, and the worker asks again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from conversations.models import ConsentState, Contact, Conversation, Stream, User, WhatsAppTemplate
from conversations.models.consent import ConsentDecision
from conversations.models.message import Kind
from conversations.models.stream import Channel
from conversations.models.template import TemplateStatus
from conversations.permissions import may_send_on
from messaging.phone import PhoneError, parse_number
from messaging.registry import provider_class


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer: a code for programs, a sentence for people, and `until` when waiting would help."""

    ok: bool
    code: str = "allowed"
    sentence: str = ""
    until: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """For the message row, so that an auditor can see why it was allowed."""
        return {key: value for key, value in asdict(self).items() if value not in ("", None)}


ALLOWED = Verdict(ok=True)


def _no(code: str, sentence: str, until: datetime | None = None) -> Verdict:
    return Verdict(ok=False, code=code, sentence=sentence, until=until)


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
    """The verdict on one message to one contact at a time.

    Looks at the stream, the author's right to write there (None: the system), the number, the customer's
    consent, and WhatsApp's rules. `conversation` and `template` are needed for WhatsApp.
    """
    verdict = _stream_verdict(stream) or _role_verdict(author, stream)
    verdict = verdict or _number_verdict(stream, contact) or _consent_verdict(stream, contact, kind, purpose)
    if verdict is None and stream.channel == Channel.WHATSAPP:
        verdict = _whatsapp_verdict(stream, kind, at, conversation, template)
    return verdict or ALLOWED


def _stream_verdict(stream: Stream) -> Verdict | None:
    if not stream.is_active or not stream.account.is_active:
        return _no("stream_off", f"{stream.name} is switched off. Choose another stream or ask an administrator.")
    return None


def _role_verdict(author: User | None, stream: Stream) -> Verdict | None:
    if author is not None and not may_send_on(author, stream):
        return _no("not_allowed", f"You can read {stream.name} but not send from it. Ask a supervisor for access.")
    return None


def _number_verdict(stream: Stream, contact: Contact) -> Verdict | None:
    try:
        parse_number(contact.phone, region=stream.region, allow_fictional=stream.account.is_sandbox)
    except PhoneError as error:
        return _no(error.code, error.sentence)
    if contact.phone in (stream.sender, stream.inbound_number):
        return _no("own_number", f"{contact.phone_display} is the number of {stream.name} itself.")
    return None


def _consent_verdict(stream: Stream, contact: Contact, kind: str, purpose: str) -> Verdict | None:
    state = ConsentState.objects.filter(phone=contact.phone, channel=stream.channel).first()
    decision = state.decision(purpose) if state else ConsentDecision.UNKNOWN
    if state is not None and decision == ConsentDecision.OPTED_OUT:
        return _no(
            "opted_out",
            f"{contact.name} opted out of {stream.get_channel_display()} on {state.changed_at:%-d %B %Y}. "
            "Record a new opt-in before writing again.",
        )
    if kind == Kind.TEMPLATE and decision != ConsentDecision.OPTED_IN:
        # Free text needs no opt-in: it is possible only in the 24 hours after the customer wrote.
        return _no(
            "no_opt_in",
            f"No WhatsApp permission for {purpose} messages is on record for {contact.name}. Record the opt-in first.",
        )
    return None


def _whatsapp_verdict(
    stream: Stream,
    kind: str,
    at: datetime,
    conversation: Conversation | None,
    template: WhatsAppTemplate | None,
) -> Verdict | None:
    if kind == Kind.TEMPLATE:
        if template is None or template.stream_id != stream.pk:
            return _no("template_missing", f"That template does not belong to {stream.name}. Choose one that does.")
        if template.status != TemplateStatus.APPROVED:
            return _no(
                "template_not_approved",
                f"The template {template.name} is {template.get_status_display().lower()}. Choose an approved one.",
            )
        return None
    closes = conversation.window_closes_at if conversation else None
    if closes is None or closes <= at:
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
