"""The rows of a campaign's list by what the check says of them: how many, which, and as a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.models import Campaign, CampaignRecipient
from conversations.models.campaign import ENDED, UNDER_WAY, CampaignStatus, RowVerdict
from conversations.services.csv_files import phone_cells
from conversations.views.campaign_sheet import sheet_of
from conversations.views.campaigns import visible_campaign
from conversations.views.downloads import csv_answer
from conversations.views.fresh import fresh_sign_in_required
from conversations.views.requests import number_in
from messaging.phone import PhoneError, format_for_people, parse_number

PAGE = 100
AT_ONCE = 2_000  # rows that a file reads at a time
CONFIRMED = (CampaignStatus.SCHEDULED, *UNDER_WAY, *ENDED)
LEFT_OUT = "left_out"  # every verdict but `send`


@dataclass(frozen=True, slots=True)
class VerdictCount:
    """How many rows have one verdict, and where they are shown."""

    verdict: str
    words: str
    count: int
    address: str


def verdict_counts(campaign: Campaign) -> list[VerdictCount]:
    """The verdicts that some row has: who is written to first, then the reasons why not."""
    page = reverse("campaign-rows", args=[campaign.pk])
    return [
        VerdictCount(value, str(words), campaign.verdict_counts[value], f"{page}?{urlencode({'verdict': value})}")
        for value, words in RowVerdict.choices
        if campaign.verdict_counts.get(value)
    ]


@never_cache
@require_safe
def rows(request: HttpRequest, pk: int) -> HttpResponse:
    """The rows with a verdict (`?verdict=`), in the order of the file."""
    campaign = visible_campaign(request, pk)
    verdict, found = _wanted(request, campaign)
    if after := number_in(request, "after"):
        found = found.filter(row__gt=min(after, 2**31 - 1))
    shown = list(found[: PAGE + 1])
    context = {
        "campaign": campaign,
        "verdict": verdict,
        "counts": verdict_counts(campaign),
        "sheet": sheet_of(campaign, shown[:PAGE]),
        "after": shown[PAGE - 1].row if len(shown) > PAGE else 0,
        "is_confirmed": campaign.status in CONFIRMED,
    }
    return render(request, "campaigns/rows.html", context)


@never_cache
@require_safe
@fresh_sign_in_required
def rows_file(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The same rows as CSV."""
    campaign = visible_campaign(request, pk)
    verdict, found = _wanted(request, campaign)
    return csv_answer(request, _cells(campaign, found), f"{slugify(campaign.name) or 'campaign'}-{verdict or 'list'}")


def in_parts(found: Any) -> Iterator[list[CampaignRecipient]]:
    """Rows of one list, in order, so many at a time."""
    after = 0
    while part := list(found.filter(row__gt=after).order_by("row")[:AT_ONCE]):
        after = part[-1].row
        yield part


def search(campaign: Campaign, found: Any, text: str) -> Any:
    """Those of these rows whose number or name this is; all of them when it is empty."""
    if not text:
        return found
    try:
        phone = parse_number(text, region=campaign.stream.region, allow_fictional=campaign.stream.account.is_sandbox)
    except PhoneError:
        name = Q(fields__firstname__icontains=text) | Q(fields__lastname__icontains=text)
        return found.filter(name | Q(fields__name__icontains=text) | Q(given__icontains=text))
    return found.filter(phone=phone.e164)


def _wanted(request: HttpRequest, campaign: Campaign) -> tuple[str, Any]:
    verdict = request.GET.get("verdict", "")
    found = CampaignRecipient.objects.filter(campaign=campaign).order_by("row")
    if verdict == LEFT_OUT:
        return verdict, found.exclude(verdict=RowVerdict.SEND)
    if verdict in RowVerdict.values:
        return verdict, found.filter(verdict=verdict)
    return "", found


def _cells(campaign: Campaign, found: Any) -> Iterator[list[object]]:
    yield ["line", "given", "phone", "phone_text", *campaign.columns, "verdict", "reason"]
    for part in in_parts(found):
        for row in part:
            yield [
                *(row.row, row.given),
                *(phone_cells(row.phone, format_for_people(row.phone)) if row.phone else ("", "")),
                *(row.fields.get(name, "") for name in campaign.columns),
                *(row.get_verdict_display(), row.reason),
            ]
