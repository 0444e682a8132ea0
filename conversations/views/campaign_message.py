"""The second step of a campaign: what its people get, and what stands where a field is empty."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from conversations.forms.campaign_message import (
    StartForm,
    TemplateChoiceForm,
    TemplateFieldsForm,
    TemplateValuesForm,
    TextForm,
)
from conversations.models import Campaign, CannedReply
from conversations.models.message import Kind
from conversations.services.campaigns.texts import Texts, as_campaign_text
from conversations.views import campaign_preview
from conversations.views.campaign_lengths import LIVE, checks_of, lengths_shown
from conversations.views.campaigns import open_campaign, save_draft, show_step, unless_it_began
from conversations.views.requests import signed_in
from messaging.segments import measure


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@unless_it_began
def message_step(request: HttpRequest, pk: int) -> HttpResponse:
    """What they get: a text with fields, or a template whose values may hold fields."""
    campaign = open_campaign(request, pk)
    if campaign.kind == Kind.TEMPLATE:
        return _template_step(request, campaign)
    started = _start(request, campaign)
    form = TextForm(request.POST if request.method == "POST" else None, campaign=campaign)
    if form.is_bound and form.is_valid():
        form.fill(campaign)
        save_draft(campaign, "body", "values", "fallbacks", "field_columns")
        return _after_the_message(request, campaign)
    context = {**_of_the_message(request, campaign, form), "start": started.form, "started": started.title}
    return show_step(request, campaign, "message", context, is_refused=form.is_bound)


class Started(NamedTuple):
    """The choice of a saved text to begin with, and the title of the one that stands in the form now."""

    form: StartForm
    title: str


def _start(request: HttpRequest, campaign: Campaign) -> Started:
    """Put the saved text of the address into the campaign; nothing is stored before somebody saves it."""
    user = signed_in(request)
    replies = CannedReply.objects.visible_to(user)
    form = StartForm(request.GET if "start" in request.GET else None, replies=replies)
    if not (form.is_bound and form.is_valid()) or request.method == "POST":
        return Started(form, "")
    reply: CannedReply = form.cleaned_data["start"]
    campaign.body = as_campaign_text(reply, agent=user, stream=campaign.stream)
    return Started(form, reply.title)


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
                save_draft(campaign, "template_values", "media", "values", "fallbacks", "field_columns")
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
    columns = [row.column for row in rows if row.column]
    lacking, samples = campaign_preview.empties(campaign, columns), campaign_preview.examples(campaign, columns)
    lengths = lengths_shown(campaign)
    return {
        "form": form,
        "field_rows": [(row, samples.get(row.column, ""), lacking.get(row.column, 0)) for row in rows],
        "lengths": lengths,
        "checks": checks_of(campaign, lengths) if lengths else [],
        **_shown(request, campaign),
    }


def _shown(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    """The preview: of whom the address asks for, or else the form that is being written."""
    wanted = request.GET.get("person") or request.POST.get("person", "")
    find = (request.GET.get("find") or request.POST.get("find", "")).replace("\x00", "").strip()[:100]
    person = campaign_preview.person_of(campaign, wanted, find) if campaign.row_count else None
    text = person.text.body if person and person.text else ""
    unicode_part = campaign.stream.limits(campaign.kind).unicode_part
    return {
        "person": person,
        "find": find,
        "measured": measure(text, unicode_part=unicode_part) if text and campaign.kind == Kind.TEXT else None,
    }


@never_cache
@require_POST
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The picture of one person's text while it is written; nothing is stored."""
    campaign = open_campaign(request, pk, may_wait=True)
    if campaign.kind == Kind.TEXT:
        campaign.body = request.POST.get("body", "").replace("\r\n", "\n")[: campaign.stream.body_limit * 2]
        form = TextForm(request.POST, campaign=campaign)
        if form.is_valid():
            form.fill(campaign)
    elif campaign.template is not None:
        values = TemplateValuesForm(request.POST, campaign=campaign)
        if values.is_valid():
            values.fill(campaign)
            instead = TemplateFieldsForm(request.POST, campaign=campaign)
            if instead.is_valid():
                instead.fill(campaign)
    context = {"campaign": campaign, "is_live": True, **_shown(request, campaign)}
    if campaign.row_count <= LIVE:
        context["lengths"] = lengths_shown(campaign)
    return render(request, "campaigns/_preview.html", context)
