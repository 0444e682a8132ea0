"""What an agent reads of a message that did not arrive, or perhaps not: why, and what happens next.

The provider's own words stand in the details. Here stands what they mean, as far as we know the code.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from conversations.models import Message, User
from conversations.models.message import MessageStatus as Status
from conversations.views.wording import clock

MOST_NAMES = 2

_REFUSED = {
    "number_not_reachable": "The number is not valid, or its country can't be reached from {stream}.",
    "recipient_number_refused": "Not a number that {provider} can text.",
    "non_us_number": "{stream} can text US numbers only. Use another stream.",
    "sms_not_enabled": "{provider} does not allow texts for this account. A supervisor must have it turned on.",
    "outbound_not_enabled": (
        "{provider} does not allow outgoing texts for this account. A supervisor must have it turned on."
    ),
    "sender_not_found": "The sending number {sender} is not set up at {provider}. Tell a supervisor.",
    "sender_refused": "The sending number {sender} is not set up at {provider}. Tell a supervisor.",
    "session_active": "The customer is already in a text conversation at {provider}.",
    "own_number": "The number is one of our own, and two streams would answer each other.",
    # WhatsApp's own, which Cirrus passes on
    "not_on_whatsapp": "The number can't be reached on WhatsApp. Write to it by SMS instead.",
    "window_closed": "WhatsApp refused it: the customer last wrote more than 24 hours ago. Send a template.",
    "template_parameters": "WhatsApp does not accept a value in it. Look at what was filled in, and send it again.",
    "template_unknown": "WhatsApp does not know this template in this language. Use another, and tell a supervisor.",
    "template_too_long": "The template is too long for WhatsApp as filled in. Shorten a value, and send it again.",
    "template_against_policy": "WhatsApp refused it: the template is against its rules. Use another template.",
    "template_paused": "WhatsApp has paused this template. Use another one.",
    "template_disabled": "WhatsApp has switched this template off for good. Use another one.",
    "marketing_stopped": "The customer has stopped marketing messages on WhatsApp. Service messages are still allowed.",
    "whatsapp_kept_back": "WhatsApp chose not to deliver it. Sending it again at once will not help.",
    "whatsapp_too_fast": "WhatsApp refused it: too many messages went to this number in a short time. Wait a while.",
    "whatsapp_spam_limit": (
        "WhatsApp lets {stream} send no more for now: too many of its messages were reported. Tell a supervisor."
    ),
    "whatsapp_blocked": "WhatsApp has blocked the account of {stream}. Tell a supervisor.",
    "whatsapp_payment": "WhatsApp refused it because of how the account of {stream} is paid. Tell a supervisor.",
    "whatsapp_certificate": "WhatsApp does not accept the certificate of {stream}. Tell a supervisor.",
    "whatsapp_unavailable": "WhatsApp was not available. Send it again later.",
    "whatsapp_fault": "WhatsApp could not send it and gave no reason. Send it again later.",
    "type_refused": "WhatsApp does not take this kind of message. Send it as text.",
    "file_refused": "WhatsApp could not take the file. Check its type and size, and attach it again.",
}

_UNCONFIRMED = {
    "no_answer": "{provider} did not answer within {seconds:.0f} s.",
    "connection_broke": "The connection to {provider} broke before the answer was complete.",
    "answer_too_large": "The answer of {provider} was too large to be read.",
    "unreadable_answer": "The answer of {provider} could not be read.",
    "unclear_answer": "The answer of {provider} does not say whether it was sent.",
    "missing_from_answer": "The answer of {provider} does not name this customer.",
    "worker_lost": "Our sending process stopped before the answer of {provider} was stored.",
    "session_active": (
        "{provider} did not take it again: the customer is in a text conversation, which the first try may have begun."
    ),
    "internal_fault": "Something broke here before the answer of {provider} was stored.",
}


def why_failed(message: Message) -> str:
    """Why it did not arrive, and whether the customer may have something of it."""
    known = _REFUSED.get(message.failure_code)
    why = _filled(known, message) if known else message.failure_text or "No reason was given."
    if message.failure_code == "refused":
        why = f"{message.stream.account.provider_label} refused it: {why}"
    if message.failure_code == "gave_up" and message.attempt_count:
        why = f"Given up after {message.attempt_count} tries. {why}"
    ends_well = why.endswith((".", "!", "?", "…"))
    return why if ends_well else f"{why}."


def why_not_arrived(message: Message) -> str:
    """Why a message that is over did not arrive, whichever way it ended."""
    if message.status == Status.EXPIRED:
        return "No longer valid before it could leave."
    if message.status == Status.UNDELIVERED and not message.failure_text:
        return "The network could not deliver it."
    if message.status == Status.CANCELLED:
        return "Cancelled before it left."
    return why_failed(message)


def why_unconfirmed(message: Message) -> str:
    """Why nobody knows whether it arrived."""
    known = _UNCONFIRMED.get(message.failure_code)
    if known:
        return _filled(known, message)
    said = f" ({message.failure_text})" if message.failure_text else ""
    return f"{message.stream.account.provider_label} answered with a fault{said}."


def what_settles(message: Message) -> str:
    """Who is asked next about an unconfirmed message, or that a person has to decide."""
    provider = message.stream.account.provider_label
    if message.next_lookup_at is not None:
        again = " again" if message.lookup_count else ""
        return f"We are asking {provider}{again} at {clock(message.next_lookup_at)}."
    if message.lookup_count:
        times = "once" if message.lookup_count == 1 else f"{message.lookup_count} times"
        asked = f"We asked {provider} {times} and it does not know this message."
    else:
        asked = f"{provider} cannot be asked about it."
    if message.stream.limits(message.kind).receipts:
        return f"{asked} A delivery report may still settle it; otherwise a person has to decide."
    return f"{asked} A person has to decide."


def who_decides(people: Sequence[User]) -> str:
    """For those who may not: whom to ask."""
    names = [str(one) for one in people[:MOST_NAMES]]
    if not names:
        return "Only a supervisor can decide whether it is sent again."
    asked = f"{' or '.join(names)}{' or another supervisor' if len(people) > MOST_NAMES else ''}"
    return f"{asked} can decide whether it is sent again."


def nothing_arrived(message: Message) -> str:
    """What the customer has of a message that failed."""
    if message.sent_at or message.status == Status.UNDELIVERED:
        return "It did not reach the customer."
    return "Nothing reached the customer."


def _filled(sentence: str, message: Message) -> str:
    # The braces are those of our own sentences above; what fills them is never read as a pattern.
    return sentence.format(
        provider=message.stream.account.provider_label,
        stream=message.stream.name,
        sender=message.stream.sender or "of this stream",
        seconds=settings.DELIVERY_TOTAL_SECONDS,
    )
