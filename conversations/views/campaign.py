"""A campaign that was confirmed: how it goes, what became of everybody, and what people do with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Min
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from conversations.models import Campaign, StreamGate
from conversations.models.campaign import UNDER_WAY, CampaignStatus, ChunkStatus
from conversations.permissions import may_send_in_bulk
from conversations.services import notifications
from conversations.services.campaigns import control
from conversations.services.campaigns.audience import OPEN_TO_CHANGE
from conversations.services.pacing import LONGEST_BACKOFF
from conversations.views.campaign_numbers import Numbers, numbers_of
from conversations.views.campaign_pace import pace_context
from conversations.views.campaign_people import people_page
from conversations.views.campaign_rows import LEFT_OUT, verdict_counts
from conversations.views.campaigns import TONES, visible_campaign
from conversations.views.requests import signed_in
from conversations.views.wording import clock_ahead, trouble_of

MANY = 50_000  # people
RECEIPTS = timedelta(minutes=15)  # so long after its end a page still looks for receipts


@never_cache
@require_safe
def campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """How it goes; a campaign that can still be changed leads to the step where it stands."""
    found, user = visible_campaign(request, pk), signed_in(request)
    if found.status in OPEN_TO_CHANGE:
        return HttpResponseRedirect(reverse(f"campaign-{_next_step(found)}", args=[pk]))
    notifications.read_campaign(found, user)
    numbers = numbers_of(found)
    context = {
        **_of_the_numbers(found, numbers),
        **pace_context(request, found),
        "tone": TONES.get(found.status),
        "people": people_page(request, found, numbers),
        "acts": may_send_in_bulk(user, found.stream),
        "is_under_way": found.status in UNDER_WAY,
        "may_stop": found.status in (*UNDER_WAY, CampaignStatus.SCHEDULED),
        "may_retry": found.ended_at is not None and numbers.to_retry > 0,
        "left_out": [one for one in verdict_counts(found) if one.verdict != "send"],
        "left_out_key": LEFT_OUT,
        "retries": list(found.retries.all()[:10]),
    }
    return render(request, "campaigns/campaign.html", context)


def _next_step(campaign: Campaign) -> str:
    if not campaign.row_count:
        return "list"
    if campaign.status == CampaignStatus.DRAFT:
        return "message"
    return "check"


@never_cache
@require_safe
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The numbers anew, asked every few seconds; the whole page when the campaign stands elsewhere than it did."""
    found = visible_campaign(request, pk)
    if found.status != request.GET.get("status", ""):
        return HttpResponse(headers={"HX-Refresh": "true"})
    numbers = numbers_of(found)
    context = _of_the_numbers(found, numbers) | {"says": request.GET.get("said", "") != str(numbers.quarter)}
    return render(request, "campaigns/_progress.html", context)


def _of_the_numbers(campaign: Campaign, numbers: Numbers) -> dict[str, Any]:
    waits = any(one.key == "accepted" and one.count for one in numbers.tallies)
    fresh = campaign.ended_at is not None and campaign.ended_at > timezone.now() - RECEIPTS
    is_open = campaign.status in (*UNDER_WAY, CampaignStatus.SCHEDULED)
    return {
        "campaign": campaign,
        "numbers": numbers,
        "waits_because": _why_it_waits(campaign),
        "polls": is_open or (campaign.ended_at is None) or (waits and fresh),
        "every": _every(campaign),
        "now": timezone.now(),
    }


def _why_it_waits(campaign: Campaign) -> str:
    """Why nobody is written to now, and until when; empty while somebody is, or will be soon."""
    if campaign.status != CampaignStatus.RUNNING:
        return ""
    if trouble := trouble_of(campaign.stream):
        return trouble
    waiting = campaign.chunks.exclude(status=ChunkStatus.DONE)
    soon = timezone.now() + timedelta(seconds=LONGEST_BACKOFF)
    if not campaign.is_planned or waiting.exclude(status=ChunkStatus.READY, next_attempt_at__gt=soon).exists():
        return ""
    first = waiting.aggregate(first=Min("next_attempt_at"))["first"]
    if first is None:
        return ""
    if StreamGate.objects.filter(stream=campaign.stream, paused_until__gt=soon).exists():
        return f"{campaign.stream.account.provider_label} asked us to wait until {clock_ahead(first)}."
    if campaign.keeps_quiet_hours:
        return f"Those who are left have quiet hours. The next of them are written to {clock_ahead(first)}."
    return f"Nobody is written to before {clock_ahead(first)}."


def _every(campaign: Campaign) -> str:
    """How long a page waits between two looks: longer where little happens, or where counting costs more."""
    if campaign.status in (CampaignStatus.SCHEDULED, CampaignStatus.PAUSED):
        return "10s"
    return "2s" if campaign.sendable_count <= MANY else "5s"


@never_cache
@require_POST
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Pause, resume, stop, take back, or begin anew with the failures."""
    found, user = visible_campaign(request, pk), signed_in(request)
    back = HttpResponseRedirect(reverse("campaign", args=[pk]))
    try:
        match request.POST.get("move"):
            case "pause":
                control.pause(found, actor=user, reason=request.POST.get("reason", "").replace("\x00", "").strip())
            case "resume":
                control.resume(found, actor=user)
            case "stop":
                control.stop(found, actor=user)
            case "unschedule":
                control.unschedule(found, actor=user)
            case "retry":
                copy = control.retry_failures(found, actor=user)
                return HttpResponseRedirect(reverse("campaign-message", args=[copy.pk]))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return back
