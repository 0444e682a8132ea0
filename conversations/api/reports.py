"""The numbers of the reports, as the page shows them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query
from pydantic import BaseModel, Field

from conversations.api.door import user_of
from conversations.api.errors import Refused
from conversations.api.fields import Id
from conversations.api.operations import Resource
from conversations.models import Stream
from conversations.models.api_key import ApiScope
from conversations.permissions import sees_reports
from conversations.services.reports import numbers
from conversations.services.reports.building import build
from conversations.services.reports.scope import LONGEST, Period, Scope
from conversations.services.reports.tables import Report as Built

router = Resource(tags=["Reports"])


class Asked(BaseModel):
    """Which days, which stream."""

    first: date | None = Field(None, description="The first day, as 2026-11-16; none: a week ago.")
    last: date | None = Field(None, description="The last day; none: today.")
    stream: Id | None = Field(None, description="None: all that this key sees.")
    working_hours: bool = Field(True, description="Count times in working hours, or around the clock.")


class Counted(BaseModel):
    """The messages of one stream."""

    stream: int
    received: int
    sent: int = Field(description="That a provider took.")
    delivered: int
    parts: int = Field(description="Of what providers took; what SMS is charged by.")


class Times(BaseModel):
    """How fast. Times are seconds; `typical` is the middle one, `slow` what nine in ten are faster than."""

    conversations: int
    answered: int
    reply_typical: int | None
    reply_slow: int | None
    resolved: int
    resolution_typical: int | None
    resolution_slow: int | None


class Tile(BaseModel):
    """One figure of the page, in words."""

    title: str
    value: str
    change: str
    definition: str


class Table(BaseModel):
    """One table of the page, in words."""

    title: str
    definition: str
    columns: list[str]
    rows: list[list[str]]


class Report(BaseModel):
    """The numbers of some days, true at this moment."""

    first: date
    last: date
    streams: list[Counted]
    times: Times
    opt_outs: int
    tiles: list[Tile]
    tables: dict[str, Table]


@router.operation("GET", "/reports", scope=ApiScope.READ, answer=Report)
def read_report(request: HttpRequest, asked: Annotated[Asked, Query()]) -> Report:
    """The numbers of the reports: volumes, times and opt-outs, and what the page says of them.

    At most 366 days, in the site's time zone.
    """
    user = user_of(request)
    if not sees_reports(user):
        raise Refused(403, "not_allowed", "Whom this key acts for may not see reports. Ask an administrator.")
    scope = _scope(request, asked)
    built = build(scope)
    now = numbers.read_times(scope, working=scope.working).everything
    return Report(
        first=scope.first,
        last=scope.last,
        streams=[
            Counted(stream=pk, received=one.received, sent=one.taken, delivered=one.arrived, parts=one.parts)
            for pk, one in sorted(numbers.messages_by_stream(scope).items())
        ],
        times=Times(
            conversations=now.begun,
            answered=now.answered,
            reply_typical=now.reply_typical,
            reply_slow=now.reply_slow,
            resolved=now.resolved,
            resolution_typical=now.resolution_typical,
            resolution_slow=now.resolution_slow,
        ),
        opt_outs=numbers.opt_outs(scope).count(),
        tiles=[
            Tile(title=one.title, value=one.value.text, change=one.change, definition=one.definition)
            for one in built.tiles
        ],
        tables=_tables(built),
    )


def _tables(built: Built) -> dict[str, Table]:
    return {
        key: Table(
            title=table.title,
            definition=table.definition,
            columns=list(table.columns),
            rows=[[cell.text for cell in row] for row in table.rows],
        )
        for key, table in built.tables.items()
    }


def _scope(request: HttpRequest, asked: Asked) -> Scope:
    today = timezone.localdate()
    last = asked.last or today
    first = asked.first or last - timedelta(days=6)
    if not (date(2000, 1, 1) <= first <= last <= date(2999, 12, 31)):
        raise Refused(422, "days", "The first day comes before the last, both between 2000 and 2999.", "first")
    if (last - first).days >= LONGEST:
        raise Refused(422, "too_many_days", f"A report has {LONGEST} days at most.", "first")
    user = user_of(request)
    rows: Any = Stream.objects.visible_to(user).select_related("account").defer("account__credentials")
    found = list(rows.order_by("name"))
    stream = None
    if asked.stream is not None:
        stream = next((one for one in found if one.pk == asked.stream), None)
        if stream is None:
            raise Refused(404, "not_found", f"There is no stream {asked.stream} that this key may see.", "stream")
        found = [stream]
    return Scope(user, tuple(found), first, last, Period.CHOSEN, stream, None, asked.working_hours)
