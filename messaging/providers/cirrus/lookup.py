"""Has a message of ours arrived at Cirrus? Found by our own reference, which goes along in `Content`."""

from __future__ import annotations

from dataclasses import dataclass

from messaging.providers.base import Account, Operation
from messaging.providers.cirrus import routing, wire
from messaging.providers.cirrus.objects import SendChild
from messaging.providers.cirrus.reading import GetObject, ListObjects
from messaging.providers.cirrus.records import CirrusObject
from messaging.providers.cirrus.whatsapp import SendTemplates
from messaging.providers.cirrus.words import IDENTITY_TYPE
from messaging.types import Answer, OutboundMessage, Outcome, RecipientResult, Request, StreamConfig


@dataclass(frozen=True, slots=True)
class FindMessage(Operation[RecipientResult | None]):
    """A reading of conversations, searched for the message with our reference `ref`."""

    reading: GetObject | ListObjects
    ref: str

    def build_request(self, account: Account) -> Request:
        return self.reading.build_request(account)

    def parse_response(self, answer: Answer) -> RecipientResult | None:
        found = self.reading.parse_response(answer)
        for conversation in (found,) if isinstance(found, CirrusObject) else found:
            for child in conversation.children:
                if child.ref == self.ref:
                    return RecipientResult(
                        self.ref, Outcome.ACCEPTED, external_id=child.id, conversation_id=conversation.id
                    )
            if conversation.ref == self.ref:
                return RecipientResult(self.ref, Outcome.ACCEPTED, conversation_id=conversation.id)
        return None


def plan(message: OutboundMessage, stream: StreamConfig) -> FindMessage | None:
    """How to find a message: a child in its conversation, a template among the customer's conversations.

    The calls that send an SMS without a conversation carry no reference: None. Raises ConfigurationError where
    the message itself has no route.
    """
    operation = routing.plan(message, stream)
    recipient = message.recipients[0]
    if isinstance(operation, SendChild):
        reading: GetObject | ListObjects = GetObject(routing.object_stream_id(stream), message.conversation_id)
    elif isinstance(operation, SendTemplates):
        reading = ListObjects(
            routing.object_stream_id(stream),
            identity_id=wire.phone_digits(recipient.phone),
            identity_type=IDENTITY_TYPE[stream.channel],
            sort="desc",
            order="createdtime",
        )
    else:
        return None
    return FindMessage(reading, recipient.ref)
