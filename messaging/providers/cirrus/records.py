"""What Cirrus tells of conversations, as typed records; read as tolerantly as its answers vary.

Ids are text, times aware UTC or None, numbers of its lists plain ints that `words.py` explains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from messaging.providers.cirrus.fields import Fields, clean_text
from messaging.providers.cirrus.words import activity_word, conversation_word


@dataclass(frozen=True, slots=True)
class UserDetails:
    """The customer as we describe them to Cirrus. `phone` is digits with the country code."""

    phone: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    unique_id: str = ""
    remarks: str = ""

    def as_data(self) -> dict[str, str]:
        """In their words. `Phone1` and `Email` are demanded, the rest is left out when empty; sizes are theirs."""
        optional = {
            "UniqueId": self.unique_id[:50],
            "LastName": self.last_name[:100],
            "FirstName": self.first_name[:100],
            "Remarks": self.remarks,
        }
        filled = {name: value for name, value in optional.items() if value}
        return filled | {"Phone1": self.phone, "Email": self.email}


@dataclass(frozen=True, slots=True)
class Customer:
    """The user of a conversation as Cirrus keeps them."""

    id: str = ""
    unique_id: str = ""
    phone1: str = ""
    phone2: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    gender: str = ""
    locale: str = ""
    birthday: str = ""
    remarks: str = ""
    identities: int | None = None
    content: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, record: Fields) -> Customer:
        """From a `user` record."""
        return cls(
            id=record.text("id"),
            unique_id=record.text("uniqueid"),
            phone1=record.text("phone1"),
            phone2=record.text("phone2"),
            email=record.text("email"),
            first_name=record.text("firstname", "first_name"),
            last_name=record.text("lastname", "last_name"),
            gender=record.text("gender"),
            locale=record.text("locale"),
            birthday=record.text("birthday"),
            remarks=record.text("remarks"),
            identities=record.number("numberidentities"),
            content=record.content("content"),
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """One address of a user or agent: an id on a kind of channel (`words.StreamProviderType`)."""

    id: str = ""
    provider_id: str = ""
    provider_type: int | None = None
    first_name: str = ""
    last_name: str = ""
    thumbnail_url: str = ""

    @classmethod
    def read(cls, record: Fields) -> Identity:
        """From an `identity` record."""
        return cls(
            id=record.text("id", "identityid"),
            provider_id=record.text("streamproviderid"),
            provider_type=record.number("streamprovidertype"),
            first_name=record.text("firstname", "first_name"),
            last_name=record.text("lastname", "last_name"),
            thumbnail_url=record.text("thumbnailurl"),
        )


@dataclass(frozen=True, slots=True)
class Child:
    """One message of a conversation. `ref` is our own reference where we sent one along."""

    id: str
    object_id: str = ""
    message: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    provider_type: int | None = None
    type: int | None = None
    author_id: str = ""
    manager_id: str = ""
    is_manager: bool = False
    identity: Identity = Identity()

    @property
    def ref(self) -> str:
        """Our reference of the message, from `Content`."""
        return clean_text(self.content.get("ref"))

    @classmethod
    def read(cls, record: Fields) -> Child:
        """From a `childs` item, or a webhook's `Child`."""
        user = record.inner("user")
        manager = record.text("managerid") or user.text("managerid")
        return cls(
            id=record.text("id"),
            object_id=record.text("object_id", "objectid"),
            message=record.text("message", "snippet"),
            content=record.content("content"),
            created_at=record.moment("createdtime", "createdate"),
            provider_type=record.number("streamprovidertype"),
            type=record.number("type"),
            author_id=user.text("id"),
            manager_id="" if manager == "0" else manager,
            is_manager=manager not in ("", "0") or user.flag("ismanager") or record.flag("ismanager"),
            identity=Identity.read(user.inner("identity")),
        )


