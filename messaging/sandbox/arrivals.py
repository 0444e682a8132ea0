"""Accepting messages: each becomes a row of its phone and sets out through the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from .calls import Call
from .faults import NO_FAULT, ActiveFault
from .models import MessageDirection, MessageStatus, PhoneMessage, SandboxChannel, SandboxStream
from .network import deliver
from .numbers import phones_for
from .outcomes import WINDOW_CLOSED

Letter = tuple[str, Mapping[str, Any]]  # an E.164 number and the fields of its PhoneMessage


def accept(
    call: Call,
    stream: SandboxStream,
    letters: Sequence[Letter],
    faults: Mapping[str, ActiveFault],
    at: datetime | None = None,
) -> list[PhoneMessage]:
    """Take messages for delivery, now or (`at`) by the provider's own clock; returns them saved, in order.

    Free text to WhatsApp outside the 24-hour window is accepted and then fails, as Cirrus's document says: "APIs
    messages sent to customers will be blocked by WhatsApp".
    """
    phones = phones_for(number for number, _ in letters)
    messages = []
    for number, fields in letters:
        message = PhoneMessage(
            phone=phones[number],
            account=call.account,
            stream=stream,
            provider=call.account.provider,
            channel=stream.channel,
            direction=MessageDirection.TO_PHONE,
            business_name=stream.name,
            business_number=stream.number,
            fault=_key(faults.get(number, NO_FAULT)),
        )
        for name, value in fields.items():
            setattr(message, name, value)
        if at is not None and message.status == MessageStatus.ACCEPTED:
            message.status = MessageStatus.SCHEDULED
        if _is_outside_window(message):
            message.failure_reason = WINDOW_CLOSED
        messages.append(message)
    PhoneMessage.objects.bulk_create(messages, batch_size=500)
    deliver(messages, faults, at)
    return messages


def _key(fault: ActiveFault) -> str:
    return "" if fault is NO_FAULT else fault.key


def _is_outside_window(message: PhoneMessage) -> bool:
    is_free_text = message.channel == SandboxChannel.WHATSAPP and not message.template_name
    return is_free_text and message.phone.window_closes_at(message.stream) is None
