"""The second step of a campaign: what its people get, and what stands where a field is empty."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from conversations.forms.campaign_message import (
    TemplateChoiceForm,
    TemplateFieldsForm,
    TemplateValuesForm,
    TextForm,
)
from conversations.models import Campaign
from conversations.models.message import Kind
from conversations.services.campaigns.texts import Texts
from conversations.views import campaign_preview
from conversations.views.campaigns import open_campaign, save_draft, show_step, unless_it_began
from messaging.segments import measure


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@unless_it_began
def message_step(request: HttpRequest, pk: int) -> HttpResponse:
    """What they get: a text with fields, or a template whose values may hold fields."""
    campaign = open_campaign(request, pk)
    if campaign.kind == Kind.TEMPLATE:
        return _template_step(request, campaign)
    form = TextForm(request.POST if request.method == "POST" else None, campaign=campaign)
    if form.is_bound and form.is_valid():
        form.fill(campaign)
        save_draft(campaign, "body", "values", "fallbacks")
        return _after_the_message(request, campaign)
    return show_step(request, campaign, "message", _of_the_message(request, campaign, form), is_refused=form.is_bound)


def _template_step(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Choosing comes first; then the values, and what stands in for the fields that they hold."""
    data = request.POST if request.method == "POST" else None
    choice = TemplateChoiceForm(data if data and "choose" in data else None, campaign=campaign)
    if choice.is_bound and choice.is_valid():
        campaign.template, campaign.template_values, campaign.media = choice.cleaned_data["template"], {}, []
        save_draft(campaign, "template", "template_values", "media")
        return HttpResponseRedirect(reverse("campaign-message", args=[campaign.pk]))
    form = instead = None
    if campaign.template is not None:
        data = None if choice.is_bound else data
        form = TemplateValuesForm(data, campaign=campaign)
        if form.is_bound and form.is_valid():
            form.fill(campaign)
            instead = TemplateFieldsForm(data, campaign=campaign)
            if instead.is_valid():
                instead.fill(campaign)
                save_draft(campaign, "template_values", "media", "values", "fallbacks")
                return _after_the_message(request, campaign)
        instead = instead or TemplateFieldsForm(campaign=campaign)
    context = {"choice": choice, **_of_the_message(request, campaign, instead), "form": form, "instead": instead}
    return show_step(
        request, campaign, "message", context, is_refused=choice.is_bound or bool(form is not None and form.is_bound)
    )


def _after_the_message(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """On to the timing, unless it was only to be saved or a field has nothing that could fill it."""
    missing = Texts(campaign).missing_columns()
    if "onward" in request.POST and not missing:
        return HttpResponseRedirect(reverse("campaign-timing", args=[campaign.pk]))
    if missing:
        words = " and ".join(missing)
        messages.error(
            request, f"The list has no column for {words}. Give a value for everybody below, or change the message."
        )
    return HttpResponseRedirect(reverse("campaign-message", args=[campaign.pk]))


def _of_the_message(request: HttpRequest, campaign: Campaign, form: Any) -> dict[str, Any]:
    rows = list(form.field_rows()) if form is not None else []
    columns = [row.name for row in rows if row.is_column]
    lacking, samples = campaign_preview.empties(campaign, columns), campaign_preview.examples(campaign, columns)
    return {
        "form": form,
        "field_rows": [(row, samples.get(row.name, ""), lacking.get(row.name, 0)) for row in rows],
        **_shown(campaign, request.GET.get("person", "")),
    }


def _shown(campaign: Campaign, wanted: str) -> dict[str, Any]:
    person = campaign_preview.person_of(campaign, wanted) if campaign.row_count else None
    text = person.text.body if person and person.text else ""
    unicode_part = campaign.stream.limits(campaign.kind).unicode_part
    return {
        "person": person,
        "measured": measure(text, unicode_part=unicode_part) if text and campaign.kind == Kind.TEXT else None,
    }


@never_cache
@require_POST
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The picture of one person's text while it is written; nothing is stored."""
    campaign = open_campaign(request, pk)
    if campaign.kind == Kind.TEXT:
        campaign.body = request.POST.get("body", "").replace("\r\n", "\n")[: campaign.stream.body_limit * 2]
        form = TextForm(request.POST, campaign=campaign)
        if form.is_valid():
            form.fill(campaign)
    elif campaign.template is not None:
        values = TemplateValuesForm(request.POST, campaign=campaign)
        if values.is_valid():
            values.fill(campaign)
    context = {"campaign": campaign, **_shown(campaign, request.POST.get("person", ""))}
    return render(request, "campaigns/_preview.html", context)
