"""How fast a campaign went: messages sent and delivered over time, as lines and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.models import Campaign
from conversations.models.campaign import CampaignStatus
from conversations.views.campaigns import visible_campaign

STEPS = 40  # points of a line
ROWS = 10  # lines of the table
LEFT, RIGHT, TOP, BOTTOM = 52, 580, 12, 190  # of the drawing, in its own units
_AFTER = timedelta(minutes=10)  # so long after a campaign its receipts have a place of their own; later ones the last
_BY_SECONDS = timedelta(minutes=5)  # a shorter time is written with its seconds


class Tick(NamedTuple):
    """A mark on an axis: where, and what it says."""

    at: float
    words: str


class PaceRow(NamedTuple):
    """How many had been sent and delivered by then."""

    moment: datetime
    sent: int
    delivered: int


@dataclass(frozen=True, slots=True)
class Pace:
    """The lines as points of an SVG polyline, the marks of both axes, and the same as rows."""

    rows: list[PaceRow]
    sent: str
    delivered: str
    end: tuple[float, float]
    across: list[Tick]
    up: list[Tick]
    begins: datetime
    ends: datetime

    @property
    def table(self) -> list[PaceRow]:
        """Some of the rows, the last among them."""
        every = max(1, len(self.rows) // ROWS)
        return self.rows[::-1][::every][::-1]


def pace_of(campaign: Campaign) -> Pace | None:
    """The pace so far, from one query; None while nothing has begun."""
    if campaign.started_at is None:
        return None
    begins, ends = campaign.started_at, campaign.ended_at or timezone.now()
    counts = _counts(campaign, begins, ends)
    last = max((moment for moment, _, _ in counts), default=ends)
    ends = max(ends, begins + timedelta(seconds=1))
    ends = max(ends, min(last, ends + max(_AFTER, ends - begins)))
    step = (ends - begins) / STEPS
    sent, delivered = [0] * STEPS, [0] * STEPS
    for moment, sent_then, delivered_then in counts:
        place = min(STEPS - 1, max(0, int((moment - begins) / step)))
        sent[place] += sent_then
        delivered[place] += delivered_then
    rows = [PaceRow(begins, 0, 0)] + [
        PaceRow(begins + step * place, *both)
        for place, both in enumerate(zip(accumulate(sent), accumulate(delivered), strict=True), start=1)
    ]
    scale = _scale(max(rows[-1].sent, rows[-1].delivered))
    return Pace(
        rows=rows,
        sent=_points([row.sent for row in rows], scale[-1]),
        delivered=_points([row.delivered for row in rows], scale[-1]),
        end=(RIGHT, _height(rows[-1].delivered, scale[-1])),
        across=_across(begins, ends),
        up=[Tick(_height(number, scale[-1]), f"{number:,}") for number in scale],
        begins=begins,
        ends=ends,
    )


def _counts(campaign: Campaign, begins: datetime, ends: datetime) -> list[tuple[datetime, int, int]]:
    """How many were sent and delivered in each small part of the time, by the moment with which it begins."""
    width = max(timedelta(seconds=1), (ends - begins) / (STEPS * 4))
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"campaign": campaign.pk, "width": width, "begins": begins}
        cursor.execute(_COUNTS, values)
        return cursor.fetchall()


_COUNTS = """
    SELECT date_bin(%(width)s, event.moment, %(begins)s), count(*) FILTER (WHERE event.is_sent),
           count(*) FILTER (WHERE NOT event.is_sent)
      FROM conversations_campaignrecipient AS recipient
      JOIN conversations_message AS message ON message.recipient_id = recipient.id
      CROSS JOIN LATERAL (VALUES (message.sent_at, true), (message.delivered_at, false)) AS event (moment, is_sent)
     WHERE recipient.campaign_id = %(campaign)s AND event.moment IS NOT NULL
     GROUP BY 1
"""


def _scale(most: int) -> list[int]:
    """0 and up to five round numbers above it, the last of which is not below `most`."""
    step = 1
    while step * 4 < most:
        step = step // 2 * 5 if str(step)[0] == "2" else step * 2
    return [step * place for place in range(max(1, -(-most // step)) + 1)]


def _height(number: int, most: int) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * number / most, 1)


def _points(numbers: list[int], most: int) -> str:
    width = (RIGHT - LEFT) / (len(numbers) - 1)
    return " ".join(f"{LEFT + width * place:.1f},{_height(number, most)}" for place, number in enumerate(numbers))


def _across(begins: datetime, ends: datetime) -> list[Tick]:
    form = "%H:%M:%S" if ends - begins < _BY_SECONDS else "%H:%M"
    return [
        Tick(LEFT + (RIGHT - LEFT) * place / 4, timezone.localtime(begins + (ends - begins) * place / 4).strftime(form))
        for place in range(5)
    ]


@never_cache
@require_safe
def pace(request: HttpRequest, pk: int) -> HttpResponse:
    """The card with the lines anew, or with the table; nothing while the campaign has not begun."""
    context = pace_context(request, visible_campaign(request, pk))
    if context["pace"] is None:
        return HttpResponse(status=204)
    return render(request, "campaigns/_pace.html", context)


def pace_context(request: HttpRequest, campaign: Campaign) -> dict[str, object]:
    """What the card of the pace shows."""
    return {
        "campaign": campaign,
        "pace": pace_of(campaign),
        "as_table": request.GET.get("pace") == "table",
        "grows": campaign.status == CampaignStatus.RUNNING,
    }
