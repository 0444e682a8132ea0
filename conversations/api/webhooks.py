"""Webhooks to other systems: who is told what happens here, and the log of what was told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query
from pydantic import BaseModel, ConfigDict, Field

from conversations.api.door import user_of
from conversations.api.errors import Refused
from conversations.api.fields import Given, Id, example
from conversations.api.operations import Resource
from conversations.api.paging import Listing, Page, page, rows_by_id
from conversations.models import Stream, User, WebhookDelivery, WebhookSubscription
from conversations.models.api_key import ApiScope
from conversations.models.outgoing import OutgoingKind
from conversations.services.outgoing import subscriptions

MANAGES = ("change_webhooksubscription", "manage_accounts", "view_every_stream")
EXAMPLE: dict[str, Any] = {"secret": "whsec_take-32-random-letters-or-more-here"}
router = Resource(tags=["Webhooks"])

EventWord = Annotated[str, Field(max_length=40, json_schema_extra={"enum": OutgoingKind.values})]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Address = Annotated[str, Field(min_length=1, max_length=500)]
Events = Annotated[list[EventWord], Field(min_length=1, max_length=20)]
Streams = Annotated[list[Id], Field(max_length=1000)]
Secret = Annotated[
    str,
    Field(
        min_length=32,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="What requests are signed with: yours to make, of 32 letters, digits and signs or more. No answer "
        "holds it.",
    ),
]


class Subscription(BaseModel):
    """Another system that is told what happens here."""

    id: int
    name: str
    url: str
    owner: int = Field(description="The address is told what this person may see.")
    events: list[str]
    streams: list[int] = Field(description="Empty: all that the owner sees.")
    state: str = Field(description="working, failing or paused")
    pause_reason: str
    failing_since: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, row: WebhookSubscription) -> Subscription:
        """One row."""
        names = ("name", "url", "events", "state", "pause_reason", "failing_since", "created_at")
        streams = sorted(one.pk for one in row.streams.all())
        return cls(id=row.pk, owner=row.owner_id, streams=streams, **{name: getattr(row, name) for name in names})


class Delivery(BaseModel):
    """One thing that it is told, or was."""

    id: int
    event_id: UUID
    event: str
    status: str = Field(description="waiting, delivered, failed or skipped")
    tries: int
    answered: int | None = Field(description="The status of the last answer.")
    problem: str
    occurred_at: datetime
    last_tried_at: datetime | None
    replays: int

    @classmethod
    def of(cls, row: WebhookDelivery) -> Delivery:
        """One row."""
        names = ("event_id", "status", "tries", "answered", "problem", "occurred_at", "last_tried_at", "replays")
        return cls(id=row.pk, event=row.kind, **{name: getattr(row, name) for name in names})


class Log(Listing):
    """Which deliveries are wanted."""

    status: Literal["", "waiting", "delivered", "failed", "skipped"] = ""


class GivenSecret(Given):
    """A new secret."""

    secret: Secret

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class GivenSubscription(GivenSecret):
    """A new subscription, which belongs to whom the key acts for."""

    name: Name
    url: Address
    events: Events
    streams: Streams = Field(default_factory=list)

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Billing",
                    "url": "https://billing.example/told",
                    "events": ["message.received", "contact.opted_out"],
                    **EXAMPLE,
                }
            ]
        }
    )


class ChangedSubscription(Given):
    """What is to be different."""

    name: Name | None = None
    url: Address | None = None
    events: Events | None = None
    streams: Streams | None = Field(default=None, description="Empty: all that the owner sees.")

    model_config = example(events=["message.received", "message.status"])


@router.operation("GET", "/webhooks", scope=ApiScope.ADMIN, answer=Page[Subscription])
def list_webhooks(request: HttpRequest, asked: Annotated[Listing, Query()]) -> dict[str, Any]:
    """The systems that are told what happens here."""
    _manager(request)
    return page(request, rows_by_id(_visible(request), asked, newest_first=False), asked, show=Subscription.of)


@router.operation("GET", "/webhooks/{int:pk}", scope=ApiScope.ADMIN, answer=Subscription)
def read_webhook(request: HttpRequest, pk: int) -> Subscription:
    """One of them."""
    return Subscription.of(_one(request, pk))


@router.operation("POST", "/webhooks", scope=ApiScope.ADMIN, answer=Subscription, status=201)
def create_webhook(request: HttpRequest, given: GivenSubscription) -> Subscription:
    """Have an address told what happens here."""
    user = _manager(request)
    made, _ = subscriptions.create(
        name=given.name,
        url=given.url,
        owner=user,
        events=dict.fromkeys(given.events),
        streams=_streams(user, given.streams),
        actor=user,
        secret=given.secret,
    )
    return Subscription.of(made)


@router.operation("PATCH", "/webhooks/{int:pk}", scope=ApiScope.ADMIN, answer=Subscription)
def change_webhook(request: HttpRequest, pk: int, given: ChangedSubscription) -> Subscription:
    """Tell it something else, or at another address. What is left out stays as it is."""
    row = _one(request, pk)
    user = user_of(request)
    subscriptions.change(
        row,
        name=row.name if given.name is None else given.name,
        url=row.url if given.url is None else given.url,
        events=row.events if given.events is None else dict.fromkeys(given.events),
        streams=list(row.streams.all()) if given.streams is None else _streams(user, given.streams),
        actor=user,
    )
    return Subscription.of(_one(request, pk))


@router.operation("POST", "/webhooks/{int:pk}/secret", scope=ApiScope.ADMIN, answer=Subscription)
def rotate_webhook_secret(request: HttpRequest, pk: int, given: GivenSecret) -> Subscription:
    """Change the secret. Requests are signed with the former one too, for a day."""
    row = _one(request, pk)
    subscriptions.rotate_secret(row, actor=user_of(request), secret=given.secret)
    return Subscription.of(row)


@router.operation("POST", "/webhooks/{int:pk}/pause", scope=ApiScope.ADMIN, answer=Subscription)
def pause_webhook(request: HttpRequest, pk: int) -> Subscription:
    """Tell it nothing until it is resumed. What happens meanwhile waits."""
    row = _one(request, pk)
    subscriptions.pause(row, actor=user_of(request))
    return Subscription.of(row)


@router.operation("POST", "/webhooks/{int:pk}/resume", scope=ApiScope.ADMIN, answer=Subscription)
def resume_webhook(request: HttpRequest, pk: int) -> Subscription:
    """Tell it again, first what waits."""
    row = _one(request, pk)
    subscriptions.resume(row, actor=user_of(request))
    return Subscription.of(row)


@router.operation("POST", "/webhooks/{int:pk}/test", scope=ApiScope.ADMIN, answer=Delivery, status=201)
def send_webhook_test(request: HttpRequest, pk: int) -> Delivery:
    """Send it an event of the kind `test`."""
    return Delivery.of(subscriptions.send_test(_one(request, pk)))


@router.operation("DELETE", "/webhooks/{int:pk}", scope=ApiScope.ADMIN, answer=None, status=204)
def delete_webhook(request: HttpRequest, pk: int) -> None:
    """Tell it nothing any more, and forget what waits and its log."""
    subscriptions.delete(_one(request, pk), actor=user_of(request))


@router.operation("GET", "/webhooks/{int:pk}/deliveries", scope=ApiScope.ADMIN, answer=Page[Delivery])
def list_deliveries(request: HttpRequest, pk: int, asked: Annotated[Log, Query()]) -> dict[str, Any]:
    """What it is told, and was, newest first."""
    rows = _one(request, pk).deliveries.all()
    if asked.status:
        rows = rows.filter(status=asked.status)
    return page(request, rows_by_id(rows, asked), asked, show=Delivery.of)


@router.operation("POST", "/webhooks/{int:pk}/deliveries/{int:delivery}/replay", scope=ApiScope.ADMIN, answer=Delivery)
def replay_delivery(request: HttpRequest, pk: int, delivery: int) -> Delivery:
    """Tell it once more, with the same id."""
    row = get_object_or_404(_one(request, pk).deliveries.select_related("subscription"), pk=delivery)
    subscriptions.replay(row, actor=user_of(request))
    row.refresh_from_db()
    return Delivery.of(row)


def _manages(user: User) -> bool:
    """Is this an administrator? A key for some streams alone manages nothing for all of them."""
    return all(user.has_perm(f"conversations.{one}") for one in MANAGES)


def _manager(request: HttpRequest) -> User:
    user = user_of(request)
    if not _manages(user):
        raise PermissionDenied
    return user


def _visible(request: HttpRequest) -> Any:
    rows = WebhookSubscription.objects.prefetch_related("streams").select_related("owner")
    return rows if _manages(user_of(request)) else rows.none()


def _one(request: HttpRequest, pk: int) -> WebhookSubscription:
    found: WebhookSubscription = get_object_or_404(_visible(request), pk=pk)
    return found


def _streams(user: User, wanted: Iterable[int]) -> list[Stream]:
    ids = set(wanted)
    found = list(Stream.objects.visible_to(user).filter(pk__in=ids))
    if missing := ids - {one.pk for one in found}:
        sentence = f"There is no stream {min(missing)} that this key may see."
        raise Refused(404, "not_found", sentence, "streams")
    return found
