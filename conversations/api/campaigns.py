"""Campaigns: one message for many, from a list to the last outcome."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query
from pydantic import BaseModel, ConfigDict, Field

from conversations.api.door import user_of
from conversations.api.errors import Refused
from conversations.api.fields import Given, Id, Moment
from conversations.api.operations import Resource
from conversations.api.paging import Listing, Page, page, rows_by_id
from conversations.models import Campaign, CampaignRecipient, Message, Stream, WhatsAppTemplate
from conversations.models.api_key import ApiScope
from conversations.models.campaign import CampaignStatus
from conversations.models.message import Kind
from conversations.permissions import may_send_in_bulk
from conversations.services.campaigns import control, preflight, reading
from conversations.services.csv_files import CsvProblem

LARGEST = 2 * 1024 * 1024  # of a request of the API as a whole (config/asgi.py)
MOST_ROWS = 10_000
router = Resource(tags=["Campaigns"])

Values = dict[str, str]


class Problem(BaseModel):
    """Why a campaign cannot go as it is."""

    code: str
    message: str


class Numbers(BaseModel):
    """What became of the people."""

    rows: int = Field(description="Of the list.")
    verdicts: dict[str, int] = Field(description="Rows by what the check says of them; only `send` is written to.")
    people: int = Field(description="How many it goes to.")
    accepted: int
    failed: int
    unconfirmed: int
    waiting: int


class CampaignShown(BaseModel):
    """A campaign as it stands."""

    id: int
    name: str
    stream: int
    purpose: str
    kind: str
    body: str
    template: int | None
    status: str = Field(description="draft, checking, ready, scheduled, running, paused, stopped or done")
    status_reason: str
    scheduled_for: datetime | None
    valid_until: datetime | None
    pace: int | None = Field(description="At most so many messages a minute.")
    numbers: Numbers
    problems: list[Problem] = Field(description="Of a draft: what is wrong with it as a whole. Empty in lists.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, row: Campaign, *, in_list: bool = False) -> CampaignShown:
        """One row, with its stream and template; to look for what is wrong costs statements for each."""
        names = ("name", "purpose", "kind", "body", "status", "status_reason", "scheduled_for", "valid_until", "pace")
        times = ("created_at", "started_at", "ended_at")
        wrong = preflight.problems(row) if row.status == CampaignStatus.DRAFT and not in_list else []
        return cls(
            id=row.pk,
            stream=row.stream_id,
            template=row.template_id,
            numbers=Numbers(
                rows=row.row_count,
                verdicts=row.verdict_counts,
                people=row.sendable_count,
                accepted=row.accepted_count,
                failed=row.failed_count,
                unconfirmed=row.unconfirmed_count,
                waiting=row.waiting_count,
            ),
            problems=[Problem(code=one.code or "refused", message=" ".join(one.messages)) for one in wrong],
            **{name: getattr(row, name) for name in (*names, *times)},
        )


class Result(BaseModel):
    """What became of one row of the list."""

    row: int = Field(description="Its place in the list; the titles of a file are line 1.")
    given: str = Field(description="The number as it was given.")
    phone: str
    verdict: str
    reason: str = Field(description="Why it is left out.")
    message: int | None
    status: str = Field(description="Of its message; empty while there is none.")
    failure_code: str
    failure_text: str

    @classmethod
    def of(cls, row: CampaignRecipient, message: Message | None) -> Result:
        """One row and its message."""
        return cls(
            row=row.row,
            given=row.given,
            phone=row.phone,
            verdict=row.verdict,
            reason=row.reason,
            message=message.pk if message else None,
            status=message.status if message else "",
            failure_code=message.failure_code if message else "",
            failure_text=message.failure_text if message else "",
        )


class Results(Listing):
    """Which rows are wanted."""

    verdict: str = Field("", max_length=20, description="Only rows with this verdict.")


class GivenCampaign(Given):
    """A campaign and, where they are few, its rows: each an object with a `phone` and the fields of the text."""

    name: str = Field(min_length=1, max_length=120)
    stream: Id
    purpose: Literal["service", "marketing"]
    body: str = Field("", max_length=5000, description="On SMS. ${firstname} is the field firstname of each row.")
    template: Id | None = Field(None, description="On WhatsApp.")
    template_values: dict[str, Any] = Field(
        default_factory=dict, description='As for one message: {"body": ["${firstname}"]}.'
    )
    fallbacks: Values = Field(default_factory=dict, description="What stands where a row has no value.")
    rows: list[Values] = Field(default_factory=list, max_length=MOST_ROWS)
    scheduled_for: Moment | None = None
    valid_until: Moment | None = None
    pace: int | None = Field(None, ge=1, le=1_000_000)
    keeps_quiet_hours: bool = True

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Engineer visits",
                    "stream": 1,
                    "purpose": "service",
                    "body": "Hello ${firstname}, our engineer comes on ${day}.",
                    "rows": [{"phone": "+447700900123", "firstname": "Amira", "day": "Thursday"}],
                }
            ]
        }
    )


class Start(Given):
    """How many people the campaign was shown with: a list that changed meanwhile does not go."""

    people: int = Field(ge=0, le=10_000_000)

    model_config = ConfigDict(json_schema_extra={"examples": [{"people": 1}]})


@router.operation("GET", "/campaigns", scope=ApiScope.BULK, answer=Page[CampaignShown])
def list_campaigns(request: HttpRequest, asked: Annotated[Listing, Query()]) -> dict[str, Any]:
    """The campaigns on the streams that this key sees, newest first."""
    if not user_of(request).has_perm("conversations.send_in_bulk"):
        raise PermissionDenied
    show = partial(CampaignShown.of, in_list=True)
    return page(request, rows_by_id(_visible(request), asked), asked, show=show)


@router.operation("GET", "/campaigns/{int:pk}", scope=ApiScope.BULK, answer=CampaignShown)
def read_campaign(request: HttpRequest, pk: int) -> CampaignShown:
    """One campaign, and how it goes."""
    return CampaignShown.of(_one(request, pk))


@router.operation("POST", "/campaigns", scope=ApiScope.BULK, answer=CampaignShown, status=201, largest_body=LARGEST)
def create_campaign(request: HttpRequest, given: GivenCampaign) -> CampaignShown:
    """Make a campaign. Nothing is sent before it was checked and started.

    A longer list comes as a CSV file afterwards.
    """
    user = user_of(request)
    rows = Stream.objects.sendable_by(user).working().select_related("account")
    stream = rows.filter(pk=given.stream).first()
    if stream is None:
        raise Refused(404, "not_found", f"There is no stream {given.stream} that this key may write on.", "stream")
    if not may_send_in_bulk(user, stream):
        raise PermissionDenied
    campaign = Campaign.objects.create(
        name=given.name,
        stream=stream,
        purpose=given.purpose,
        body=given.body,
        kind=Kind.TEXT if given.template is None else Kind.TEMPLATE,
        template=_template(stream, given.template),
        template_values=given.template_values,
        fallbacks=given.fallbacks,
        scheduled_for=given.scheduled_for,
        valid_until=given.valid_until,
        pace=given.pace,
        keeps_quiet_hours=given.keeps_quiet_hours,
        created_by=user,
    )
    if given.rows:
        _load(campaign, _as_file(given.rows), "rows.csv")
    return CampaignShown.of(_one(request, campaign.pk))


@router.operation("PUT", "/campaigns/{int:pk}/list", scope=ApiScope.BULK, answer=CampaignShown, largest_body=LARGEST)
def replace_list(request: HttpRequest, pk: int) -> CampaignShown:
    """Give a campaign its list as a CSV file, in place of the one it has.

    The body is the file, of 2 MB at most, with titles in its first line, one of them phone. More than 5,000 rows are
    read by a worker: the campaign is `checking` meanwhile.
    """
    campaign = _changeable(request, pk)
    _load(campaign, request.body, "list.csv")
    return CampaignShown.of(_one(request, pk))


@router.operation("POST", "/campaigns/{int:pk}/check", scope=ApiScope.BULK, answer=CampaignShown)
def check_campaign(request: HttpRequest, pk: int) -> CampaignShown:
    """Check every row and the campaign as a whole.

    Afterwards it is `ready`, or a `draft` with its problems; more than 5,000 rows are checked by a worker.
    """
    reading.check(_changeable(request, pk))
    return CampaignShown.of(_one(request, pk))


@router.operation("POST", "/campaigns/{int:pk}/start", scope=ApiScope.BULK, answer=CampaignShown)
def start_campaign(request: HttpRequest, pk: int, given: Start) -> CampaignShown:
    """Let a checked campaign go, now or at its time."""
    control.confirm(_one(request, pk), actor=user_of(request), people=given.people)
    return CampaignShown.of(_one(request, pk))


@router.operation("POST", "/campaigns/{int:pk}/pause", scope=ApiScope.BULK, answer=CampaignShown)
def pause_campaign(request: HttpRequest, pk: int) -> CampaignShown:
    """Nothing more leaves until it is resumed."""
    control.pause(_one(request, pk), actor=user_of(request))
    return CampaignShown.of(_one(request, pk))


@router.operation("POST", "/campaigns/{int:pk}/resume", scope=ApiScope.BULK, answer=CampaignShown)
def resume_campaign(request: HttpRequest, pk: int) -> CampaignShown:
    """Go on with what has not left."""
    control.resume(_one(request, pk), actor=user_of(request))
    return CampaignShown.of(_one(request, pk))


@router.operation("POST", "/campaigns/{int:pk}/stop", scope=ApiScope.BULK, answer=CampaignShown)
def stop_campaign(request: HttpRequest, pk: int) -> CampaignShown:
    """What has not left never will."""
    control.stop(_one(request, pk), actor=user_of(request))
    return CampaignShown.of(_one(request, pk))


@router.operation("GET", "/campaigns/{int:pk}/results", scope=ApiScope.BULK, answer=Page[Result])
def list_results(request: HttpRequest, pk: int, asked: Annotated[Results, Query()]) -> dict[str, Any]:
    """The rows of the list in their order, and what became of each."""
    campaign = _one(request, pk)
    rows = CampaignRecipient.objects.filter(campaign=campaign).order_by("row")
    if asked.verdict:
        rows = rows.filter(verdict=asked.verdict.replace("\x00", ""))
    if last := asked.seen(int):
        rows = rows.filter(row__gt=last[0])
    found = list(rows[: asked.limit + 1])
    messages = {one.recipient_id: one for one in Message.objects.filter(recipient__in=found)}

    def show(row: CampaignRecipient) -> Result:
        return Result.of(row, messages.get(row.pk))

    return page(request, found, asked, show=show, key=lambda row: (row.row,))


def _visible(request: HttpRequest) -> Any:
    rows = Campaign.objects.visible_to(user_of(request)).select_related("stream__account", "template")
    return rows.defer("stream__account__credentials")


def _one(request: HttpRequest, pk: int) -> Campaign:
    return get_object_or_404(_visible(request), pk=pk)


def _changeable(request: HttpRequest, pk: int) -> Campaign:
    campaign = _one(request, pk)
    if not may_send_in_bulk(user_of(request), campaign.stream):
        raise PermissionDenied
    if campaign.status == CampaignStatus.CHECKING:
        sentence = "The list is being read or checked just now. Nothing was changed: do it again in a moment."
        raise ValidationError(sentence, code="under_way")
    return campaign


def _template(stream: Stream, pk: int | None) -> WhatsAppTemplate | None:
    if pk is None:
        return None
    found = WhatsAppTemplate.objects.filter(stream=stream, pk=pk).first()
    if found is None:
        raise Refused(404, "not_found", f"{stream.name} has no template {pk}.", "template")
    return found


def _as_file(rows: list[Values]) -> bytes:
    titles = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    written = csv.DictWriter(text, titles, restval="")
    written.writeheader()
    written.writerows(rows)
    return text.getvalue().encode()


def _load(campaign: Campaign, content: bytes, name: str) -> None:
    try:
        reading.take_file(campaign, io.BytesIO(content), file_name=name)
    except CsvProblem as problem:
        raise Refused(422, problem.code, problem.sentence, "rows") from problem
