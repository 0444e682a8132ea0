"""A provider refuses a message because the customer opted out there: then they have opted out here too."""

from __future__ import annotations

from conversations.models import Message, OptIn
from conversations.models.consent import ConsentEventKind, ConsentSource
from conversations.models.message import Purpose
from conversations.services import consent
from messaging.keywords import refusal_means_opt_out


def note_refusal(message: Message, *, code: str, text: str) -> OptIn | None:
    """Write the opt-out that a refusal tells of into the ledger, once; None when it tells of none."""
    about = refusal_means_opt_out(code, text)
    if about is None:
        return None
    purpose = Purpose.MARKETING if about == "marketing" else ""
    stream, contact = message.stream, message.conversation.contact
    if consent.present(contact.phone, stream.channel, stream=stream, purpose=purpose or Purpose.SERVICE).is_out:
        return None
    return consent.record(
        OptIn(
            contact=contact,
            channel=stream.channel,
            event=ConsentEventKind.OPT_OUT,
            source=ConsentSource.PROVIDER,
            purpose=purpose,
            stream=stream,
            wording=text or code,
            evidence=f"Refusal of message {message.pk}",
        )
    )
