"""Reading conversations, and the state of the system."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from messaging.errors import ConfigurationError, Refused
from messaging.providers.base import Account, Operation
from messaging.providers.cirrus import wire
from messaging.providers.cirrus.records import Activity, CirrusObject, Transcript
from messaging.providers.cirrus.words import ActivityType, StreamProviderType
from messaging.types import Answer, Request

LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class GetObject(Operation[CirrusObject]):
    """GET /streams/{stream id}/objects/{object id}. Without children only the last message comes along."""

    stream_id: str
    object_id: str
    include_children: bool = True
    include_activity_log: bool = False

    def build_request(self, account: Account) -> Request:
        stream = wire.path_id(self.stream_id, "stream id")
        found = wire.path_id(self.object_id, "conversation's id in Cirrus")
        query = {
            name: "true"
            for name, wanted in (
                ("includeChilds", self.include_children),
                ("includeActivityLog", self.include_activity_log),
            )
            if wanted
        }
        return wire.get(account, f"streams/{stream}/objects/{found}", query)

    def parse_response(self, answer: Answer) -> CirrusObject:
        for found in _objects(answer):
            return found
        raise _not_found(answer)


@dataclass(frozen=True, slots=True)
class ListActivities(Operation[tuple[Activity, ...]]):
    """GET /objects/{object id}/activities?activityType=N: one type at a time, as the vendor demands."""

    object_id: str
    activity_type: ActivityType

    def build_request(self, account: Account) -> Request:
        found = wire.path_id(self.object_id, "conversation's id in Cirrus")
        return wire.get(account, f"objects/{found}/activities", {"activityType": str(int(self.activity_type))})

    def parse_response(self, answer: Answer) -> tuple[Activity, ...]:
        return tuple(Activity.read(record) for record in wire.answered_records(answer))


@dataclass(frozen=True, slots=True)
class GetTranscript(Operation[Transcript]):
    """GET /streams/{stream id}/objects/{object id}/transcript; answered as an object or as a list of one."""

    stream_id: str
    object_id: str

    def build_request(self, account: Account) -> Request:
        stream = wire.path_id(self.stream_id, "stream id")
        found = wire.path_id(self.object_id, "conversation's id in Cirrus")
        return wire.get(account, f"streams/{stream}/objects/{found}/transcript")

    def parse_response(self, answer: Answer) -> Transcript:
        for record in wire.answered_records(answer):
            return Transcript.read(record)
        raise _not_found(answer)


@dataclass(frozen=True, slots=True)
class ListObjects(Operation[tuple[CirrusObject, ...]]):
    """GET /streams/{stream id}/objects: the documented way to poll for what customers wrote.

    At least one limiter is needed: a window (`since` and `until`, aware), a customer's identity (`identity_id`
    with `identity_type`) or `user_identity_id`. At most 100 conversations a call; `page` is passed on as given.
    """

    stream_id: str
    since: datetime | None = None
    until: datetime | None = None
    identity_id: str = ""
    identity_type: StreamProviderType | None = None
    user_identity_id: str = ""
    sub_stream_id: str = ""
    statuses: tuple[int, ...] = ()
    sort: Literal["", "asc", "desc"] = ""
    order: Literal["", "createdtime", "closedtime", "prioritytime", "updatedtime"] = ""
    page: int | None = None
    page_size: int = LARGEST_PAGE
    include_children: bool = True
    include_activity_log: bool = False

    def build_request(self, account: Account) -> Request:
        if (self.since is None) != (self.until is None):
            raise ConfigurationError("A window needs both ends: since and until.")
        if bool(self.identity_id) != (self.identity_type is not None):
            raise ConfigurationError("A customer's identity needs both its id and its type.")
        if self.since is None and not self.identity_id and not self.user_identity_id:
            raise ConfigurationError("Cirrus lists a stream's conversations only within a window or of one customer.")
        if not 1 <= self.page_size <= LARGEST_PAGE:
            raise ConfigurationError(f"Cirrus lists 1 to {LARGEST_PAGE} conversations a call, not {self.page_size}.")
        stream = wire.path_id(self.stream_id, "stream id")
        return wire.get(account, f"streams/{stream}/objects", self._query())

    def _query(self) -> dict[str, str]:
        values: dict[str, object] = {
            "unixStartTime": wire.unix_seconds(self.since, "window's start") if self.since else None,
            "unixEndTime": wire.unix_seconds(self.until, "window's end") if self.until else None,
            "identityStreamProviderId": self.identity_id.removeprefix("+"),
            "identityStreamProviderType": None if self.identity_type is None else int(self.identity_type),
            "userIdentityId": self.user_identity_id,
            "subStream": self.sub_stream_id,
            "status": ",".join(str(int(status)) for status in self.statuses),
            "sort": self.sort,
            "order": self.order,
            "includeChilds": "true" if self.include_children else "",
            "includeActivityLog": "true" if self.include_activity_log else "",
            "pageNumber": self.page,
            "pageSize": self.page_size,
        }
        return {name: str(value) for name, value in values.items() if value not in (None, "")}

    def parse_response(self, answer: Answer) -> tuple[CirrusObject, ...]:
        return _objects(answer)


@dataclass(frozen=True, slots=True)
class SystemStatus(Operation[str]):
    """GET /core/systemstatus; the result is their sentence, "System is operational"."""

    def build_request(self, account: Account) -> Request:
        return wire.get(account, "core/systemstatus")

    def parse_response(self, answer: Answer) -> str:
        return wire.open_envelope(answer).description


def _objects(answer: Answer) -> tuple[CirrusObject, ...]:
    # A record without an id is nothing we could ever ask for again, so it is left out.
    found = (CirrusObject.read(record) for record in wire.answered_records(answer))
    return tuple(item for item in found if item.id)


def _not_found(answer: Answer) -> Refused:
    return Refused("Cirrus holds no such conversation.", code="conversation_not_found", answer=answer)
