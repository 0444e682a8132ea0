"""What people do to a conversation: each reads its form, calls one service, and answers."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from conversations.forms.consent import ConsentForm
from conversations.forms.indicators import IndicatorForm
from conversations.models import Activity, Conversation, Indicator
from conversations.models.activity import ActivityKind
from conversations.services import conversations as service
from conversations.services import opt_in_keywords
from conversations.views.conversation import conversation_address, conversation_page
from conversations.views.inbox_query import InboxQuery
from conversations.views.panel import panel_context
from conversations.views.requests import (
    UNPROCESSABLE,
    is_htmx,
    refused,
    signed_in,
    visible_conversation,
)


@require_POST
def record_consent(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a customer's decision into the ledger."""
    conversation = visible_conversation(request, pk)
    user = signed_in(request)
    form = ConsentForm(request.POST, request.FILES, contact=conversation.contact, user=user, stream=conversation.stream)
    if form.is_valid() and form.record() is not None:
        return panel_done(request, conversation)
    return _panel_refused(request, conversation, consent_form=form)


@require_POST
def answer_question(request: HttpRequest, pk: int) -> HttpResponse:
    """Say whether a message was an opt-out: what stands in the panel may change with it."""
    user = signed_in(request)
    questions = Activity.objects.filter(
        kind=ActivityKind.OPT_OUT_QUESTION, conversation__in=Conversation.objects.visible_to(user)
    )
    question = get_object_or_404(questions.select_related("conversation__contact", "conversation__stream"), pk=pk)
    answer = request.POST.get("answer")
    try:
        if answer not in ("opt-out", "no"):
            raise ValidationError("Choose one of the two answers.", code="no_answer")
        with transaction.atomic():
            opt_in_keywords.answer_question(question, is_opt_out=answer == "opt-out", actor=user)
    except ValidationError as error:
        response = refused(request, error, back_to=conversation_address(request, question.conversation))
        response["HX-Reswap"] = "none"
        return response
    return panel_done(request, visible_conversation(request, question.conversation_id))


@require_POST
def set_indicator(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a flag on the conversation."""
    conversation = visible_conversation(request, pk)
    form = IndicatorForm(request.POST)
    if not form.is_valid():
        return _panel_refused(request, conversation, indicator_form=form)
    given = form.cleaned_data
    service.set_indicator(
        conversation,
        key=form.key,
        title=given["title"],
        display_class=given["display_class"],
        link=given["link"],
        actor=signed_in(request),
    )
    return panel_done(request, conversation)


@require_POST
def remove_indicator(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a flag off its conversation."""
    visible = Conversation.objects.visible_to(signed_in(request))
    indicator = get_object_or_404(Indicator.objects.filter(conversation__in=visible), pk=pk)
    service.remove_indicator(indicator, actor=signed_in(request))
    return panel_done(request, visible_conversation(request, indicator.conversation_id))


def panel_done(request: HttpRequest, conversation: Conversation) -> HttpResponse:
    """A change shows in the panel: htmx gets it as it is now, a plain browser goes back to the page."""
    if not is_htmx(request):
        return HttpResponseRedirect(conversation_address(request, conversation))
    response = _panel(request, conversation)
    response["HX-Trigger"] = '{"parley:refresh": {}}'
    return response


def _panel_refused(
    request: HttpRequest,
    conversation: Conversation,
    *,
    consent_form: ConsentForm | None = None,
    indicator_form: IndicatorForm | None = None,
) -> HttpResponse:
    answer = _panel if is_htmx(request) else conversation_page
    return answer(request, conversation, status=UNPROCESSABLE, consent_form=consent_form, indicator_form=indicator_form)


def _panel(
    request: HttpRequest,
    conversation: Conversation,
    *,
    status: int = 200,
    consent_form: ConsentForm | None = None,
    indicator_form: IndicatorForm | None = None,
) -> HttpResponse:
    context = panel_context(conversation, signed_in(request), consent_form=consent_form, indicator_form=indicator_form)
    context["inbox"] = InboxQuery.read(request)
    return render(request, "conversation/_panel.html", context, status=status)