@dataclass(frozen=True, slots=True)
class Activity:
    """One entry of a conversation's log. `details` is `data` where it is JSON, `text` its text or the plain data."""

    id: str
    object_id: str
    type_id: int | None
    text: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    first_name: str = ""
    last_name: str = ""
    identity_id: str = ""

    @property
    def word(self) -> str:
        """`remark`, `status_change` ...: the type in words."""
        return activity_word(self.type_id)

    @classmethod
    def read(cls, record: Fields) -> Activity:
        """From an item of the activities call, of an object's log or of a webhook."""
        user = record.inner("user")
        details = record.content("data")
        return cls(
            id=record.text("id"),
            object_id=record.text("objectid", "object_id"),
            type_id=record.number("type", "activitytype"),
            text=Fields(details).text("text") if details else record.text("data"),
            details=details,
            created_at=record.moment("createdtime", "createdate"),
            first_name=user.text("first_name", "firstname"),
            last_name=user.text("last_name", "lastname"),
            identity_id=user.inner("identity").text("identityid", "id"),
        )


@dataclass(frozen=True, slots=True)
class CirrusObject:
    """A conversation. `children` come newest first, and only the last one unless all were asked for."""

    id: str
    stream_id: str = ""
    sub_stream_id: str = ""
    provider_id: str = ""
    provider_type: int | None = None
    user_identity: str = ""
    user_provider_id: str = ""
    user_provider_type: int | None = None
    first_name: str = ""
    last_name: str = ""
    message: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    closed_at: datetime | None = None
    status_id: int | None = None
    manager_id: str = ""
    type: int | None = None
    is_manager: bool = False
    customer: Customer = Customer()
    children: tuple[Child, ...] = ()
    activities: tuple[Activity, ...] = ()

    @property
    def ref(self) -> str:
        """Our reference of the message that began the conversation, from `Content`."""
        return clean_text(self.content.get("ref"))

    @property
    def status(self) -> str:
        """Our word for the status, or nothing where only their number says it."""
        return conversation_word(self.status_id)

    @classmethod
    def read(cls, record: Fields) -> CirrusObject:
        """From an object of the answer. `childs` stand beside `user` or, as the document prints it, inside it."""
        user = record.inner("user")
        manager = record.text("assignedmanagerid", "managerid")
        children = record.inner_all("childs", "children") or user.inner_all("childs", "children")
        return cls(
            id=record.text("objectid", "id"),
            stream_id=record.text("streamid"),
            sub_stream_id=_not_zero(record.text("substreamid")),
            provider_id=record.text("streamproviderid"),
            provider_type=record.number("streamprovidertype"),
            user_identity=record.text("user_identity", "useridentity"),
            user_provider_id=record.text("userstreamproviderid"),
            user_provider_type=record.number("userstreamprovidertype"),
            first_name=record.text("firstname"),
            last_name=record.text("lastname"),
            message=record.text("message"),
            content=record.content("content"),
            created_at=record.moment("createdtime"),
            updated_at=record.moment("updatedtime"),
            closed_at=record.moment("closetime", "closedtime"),
            status_id=record.number("statusid"),
            manager_id=_not_zero(manager),
            type=record.number("type"),
            is_manager=record.flag("ismanager"),
            customer=Customer.read(user),
            children=tuple(Child.read(child) for child in children),
            activities=tuple(
                Activity.read(item) for item in record.inner_all("activitylog", "activitylogs", "activities")
            ),
        )


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation as one text."""

    object_id: str
    stream_id: str
    sub_stream_id: str
    text: str
    customer: Customer

    @classmethod
    def read(cls, record: Fields) -> Transcript:
        """The document spells the text `trasncript`; running clients read `transcript`."""
        return cls(
            object_id=record.text("objectid", "id"),
            stream_id=record.text("streamid"),
            sub_stream_id=_not_zero(record.text("substreamid")),
            text=record.text("transcript", "trasncript"),
            customer=Customer.read(record.inner("user")),
        )


def _not_zero(value: str) -> str:
    return "" if value == "0" else value
