"""Chats: sending an SMS makes one (or adds to the open one), and it can be read back with its messages.

Source: the provider's "SMS endpoints" page. Reading a chat and its messages is documented for chats made over
the API; that it works for SMS chats too, and the form of the list of messages, are assumptions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from messaging.errors import ConfigurationError, Refused, Unconfirmed
from messaging.providers.base import Account, Operation
from messaging.providers.ccai_platform import wire
from messaging.providers.outcomes import read_json_object
from messaging.types import Answer, Outcome, RecipientResult, Request, SendResult

CHAT_TYPES = ("Messaging (SMS)", "Messaging (API)", "SMS")  # the first is in every example, the others in the table
CLOSED_STATUSES = frozenset({"finished", "failed", "canceled", "no_response", "dismissed"})


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """The agent a chat is assigned to."""

    id: int | None
    agent_number: int | None
    email: str
    name: str
    first_name: str
    last_name: str
    avatar_url: str


@dataclass(frozen=True, slots=True)
class EndUser:
    """The customer of a chat."""

    id: int | None
    identifier: str
    out_contact_id: str


@dataclass(frozen=True, slots=True)
class Participant:
    """One side of a chat. `kind` is end_user, agent or virtual_agent; durations are seconds."""

    id: int | None
    kind: str
    status: str
    chat_id: int | None
    user_id: int | None
    end_user_id: int | None
    chat_duration: int | None
    connected_at: datetime | None
    ended_at: datetime | None
    fail_reason: str


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat as the provider describes it. `raw` is the whole object, with keys that are not read here."""

    id: int
    lang: str
    chat_type: str
    status: str
    created_at: datetime | None
    queued_at: datetime | None
    assigned_at: datetime | None
    ends_at: datetime | None
    wait_duration: int | None
    chat_duration: int | None
    rating: int | None
    has_feedback: bool
    out_ticket_id: str
    out_ticket_url: str
    verified: bool
    disconnected_by: str
    fail_reason: str
    selected_menu: Mapping[str, Any]
    menu_path: Mapping[str, Any]
    agent: AgentInfo | None
    end_user: EndUser
    photos: tuple[Mapping[str, Any], ...]
    videos: tuple[Mapping[str, Any], ...]
    transfers: tuple[Mapping[str, Any], ...]
    participants: tuple[Participant, ...]
    offer_type: str
    offer_events: tuple[Mapping[str, Any], ...]
    answer_type: str
    outbound_number: str
    raw: Mapping[str, Any]

    @property
    def is_open(self) -> bool:
        """May messages still be added? Statuses are open words: only known final ones say no."""
        return self.status not in CLOSED_STATUSES


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a chat. `sender_kind` is end_user, agent or virtual_agent, `kind` text, markdown, ..."""

    sender_kind: str
    sender_id: int | None
    kind: str
    content: str
    created_at: datetime | None
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OutboundSms(Operation[Chat]):
    """`POST /sms`. With an agent's id or e-mail the chat is assigned to that agent, or written on in their name."""

    end_user_number: str
    outbound_number: str
    message: str
    ticket_id: str = ""
    agent_id: str = ""
    agent_email: str = ""
    chat_type: str = CHAT_TYPES[0]

    def build_request(self, account: Account) -> Request:
        """The documented body; ConfigurationError without a sender, or for an agent id that is not a number."""
        if not self.outbound_number:
            raise ConfigurationError("The stream has no outbound number: enter the number it writes from.")
        payload: dict[str, str | int] = {
            "chat_type": self.chat_type,
            "end_user_number": self.end_user_number,
            "outbound_number": self.outbound_number,
            "message": self.message,
        }
        if self.ticket_id:
            payload["ticket_id"] = self.ticket_id
        if self.agent_id:
            if not re.fullmatch(r"[0-9]{1,18}", self.agent_id):
                raise ConfigurationError(f"The agent's id at CCAI Platform, {self.agent_id[:40]!r}, is not a number.")
            payload["agentId"] = int(self.agent_id)
        elif self.agent_email:
            payload["agentEmail"] = self.agent_email
        return wire.make_request(account, "POST", "/sms", payload)

    def parse_response(self, answer: Answer) -> Chat:
        """The chat that the message belongs to."""
        return read_chat_answer(answer)


@dataclass(frozen=True, slots=True)
class SendText(Operation[SendResult]):
    """An outbound SMS for one message of ours. The provider gives messages no id, only the chat has one."""

    ref: str
    sms: OutboundSms

    def build_request(self, account: Account) -> Request:
        """The request of the SMS."""
        return self.sms.build_request(account)

    def parse_response(self, answer: Answer) -> SendResult:
        """Accepted, with the chat's id as the conversation's."""
        chat = self.sms.parse_response(answer)
        return SendResult((RecipientResult(self.ref, Outcome.ACCEPTED, conversation_id=str(chat.id)),))


@dataclass(frozen=True, slots=True)
class ProbeSms(Operation[str]):
    """`POST /sms` without a number: it cannot send, and its documented refusal says whether an SMS could be sent.

    No call that only reads tells a wrong address from a right one: both answer "Not Found".
    """

    def build_request(self, account: Account) -> Request:
        """The chat type alone."""
        return wire.make_request(account, "POST", "/sms", {"chat_type": CHAT_TYPES[0]})

    def parse_response(self, answer: Answer) -> str:
        """Our code of the documented refusal. Raises for every other answer, a success among them."""
        try:
            wire.raise_for_refusal(answer)
        except Refused as refusal:
            if refusal.code in wire.REFUSALS.values() and answer.status == 400:
                return refusal.code
            raise
        raise Unconfirmed("The answer is not the documented one.", code="unreadable_answer", answer=answer)


