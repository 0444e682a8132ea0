"""The third step of a campaign: when it goes, until when, how fast."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from conversations.forms.campaigns import TimingForm
from conversations.services.campaigns import preflight, reading
from conversations.views.campaigns import open_campaign, save_draft, show_step, unless_it_began


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@unless_it_began
def timing_step(request: HttpRequest, pk: int) -> HttpResponse:
    """When, until when, how fast; going on begins the check."""
    campaign = open_campaign(request, pk)
    form = TimingForm(request.POST if request.method == "POST" else None, campaign=campaign)
    if form.is_bound and form.is_valid():
        form.fill(campaign)
        wrong = [one for one in preflight.problems(campaign) if one.code in form.fields_of_codes]
        for problem in wrong:
            form.take_refusal(problem)
        if not wrong:
            names = ("scheduled_for", "valid_until", "keeps_quiet_hours", "pace", "failure_limit")
            save_draft(campaign, *names)
            if "onward" not in request.POST:
                return HttpResponseRedirect(reverse("campaign-timing", args=[pk]))
            reading.check(campaign)
            return HttpResponseRedirect(reverse("campaign-check", args=[pk]))
    return show_step(request, campaign, "timing", {"form": form}, is_refused=form.is_bound)
