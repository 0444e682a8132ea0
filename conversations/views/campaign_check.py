"""The last step: what is wrong, who gets what and who does not, and the word that lets it go."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from conversations.forms.campaigns import ConfirmForm, TrialForm
from conversations.models import Campaign, User
from conversations.models.campaign import CampaignStatus
from conversations.models.message import Kind
from conversations.services.campaigns import control, preflight, reading
from conversations.services.campaigns.trial import send_trial
from conversations.views.campaign_lengths import Parts, cost_words, parts_of, texts_of
from conversations.views.campaign_preview import longest_of
from conversations.views.campaign_rows import verdict_counts
from conversations.views.campaigns import TONES, open_campaign, progress_of, steps_of, unless_it_began, visible_campaign
from conversations.views.requests import UNPROCESSABLE, signed_in
from conversations.views.wording import moment_words

_STEP_OF = {
    "no_list": "list",
    "nobody_left": "list",
    **dict.fromkeys(("scheduled_in_the_past", "scheduled_too_far", "valid_until_too_early"), "timing"),
    "valid_until_too_late": "timing",
}


class Problem(NamedTuple):
    """What is wrong with a campaign as a whole, and the step where that can be changed."""

    sentence: str
    address: str


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@unless_it_began
def check_step(request: HttpRequest, pk: int) -> HttpResponse:
    """What the check found. A POST checks again; with `confirm` it lets the campaign go, with `trial` a test."""
    campaign, user = open_campaign(request, pk), signed_in(request)
    here = reverse("campaign-check", args=[pk])
    if "trial" in request.POST:
        return _trial(request, campaign, user)
    if request.method == "POST" and "confirm" not in request.POST:
        reading.check(campaign)
        return HttpResponseRedirect(here)
    form = ConfirmForm(request.POST if request.method == "POST" else None, campaign=campaign)
    if form.is_bound and form.is_valid():
        try:
            control.confirm(campaign, actor=user, people=form.cleaned_data["people"])
        except ValidationError as error:
            campaign.refresh_from_db()
            form.take_refusal(error)
        else:
            return HttpResponseRedirect(reverse("campaign", args=[pk]))
    context = {"form": form, "trial": TrialForm(), **_found(campaign, user)}
    return render(request, "campaigns/check.html", context, status=UNPROCESSABLE if form.is_bound else 200)


def _trial(request: HttpRequest, campaign: Campaign, user: User) -> HttpResponse:
    """The longest text of the campaign to the number that was typed."""
    form = TrialForm(request.POST)
    longest = longest_of(campaign)
    if form.is_valid() and longest is not None:
        try:
            send_trial(campaign, of=longest, to=form.cleaned_data["to"], actor=user)
        except ValidationError as error:
            form.take_refusal(error)
        else:
            messages.success(request, "The test is on its way. It is an ordinary message in your inbox.")
            return HttpResponseRedirect(reverse("campaign-check", args=[campaign.pk]))
    context = {"form": ConfirmForm(campaign=campaign), "trial": form, **_found(campaign, user)}
    return render(request, "campaigns/check.html", context, status=UNPROCESSABLE)


@never_cache
@require_safe
def check_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """Asked by the page of a long list: how far its worker is, then the page anew."""
    progress = progress_of(visible_campaign(request, pk))
    if progress is None:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "campaigns/_rows_done.html", {"progress": progress})


def _found(campaign: Campaign, user: User) -> dict[str, Any]:
    problems = preflight.problems(campaign)
    parts = parts_of({int(number): people for number, people in campaign.segment_counts.items()})
    is_ready = campaign.status == CampaignStatus.READY
    if not problems and not is_ready and campaign.row_count and not campaign.sendable_count:
        problems.append(ValidationError("Nobody on the list can be written to.", code="nobody_left"))
    needs_another = campaign.sendable_count > settings.CAMPAIGN_SECOND_PERSON_ABOVE
    return {
        "campaign": campaign,
        "steps": steps_of(campaign, "check"),
        "tone": TONES.get(campaign.status),
        "problems": [_problem(campaign, one) for one in problems],
        "counts": verdict_counts(campaign),
        "is_ready": is_ready,
        "progress": progress_of(campaign),
        "parts": parts if campaign.kind == Kind.TEXT else [],
        "texts": texts_of(parts),
        "cost": cost_words(campaign, texts_of(parts)),
        "sentence": summary(campaign, parts) if is_ready else "",
        "needs_another": needs_another,
        "waits_for_another": needs_another and campaign.created_by_id == user.pk,
        "second_above": settings.CAMPAIGN_SECOND_PERSON_ABOVE,
    }


def _problem(campaign: Campaign, error: ValidationError) -> Problem:
    step = _STEP_OF.get(error.code or "", "message")
    return Problem(" ".join(error.messages), reverse(f"campaign-{step}", args=[campaign.pk]))


def summary(campaign: Campaign, parts: list[Parts]) -> str:
    """4,179 people will get 4,454 texts from FERNHILL on Tuesday 24 November, 09:00 London time. About £182.61."""
    people, texts = campaign.sendable_count, texts_of(parts)
    who = "1 person" if people == 1 else f"{people:,} people"
    if campaign.kind == Kind.TEMPLATE:
        what = "a WhatsApp template" if people == 1 else "a WhatsApp template each"
    else:
        what = "1 text" if texts == 1 else f"{texts:,} texts"
    when = f"on {moment_words(campaign.scheduled_for)}" if campaign.scheduled_for else "now"
    if campaign.scheduled_for and campaign.scheduled_for <= timezone.now():
        when = "now"
    cost = cost_words(campaign, texts) if campaign.kind == Kind.TEXT else ""
    return f"{who} will get {what} from {campaign.stream.sender_display} {when}.{f' About {cost}.' if cost else ''}"