@dataclass(frozen=True, slots=True)
class GetChat(Operation[Chat]):
    """`GET /chats/{id}`."""

    chat_id: str

    def build_request(self, account: Account) -> Request:
        """The id must be a number."""
        return wire.make_request(account, "GET", wire.chat_path(self.chat_id))

    def parse_response(self, answer: Answer) -> Chat:
        """The chat; Refused when there is none."""
        return read_chat_answer(answer)


@dataclass(frozen=True, slots=True)
class GetChatMessages(Operation[tuple[ChatMessage, ...]]):
    """`GET /chats/{id}/messages`: how answers are found where no webhook is set up."""

    chat_id: str

    def build_request(self, account: Account) -> Request:
        """The id must be a number."""
        return wire.make_request(account, "GET", wire.chat_path(self.chat_id) + "/messages")

    def parse_response(self, answer: Answer) -> tuple[ChatMessage, ...]:
        """The messages in the provider's order, from a list or from an object with `messages`."""
        wire.raise_for_refusal(answer)
        try:
            data = answer.json()
        except ValueError as error:
            raise Unconfirmed("The answer could not be read.", code="unreadable_answer", answer=answer) from error
        found = data.get("messages") if isinstance(data, dict) else data
        if not isinstance(found, list):
            raise Unconfirmed("The answer holds no messages.", code="unreadable_answer", answer=answer)
        return tuple(_read_message(item) for item in wire.records(found))


def read_chat_answer(answer: Answer) -> Chat:
    """The chat of a 2xx answer. Raises what other statuses prove, and Unconfirmed for an answer without an id."""
    wire.raise_for_refusal(answer)
    data = read_json_object(answer)
    chat_id = wire.number(data.get("id"))
    if chat_id is None:
        raise Unconfirmed("The answer names no chat.", code="unreadable_answer", answer=answer)
    return _read_chat(chat_id, data)


def _read_chat(chat_id: int, data: Mapping[str, Any]) -> Chat:
    end_user = wire.record(data.get("end_user"))
    return Chat(
        id=chat_id,
        lang=wire.text(data.get("lang")),
        chat_type=wire.text(data.get("chat_type")),
        status=wire.text(data.get("status")),
        created_at=wire.read_moment(data.get("created_at")),
        queued_at=wire.read_moment(data.get("queued_at")),
        assigned_at=wire.read_moment(data.get("assigned_at")),
        ends_at=wire.read_moment(data.get("ends_at")),
        wait_duration=wire.number(data.get("wait_duration")),
        chat_duration=wire.number(data.get("chat_duration")),
        rating=wire.number(data.get("rating")),
        has_feedback=data.get("has_feedback") is True,
        out_ticket_id=wire.text(data.get("out_ticket_id")),
        out_ticket_url=wire.text(data.get("out_ticket_url")),
        verified=data.get("verified") is True,
        disconnected_by=wire.text(data.get("disconnected_by")),
        fail_reason=wire.text(data.get("fail_reason")),
        selected_menu=wire.record(data.get("selected_menu")),
        menu_path=wire.record(data.get("menu_path")),
        agent=_read_agent(wire.record(data.get("agent_info"))),
        end_user=EndUser(
            id=wire.number(end_user.get("id")),
            identifier=wire.text(end_user.get("identifier")),
            out_contact_id=wire.text(end_user.get("out_contact_id")),
        ),
        photos=tuple(wire.records(data.get("photos"))),
        videos=tuple(wire.records(data.get("videos"))),
        transfers=tuple(wire.records(data.get("transfers"))),
        participants=tuple(_read_participant(item) for item in wire.records(data.get("participants"))),
        offer_type=wire.text(data.get("offer_type")),
        offer_events=tuple(wire.records(data.get("offer_events"))),
        answer_type=wire.text(data.get("answer_type")),
        outbound_number=wire.text(data.get("outbound_number")),
        raw=data,
    )


def _read_agent(data: Mapping[str, Any]) -> AgentInfo | None:
    if not data:
        return None
    return AgentInfo(
        id=wire.number(data.get("id")),
        agent_number=wire.number(data.get("agent_number")),
        email=wire.text(data.get("email")),
        name=wire.text(data.get("name")),
        first_name=wire.text(data.get("first_name")),
        last_name=wire.text(data.get("last_name")),
        avatar_url=wire.text(data.get("avatar_url")),
    )


def _read_participant(data: Mapping[str, Any]) -> Participant:
    return Participant(
        id=wire.number(data.get("id")),
        kind=wire.text(data.get("type")),
        status=wire.text(data.get("status")),
        chat_id=wire.number(data.get("chat_id")),
        user_id=wire.number(data.get("user_id")),
        end_user_id=wire.number(data.get("end_user_id")),
        chat_duration=wire.number(data.get("chat_duration")),
        connected_at=wire.read_moment(data.get("connected_at")),
        ended_at=wire.read_moment(data.get("ended_at")),
        fail_reason=wire.text(data.get("fail_reason")),
    )


def _read_message(data: Mapping[str, Any]) -> ChatMessage:
    sender, message = wire.record(data.get("sender")), wire.record(data.get("message"))
    return ChatMessage(
        sender_kind=wire.text(sender.get("type")),
        sender_id=wire.number(sender.get("id")),
        kind=wire.text(message.get("type")),
        content=wire.text(message.get("content")),
        created_at=wire.read_moment(data.get("created_at")) or wire.read_moment(data.get("timestamp")),
        raw=data,
    )
