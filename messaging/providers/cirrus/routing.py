"""Which call sends a message of the product, and what a stream must know for it."""

from __future__ import annotations

from messaging.errors import ConfigurationError
from messaging.providers.base import Operation
from messaging.providers.cirrus import wire
from messaging.providers.cirrus.objects import CreateChild, SendChild
from messaging.providers.cirrus.records import UserDetails
from messaging.providers.cirrus.sms import SendInitialSms, SendSms
from messaging.providers.cirrus.whatsapp import ObjectData, SendTemplates, TemplateMessage
from messaging.providers.cirrus.words import IDENTITY_TYPE
from messaging.types import Channel, Option, OutboundMessage, Recipient, SendResult, StreamConfig

STREAM_OPTIONS = (
    Option(
        "stream_id",
        "Numeric stream id",
        "The number by which webhooks name this stream. Calls about conversations use it too, or the encrypted id "
        "when this is empty.",
        pattern=r"[0-9]{1,19}",
    ),
    Option(
        "agent_id",
        "Agent id for WhatsApp texts",
        "The Cirrus user id that WhatsApp texts are sent under when the writer has none of their own.",
        pattern=r"[0-9]{1,19}",
    ),
    Option(
        "manager_id",
        "Manager id for new conversations",
        "The Cirrus manager under whom a template begins a conversation. Without it, Cirrus shows the conversation "
        "as begun by the customer.",
        pattern=r"[0-9]{1,19}",
    ),
    Option(
        "opening_text",
        "Opening text",
        "The first SMS as it is configured on this stream in Cirrus. Fill it in to offer the opening text to agents.",
    ),
    Option(
        "mirror",
        "Keep conversations in Cirrus too",
        "yes: conversations, remarks, statuses and flags are written to Cirrus as objects, and read from there. "
        "no: only messages pass.",
        pattern=r"yes|no",
    ),
)


def object_stream_id(stream: StreamConfig) -> str:
    """The id for calls about conversations: the numeric one where it is known; either is accepted."""
    return stream.settings.get("stream_id", "") or stream.external_id


def plan(message: OutboundMessage, stream: StreamConfig) -> Operation[SendResult]:
    """The operation that sends the message.

    SMS goes by a child when conversation and agent are known in Cirrus, else by send SMS; `opening` by send
    initial SMS. WhatsApp text goes by a child, templates by V2, each opening a conversation. `valid_until` has
    no counterpart at Cirrus and is ours alone to keep. Raises ConfigurationError for what has no route.
    """
    if message.kind == "template":
        return _templates(message, stream)
    if len(message.recipients) != 1:
        raise ConfigurationError("Cirrus takes one recipient a request for this kind of message: split it.")
    if message.send_at is not None:
        raise ConfigurationError("Cirrus schedules only WhatsApp templates: send this message when its time comes.")
    recipient = message.recipients[0]
    if stream.channel is Channel.WHATSAPP:
        return _whatsapp_text(message, recipient, stream)
    if message.kind == "opening":
        return SendInitialSms(stream.external_id, recipient.phone, recipient.ref)
    if message.conversation_id and message.agent_id:
        return _child(message, recipient, stream, message.agent_id)
    return SendSms(stream.external_id, recipient.phone, message.body, recipient.ref)


def _whatsapp_text(message: OutboundMessage, recipient: Recipient, stream: StreamConfig) -> Operation[SendResult]:
    if message.kind == "opening":
        raise ConfigurationError("The opening text exists on SMS streams only: send a WhatsApp template.")
    if not message.conversation_id:
        raise ConfigurationError(
            "Cirrus has no conversation with this customer yet, and WhatsApp text needs one: send a template first, "
            "or wait until the customer writes."
        )
    agent_id = message.agent_id or stream.settings.get("agent_id", "")
    if not agent_id:
        raise ConfigurationError(
            "WhatsApp text is sent under a Cirrus agent: give the writer an agent identity, or the stream an agent id."
        )
    return _child(message, recipient, stream, agent_id)


def _child(message: OutboundMessage, recipient: Recipient, stream: StreamConfig, agent_id: str) -> SendChild:
    child = CreateChild(
        object_stream_id(stream),
        "agent",
        message.body,
        wire.phone_digits(recipient.phone),
        IDENTITY_TYPE[stream.channel],
        object_id=message.conversation_id,
        agent_id=agent_id,
        content={"ref": recipient.ref},
    )
    return SendChild(child, recipient.ref)


def _templates(message: OutboundMessage, stream: StreamConfig) -> SendTemplates:
    if stream.channel is not Channel.WHATSAPP:
        raise ConfigurationError("Templates are sent on WhatsApp streams only: choose another stream or write a text.")
    return SendTemplates(
        stream.external_id, tuple(_template(recipient, message, stream) for recipient in message.recipients)
    )


def _template(recipient: Recipient, message: OutboundMessage, stream: StreamConfig) -> TemplateMessage:
    if recipient.template is None:
        raise ConfigurationError("A recipient has no template: choose one.")
    manager_id = stream.settings.get("manager_id", "")
    user = UserDetails(
        phone=wire.phone_digits(recipient.phone),
        email=recipient.email,
        first_name=recipient.first_name,
        last_name=recipient.last_name,
    )
    object_data = ObjectData(
        user,
        sub_stream_id=wire.number_of(recipient.sub_stream_id, "sub-stream id") if recipient.sub_stream_id else 0,
        manager_id=wire.number_of(manager_id, "manager id") if manager_id else None,
        content={"ref": recipient.ref},
    )
    return TemplateMessage(recipient.ref, recipient.phone, recipient.template, message.send_at, object_data)
