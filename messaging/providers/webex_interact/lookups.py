"""Account, senders, and the requests that wait for their time.

Source: the provider's "Account API", "Senders API" and "Scheduled Messages API" pages. The scheduled list
takes its filter and page inside the body and is limited to 10 calls a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from messaging.errors import ConfigurationError, Refused, Unconfirmed
from messaging.providers.base import Account, Operation
from messaging.providers.outcomes import read_json_object
from messaging.providers.webex_interact import wire
from messaging.types import Answer, Request

LARGEST_PAGE = 100
REQUEST_STATUSES = ("SCHEDULED", "SENT", "ERROR", "DELETED", "IN_PROGRESS")


@dataclass(frozen=True, slots=True)
class InteractAccount:
    """What the provider says of the account. `balance` is money in `currency`, as it was printed."""

    uid: str
    status: str
    home_region: str
    time_zone: str
    currency: str
    balance: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class GetAccount(Operation[InteractAccount]):
    """`GET /identity/v1/account`."""

    def build_request(self, account: Account) -> Request:
        """A request without parameters."""
        return wire.make_request(account, "GET", "/identity/v1/account")

    def parse_response(self, answer: Answer) -> InteractAccount:
        """The account; Unconfirmed for an answer that names none."""
        data = _read_page(answer)
        if not wire.text(data.get("account_uid")):
            raise Unconfirmed("The answer names no account.", code="unreadable_answer", answer=answer)
        balance = data.get("account_balance")
        return InteractAccount(
            uid=wire.text(data.get("account_uid")),
            status=wire.text(data.get("account_status")),
            home_region=wire.text(data.get("home_region")),
            time_zone=wire.text(data.get("time_zone")),
            currency=wire.text(data.get("default_currency")),
            balance=str(balance) if isinstance(balance, float) else wire.text(balance),
            created_at=wire.iso_moment(data.get("created")),
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Where a list's page stands."""

    current_page: int
    total_items: int
    total_pages: int


@dataclass(frozen=True, slots=True)
class Sender:
    """A name or number that messages may come from."""

    id: str
    name: str
    status: str


@dataclass(frozen=True, slots=True)
class SenderPage:
    """One page of senders."""

    items: tuple[Sender, ...]
    page: Page


@dataclass(frozen=True, slots=True)
class ListSenders(Operation[SenderPage]):
    """`GET /assets/v1/senders`: page numbers begin at 1, a page holds 1 to 100 (25 by default)."""

    page_number: int = 1
    page_size: int = 25

    def build_request(self, account: Account) -> Request:
        """The page asked for."""
        query = _page_query(self.page_number, self.page_size)
        return wire.make_request(account, "GET", "/assets/v1/senders", query=query)

    def parse_response(self, answer: Answer) -> SenderPage:
        """The page's senders and where the page stands."""
        data = _read_page(answer)
        senders = tuple(
            Sender(wire.text(item.get("id")), wire.text(item.get("name")), wire.text(item.get("status")))
            for item in wire.records(data.get("items"))
        )
        return SenderPage(senders, _read_paging(data))


@dataclass(frozen=True, slots=True)
class CancelScheduled(Operation[None]):
    """`DELETE /campaigns/v1/cancel/{id}`: the whole request (`aps_...`) or campaign (`cmp_...`), not one number."""

    request_id: str

    def build_request(self, account: Account) -> Request:
        """The id is quoted and checked."""
        segment = wire.path_id(self.request_id, "request id")
        return wire.make_request(account, "DELETE", f"/campaigns/v1/cancel/{segment}")

    def parse_response(self, answer: Answer) -> None:
        """Nothing on success. Refused with code `not_found`, or `not_cancellable` for one that waits no more."""
        try:
            wire.raise_for_refusal(answer)
        except Refused as refusal:
            refusal.code = "not_found" if answer.status == 404 else "not_cancellable"
            raise


@dataclass(frozen=True, slots=True)
class ScheduledRequest:
    """A request or campaign in the provider's list. `status` is one of REQUEST_STATUSES."""

    id: str
    name: str
    kind: str
    status: str
    sender: str
    body: str
    scheduled_at: datetime | None


@dataclass(frozen=True, slots=True)
class ScheduledPage:
    """One page of scheduled requests."""

    items: tuple[ScheduledRequest, ...]
    page: Page


@dataclass(frozen=True, slots=True)
class ListScheduled(Operation[ScheduledPage]):
    """`POST /campaigns/v1/scheduled`: by id, by time of creation or by time of sending; one of them is needed."""

    id: str = ""
    created: tuple[datetime, datetime] | None = None
    scheduled: tuple[datetime, datetime] | None = None
    statuses: tuple[str, ...] = ()
    request_types: tuple[str, ...] = ()
    page_number: int = 1
    page_size: int = 25

    def build_request(self, account: Account) -> Request:
        """The filter and page in the body. Raises ConfigurationError without an id or a range."""
        ranges = self._range("created_at", self.created) | self._range("scheduled_at", self.scheduled)
        if not self.id and not ranges:
            raise ConfigurationError("Give the id of a request or a range of dates to look in.")
        chosen: dict[str, Any] = dict(ranges)
        if self.id:
            chosen["id"] = wire.path_id(self.id, "request id")
        if self.statuses:
            chosen["status"] = list(self.statuses)
        if self.request_types:
            chosen["request_types"] = list(self.request_types)
        payload = {"filter": chosen, "page": _page_query(self.page_number, self.page_size)}
        return wire.make_request(account, "POST", "/campaigns/v1/scheduled", payload=payload)

    def parse_response(self, answer: Answer) -> ScheduledPage:
        """The page's requests and where the page stands."""
        data = _read_page(answer)
        items = tuple(
            ScheduledRequest(
                id=wire.text(item.get("id")),
                name=wire.text(item.get("name")),
                kind=wire.text(item.get("request_type") or item.get("type")),
                status=wire.text(item.get("status")),
                sender=wire.text(item.get("sender_name")),
                body=wire.text(item.get("message_body")),
                scheduled_at=wire.iso_moment(item.get("scheduled_at")),
            )
            for item in wire.records(data.get("items"))
        )
        return ScheduledPage(items, _read_paging(data))

    @staticmethod
    def _range(name: str, pair: tuple[datetime, datetime] | None) -> dict[str, str]:
        if pair is None:
            return {}
        return {
            f"{name}_start": wire.format_moment(pair[0], "start of the range"),
            f"{name}_end": wire.format_moment(pair[1], "end of the range"),
        }


def _page_query(page_number: int, page_size: int) -> dict[str, int]:
    if page_number < 1 or not 1 <= page_size <= LARGEST_PAGE:
        raise ConfigurationError(f"Pages begin at 1 and hold 1 to {LARGEST_PAGE} entries.")
    return {"page_number": page_number, "page_size": page_size}


def _read_page(answer: Answer) -> dict[str, Any]:
    wire.raise_for_refusal(answer)
    return read_json_object(answer)


def _read_paging(data: Mapping[str, Any]) -> Page:
    paging = data.get("paging")
    numbers = paging if isinstance(paging, dict) else {}
    return Page(*(wire.number(numbers.get(name)) for name in ("current_page", "total_items", "total_pages")))
