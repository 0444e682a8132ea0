"""Campaigns: their list, a new one, and what every page of one asks first."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from conversations.forms.campaigns import NewCampaignForm, RenameForm
from conversations.models import Campaign, Stream, User
from conversations.models.campaign import CampaignStatus
from conversations.models.message import Kind
from conversations.permissions import may_send_in_bulk
from conversations.services.campaigns import control, reading
from conversations.services.campaigns.audience import OPEN_TO_CHANGE
from conversations.views.requests import UNPROCESSABLE, number_in, signed_in

PAGE = 50

# The tone of a status's chip and its icon; a draft has neither.
TONES: dict[str, tuple[str, str]] = {
    CampaignStatus.READY: ("info", "circle-check"),
    CampaignStatus.SCHEDULED: ("info", "calendar-clock"),
    CampaignStatus.CHECKING: ("info", "loader"),
    CampaignStatus.RUNNING: ("info", "send"),
    CampaignStatus.PAUSED: ("warning", "pause"),
    CampaignStatus.STOPPED: ("danger", "circle-stop"),
    CampaignStatus.DONE: ("good", "circle-check"),
}


class Step(NamedTuple):
    """A step of the way to a campaign; `is_done` when it needs nothing more."""

    number: int
    word: str
    address: str
    is_done: bool
    is_current: bool


def unless_it_began(view: Callable[[HttpRequest, int], HttpResponse]) -> Callable[[HttpRequest, int], HttpResponse]:
    """A step of which a colleague let the campaign go meanwhile: say so where it is followed."""

    @wraps(view)
    def guarded(request: HttpRequest, pk: int) -> HttpResponse:
        try:
            return view(request, pk)
        except ValidationError as error:
            if error.code != "campaign_began":
                raise
            messages.error(request, " ".join(error.messages))
            return HttpResponseRedirect(reverse("campaign", args=[pk]))

    return guarded


@never_cache
@require_safe
def campaigns(request: HttpRequest) -> HttpResponse:
    """The campaigns on the streams of whoever asks, newest first."""
    user = bulk_sender(request)
    found = Campaign.objects.visible_to(user).select_related("stream", "created_by")
    if before := number_in(request, "before"):
        found = found.filter(pk__lt=before)
    rows = list(found[: PAGE + 1])
    older = rows[PAGE - 1].pk if len(rows) > PAGE else 0
    shown = [(campaign, TONES.get(campaign.status)) for campaign in rows[:PAGE]]
    return render(request, "campaigns/index.html", {"rows": shown, "older": older})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_campaign(request: HttpRequest) -> HttpResponse:
    """Name, stream and purpose; the list comes next."""
    user = bulk_sender(request)
    streams = Stream.objects.sendable_by(user).working().select_related("account")
    form = NewCampaignForm(request.POST or None, streams=streams)
    if request.method == "POST" and form.is_valid():
        campaign = Campaign.objects.create(created_by=user, **form.values)
        return HttpResponseRedirect(reverse("campaign-list", args=[campaign.pk]))
    status = UNPROCESSABLE if form.is_bound else 200
    return render(request, "campaigns/new.html", {"form": form, "has_streams": streams.exists()}, status=status)


@never_cache
@require_POST
@unless_it_began
def rename_campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """Another name for a campaign that has not begun; back to the step where it was asked."""
    campaign = open_campaign(request, pk)
    form = RenameForm(request.POST)
    if form.is_valid():
        control.rename(campaign, form.cleaned_data["name"], actor=signed_in(request))
    else:
        messages.error(request, " ".join(map(str, form.errors["name"])))
    return HttpResponseRedirect(reverse("campaign", args=[pk]))


@never_cache
@require_POST
@unless_it_began
def delete_campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a campaign that has not begun."""
    campaign = open_campaign(request, pk)
    control.delete_draft(campaign, actor=signed_in(request))
    messages.success(request, f"{campaign.name} was deleted. Nobody was written to.")
    return HttpResponseRedirect(reverse("campaigns"))


def bulk_sender(request: HttpRequest) -> User:
    """The user, when the role sends campaigns at all."""
    user = signed_in(request)
    if not user.has_perm("conversations.send_in_bulk"):
        raise PermissionDenied
    return user


def visible_campaign(request: HttpRequest, pk: int) -> Campaign:
    """The campaign with its stream and template; Http404 when there is none or this user cannot see it."""
    found = Campaign.objects.visible_to(signed_in(request)).select_related(
        "stream__account", "template", "created_by", "confirmed_by", "retry_of"
    )
    return get_object_or_404(found, pk=pk)


def open_campaign(request: HttpRequest, pk: int, *, may_wait: bool = False) -> Campaign:
    """One that can still be changed, by somebody who may send it; Http404 otherwise.

    Nobody changes what a worker reads or checks: a POST is refused with ValidationError (`campaign_began`) meanwhile,
    unless it stores nothing and so `may_wait` is true.
    """
    campaign = visible_campaign(request, pk)
    if not may_send_in_bulk(signed_in(request), campaign.stream):
        raise PermissionDenied
    if campaign.status not in OPEN_TO_CHANGE:
        raise Http404
    if campaign.status == CampaignStatus.CHECKING and request.method == "POST" and not may_wait:
        raise ValidationError(
            "The list is being read or checked just now. Nothing was changed: do it again in a moment.",
            code="campaign_began",
        )
    return campaign


def save_draft(campaign: Campaign, *names: str) -> None:
    """Store these fields of a campaign, which has to be checked again. Raises ValidationError (`campaign_began`)."""
    with transaction.atomic():
        now = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        if now.status not in OPEN_TO_CHANGE:
            raise ValidationError("This campaign has begun: it stays as it is.", code="campaign_began")
        campaign.status = CampaignStatus.DRAFT
        campaign.save(update_fields=[*names, "status"])


def steps_of(campaign: Campaign, current: str) -> list[Step]:
    """The four steps, with what is done."""
    written = bool(campaign.template_id if campaign.kind == Kind.TEMPLATE else campaign.body.strip())
    ready = campaign.status == CampaignStatus.READY
    done = {"list": bool(campaign.row_count), "message": written, "timing": ready, "check": False}
    words = {"list": "List", "message": "Message", "timing": "Timing", "check": "Check and send"}
    return [
        Step(number, words[name], reverse(f"campaign-{name}", args=[campaign.pk]), is_done, name == current)
        for number, (name, is_done) in enumerate(done.items(), start=1)
    ]


def progress_of(campaign: Campaign) -> tuple[int, int] | None:
    """How many rows a worker has read or checked, and of how many; None when none is at it."""
    return reading.progress_of(campaign) if campaign.status == CampaignStatus.CHECKING else None


def show_step(
    request: HttpRequest, campaign: Campaign, name: str, context: dict[str, Any], *, is_refused: bool
) -> HttpResponse:
    """The page of a step; `is_refused` when something that was typed has to be changed."""
    shown = {"campaign": campaign, "steps": steps_of(campaign, name), "tone": TONES.get(campaign.status), **context}
    shown["progress"] = progress_of(campaign)
    return render(request, f"campaigns/{name}.html", shown, status=UNPROCESSABLE if is_refused else 200)
