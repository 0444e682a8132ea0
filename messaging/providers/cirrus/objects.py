"""Writing to conversations: create one, add a message to it, change its state and what is noted on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from messaging.errors import ConfigurationError
from messaging.providers.base import Account, Operation
from messaging.providers.cirrus import wire
from messaging.providers.cirrus.records import UserDetails
from messaging.providers.cirrus.words import CONVERSATION_WORDS, ObjectStatus, ObjectType, StreamProviderType
from messaging.types import Answer, Outcome, RecipientResult, Request, SendResult


@dataclass(frozen=True, slots=True)
class CreateObject(Operation[str]):
    """POST /streams/{stream id}/objects: begin a conversation; the result is its id.

    `provider_id` and `customer` are digits of a phone number or an e-mail address. None leaves a value out.
    `send_to_client` sends without saving (SMS only). `content` goes as an object, as in every example.
    """

    stream_id: str
    message: str
    provider_type: StreamProviderType
    provider_id: str = ""
    customer: str = ""
    customer_type: StreamProviderType | None = None
    user_identity: str = ""
    manager_id: int | None = None
    sub_stream_id: int | None = None
    type: int = ObjectType.CONVERSATION
    status: int = ObjectStatus.OPEN
    content: Mapping[str, Any] | None = None
    send_to_client: bool | None = None
    create_child: bool | None = None
    user: UserDetails | None = None

    def build_request(self, account: Account) -> Request:
        stream = wire.path_id(self.stream_id, "stream id")
        values: dict[str, Any] = {
            "SubStreamId": self.sub_stream_id,
            "Type": int(self.type),
            "StatusId": int(self.status),
            "StreamProviderType": int(self.provider_type),
            "StreamProviderId": self.provider_id.removeprefix("+") or None,
            "UserStreamProviderId": self.customer.removeprefix("+") or None,
            "UserStreamProviderType": None if self.customer_type is None else int(self.customer_type),
            "UserIdentity": wire.number_of(self.user_identity, "user identity") if self.user_identity else None,
            "ManagerId": self.manager_id,
            "Content": None if self.content is None else dict(self.content),
            "Message": self.message,
            "sendToClient": self.send_to_client,
            "createChildObject": self.create_child,
            "User": self.user.as_data() if self.user else None,
        }
        data = {name: value for name, value in values.items() if value is not None}
        return wire.post(account, f"streams/{stream}/objects", data)

    def parse_response(self, answer: Answer) -> str:
        return wire.created_id(answer)


@dataclass(frozen=True, slots=True)
class CreateChild(Operation[str]):
    """Add a message to a conversation; the result is the child's id.

    POST /streams/{stream id}/objects/{object id}/child, or .../objects/{provider_id}/{provider_type}/child when
    there is no `object_id`. On behalf of the agent (`agent_id` is needed) it is sent to the customer; on behalf
    of the customer it is shown to the agents. `customer` is the customer's phone number or e-mail address in
    both. `content` is sent as a JSON string, the type that the document gives it.
    """

    stream_id: str
    on_behalf_of: Literal["agent", "customer"]
    message: str
    customer: str
    customer_type: StreamProviderType
    object_id: str = ""
    provider_id: str = ""
    provider_type: StreamProviderType | None = None
    agent_id: str = ""
    type: int = ObjectType.CONVERSATION
    content: Mapping[str, Any] = field(default_factory=dict)

    def build_request(self, account: Account) -> Request:
        data: dict[str, Any] = {}
        if self.on_behalf_of == "agent":
            data = {"IsManager": True, "UserIdentity": wire.number_of(self.agent_id, "agent's user id in Cirrus")}
        data |= {
            "Type": int(self.type),
            "UserStreamProviderId": self.customer.removeprefix("+"),
            "UserStreamProviderType": int(self.customer_type),
            "Message": self.message,
        }
        if self.content:
            data["Content"] = json.dumps(dict(self.content))
        stream = wire.path_id(self.stream_id, "stream id")
        return wire.post(account, f"streams/{stream}/objects/{self._target()}/child", data)

    def _target(self) -> str:
        if self.object_id:
            return wire.path_id(self.object_id, "conversation's id in Cirrus")
        if self.provider_type is None:
            raise ConfigurationError("A message needs a Cirrus conversation: its id, or a customer's id and its type.")
        return f"{wire.customer_segment(self.provider_id)}/{int(self.provider_type)}"

    def parse_response(self, answer: Answer) -> str:
        return wire.created_id(answer)


@dataclass(frozen=True, slots=True)
class SendChild(Operation[SendResult]):
    """A child on behalf of the agent as a message of ours: the result names child and conversation."""

    child: CreateChild
    ref: str

    def build_request(self, account: Account) -> Request:
        return self.child.build_request(account)

    def parse_response(self, answer: Answer) -> SendResult:
        result = RecipientResult(
            self.ref,
            Outcome.ACCEPTED,
            external_id=self.child.parse_response(answer),
            conversation_id=self.child.object_id,
        )
        return SendResult((result,))


class _Change(Operation[None]):
    """A change whose answer says no more than that it was done."""

    __slots__ = ()

    def parse_response(self, answer: Answer) -> None:
        wire.open_envelope(answer)


@dataclass(frozen=True, slots=True)
class SetStatus(_Change):
    """POST /objects/{object id}/status/{status id}. `status` is our word, or one of their numbers."""

    object_id: str
    status: str | int

    def build_request(self, account: Account) -> Request:
        if isinstance(self.status, str):
            if self.status not in CONVERSATION_WORDS:
                raise ConfigurationError(
                    f"Cirrus has no status for {self.status!r}: choose one of {', '.join(CONVERSATION_WORDS)}."
                )
            number = int(CONVERSATION_WORDS[self.status][0])
        else:
            number = int(self.status)
        return wire.post(account, f"objects/{_object(self.object_id)}/status/{number}")


@dataclass(frozen=True, slots=True)
class SetContent(_Change):
    """POST /objects/{object id}/content with any values."""

    object_id: str
    content: Mapping[str, Any]

    def build_request(self, account: Account) -> Request:
        return wire.post(account, f"objects/{_object(self.object_id)}/content", dict(self.content))


@dataclass(frozen=True, slots=True)
class AddActivity(_Change):
    """POST /objects/{object id}/activitylog. `source` says where the entry comes from."""

    object_id: str
    text: str
    source: str
    manager_id: int | None = None

    def build_request(self, account: Account) -> Request:
        data = {"Text": self.text, "Source": self.source, **_manager(self.manager_id)}
        return wire.post(account, f"objects/{_object(self.object_id)}/activitylog", data)


@dataclass(frozen=True, slots=True)
class AddRemark(_Change):
    """POST /objects/{object id}/remarks: a note that the customer does not see."""

    object_id: str
    text: str
    manager_id: int | None = None

    def build_request(self, account: Account) -> Request:
        data = {"Text": self.text, **_manager(self.manager_id)}
        return wire.post(account, f"objects/{_object(self.object_id)}/remarks", data)


@dataclass(frozen=True, slots=True)
class SetIndicator(_Change):
    """POST /objects/{object id}/indicators. `indicator_id` is a name we choose; the link may be left out."""

    object_id: str
    indicator_id: str
    title: str
    display_class: str = ""
    link: str = ""

    def build_request(self, account: Account) -> Request:
        wire.path_id(self.indicator_id, "indicator's id")  # one that could not be deleted again is refused here
        values = {"Title": self.title, "DisplayClass": self.display_class, "Link": self.link}
        data = {"IndicatorId": self.indicator_id, **{name: value for name, value in values.items() if value}}
        return wire.post(account, f"objects/{_object(self.object_id)}/indicators", data)


@dataclass(frozen=True, slots=True)
class DeleteIndicator(_Change):
    """DELETE /objects/{object id}/indicators/{indicator id}; the id is the name it was set with."""

    object_id: str
    indicator_id: str

    def build_request(self, account: Account) -> Request:
        indicator = wire.path_id(self.indicator_id, "indicator's id")
        url = f"{account.base_url}/objects/{_object(self.object_id)}/indicators/{indicator}"
        return Request("DELETE", url, wire.headers(account))


def _object(object_id: str) -> str:
    return wire.path_id(object_id, "conversation's id in Cirrus")


def _manager(manager_id: int | None) -> dict[str, int]:
    return {} if manager_id is None else {"ManagerId": manager_id}
