"""Chats as sessions of the product: who is in one, what the customer wrote in it, and its end.

Source: the chat object of the "SMS endpoints" page; ending one is documented for chats made over the API (`PATCH
/chats/{id}`), and taken to work on SMS chats too, as reading its messages is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass

from messaging.errors import ConfigurationError
from messaging.providers.base import Account, Operation
from messaging.providers.ccai_platform import wire
from messaging.providers.ccai_platform.chats import Chat, ChatMessage, GetChat, GetChatMessages, read_chat_answer
from messaging.types import Answer, Channel, InboundMessage, Participant, Request, Session

_KINDS = {"end_user": "customer", "agent": "agent", "virtual_agent": "assistant"}


@dataclass(frozen=True, slots=True)
class ReadSession(Operation[Session]):
    """`GET /chats/{id}` as a session."""

    chat_id: str

    def build_request(self, account: Account) -> Request:
        """The request of the chat."""
        return GetChat(self.chat_id).build_request(account)

    def parse_response(self, answer: Answer) -> Session:
        """Status, holder and participants; Refused with code `not_found` when there is no such chat."""
        return as_session(read_chat_answer(answer))


@dataclass(frozen=True, slots=True)
class ReadWhatCustomerWrote(Operation[tuple[InboundMessage, ...]]):
    """`GET /chats/{id}/messages`, the customer's alone."""

    chat_id: str

    def build_request(self, account: Account) -> Request:
        """The request of the messages."""
        return GetChatMessages(self.chat_id).build_request(account)

    def parse_response(self, answer: Answer) -> tuple[InboundMessage, ...]:
        """Their messages, oldest first as the provider lists them."""
        times: Counter[str] = Counter()
        found = []
        for message in GetChatMessages(self.chat_id).parse_response(answer):
            if message.sender_kind == "end_user":
                times[message.content] += 1
                found.append(self._inbound(message, times[message.content]))
        return tuple(found)

    def _inbound(self, message: ChatMessage, occurrence: int) -> InboundMessage:
        own_id = wire.text(message.raw.get("id"))[:40]
        words = hashlib.sha256(message.content.encode()).hexdigest()[:16]
        kind, kind_word = wire.kind_of(message.kind, message.content)
        return InboundMessage(
            key=f"chat-message:{self.chat_id}:{own_id or f'{words}:{occurrence}'}",
            phone="",
            body=message.content,
            channel=Channel.SMS,
            conversation_id=self.chat_id,
            occurred_at=message.created_at,
            kind=kind,
            kind_word=kind_word,
            person_id=str(message.sender_id) if message.sender_id is not None else "",
        )


@dataclass(frozen=True, slots=True)
class EndChat(Operation[Session]):
    """`PATCH /chats/{id}` with `finished_by_user_id` and the status finished."""

    chat_id: str
    agent_id: str

    def build_request(self, account: Account) -> Request:
        """ConfigurationError without the number by which CCAI Platform knows the agent who ends it."""
        agent = wire.number(self.agent_id)
        if agent is None:
            raise ConfigurationError(
                "Ending a chat needs the agent's id at CCAI Platform: an administrator can enter it under Agent "
                "identities."
            )
        payload = {"finished_by_user_id": agent, "chat": {"status": "finished"}}
        return wire.make_request(account, "PATCH", wire.chat_path(self.chat_id), payload)

    def parse_response(self, answer: Answer) -> Session:
        """The chat as it is then; Refused with code `conversation_ended` when it had ended before."""
        return as_session(read_chat_answer(answer))


def as_session(chat: Chat) -> Session:
    """A chat in the product's words."""
    agent = chat.agent
    holder = next((one for one in chat.participants if one.kind == "agent" and one.user_id is not None), None)
    holder_id = agent.id if agent else holder.user_id if holder else None
    return Session(
        external_id=str(chat.id),
        status=chat.status,
        is_open=chat.is_open,
        holder_id=str(holder_id) if holder_id is not None else "",
        holder_email=agent.email if agent else "",
        holder_name=agent.name if agent else "",
        participants=tuple(
            Participant(
                kind=_KINDS.get(one.kind, one.kind),
                name=agent.name if agent and one.kind == "agent" and one.user_id == agent.id else "",
                status=one.status,
                since=one.connected_at,
                until=one.ended_at,
            )
            for one in chat.participants
        ),
    )
