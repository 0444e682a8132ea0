"""What is written down beside the messages of a conversation: activities, remarks, flags; and which tags there are."""

from __future__ import annotations

from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest
from ninja import Query
from pydantic import Field

from conversations.api import answers
from conversations.api.door import key_of, user_of
from conversations.api.fields import Given, example
from conversations.api.operations import Resource
from conversations.api.paging import Listing, Page, page, rows_by_id
from conversations.api.rows import visible_conversation
from conversations.forms.indicators import IndicatorForm
from conversations.models import Indicator, Tag, User
from conversations.models.api_key import ApiScope
from conversations.services import conversations as service
from conversations.services.remarks import leave_remark

router = Resource(tags=["Notes, flags and tags"])
_PLACE = "/conversations/{int:pk}"


@router.operation("GET", f"{_PLACE}/activities", scope=ApiScope.READ, answer=Page[answers.Activity])
def list_activities(request: HttpRequest, pk: int, asked: Annotated[Listing, Query()]) -> dict[str, Any]:
    """What people and the system did to a conversation, remarks among it, newest first."""
    rows = visible_conversation(request, pk).activities.select_related("actor")
    return page(request, rows_by_id(rows, asked), asked, show=answers.Activity.of)


class RemarkGiven(Given):
    """A remark for the team. Whoever stands in it after an @ is told."""

    model_config = example(text="@Priya Nair, the line was tested and is fine.")

    text: str = Field(max_length=5000)


@router.operation("POST", f"{_PLACE}/remarks", scope=ApiScope.SEND, answer=answers.Activity, status=201)
def remark(request: HttpRequest, pk: int, given: RemarkGiven) -> answers.Activity:
    """Leave a remark; the customer never sees it."""
    conversation = visible_conversation(request, pk)
    made = leave_remark(
        conversation,
        text=given.text,
        actor=user_of(request),
        colleagues=User.objects.who_see([conversation.stream]),
        client_key=f"api-{key_of(request).pk}-{request.headers['Idempotency-Key']}",
    )
    return answers.Activity.of(made)


class IndicatorGiven(Given):
    """A few words, how they look, and maybe a link."""

    model_config = example(title="Line fault open", display_class="warning", link="https://example.com/fault/1")

    title: str = Field(max_length=60)
    display_class: str = Field("", max_length=64, description="info, warning, danger, success, or empty.")
    link: str = Field("", max_length=500)


@router.operation("GET", f"{_PLACE}/indicators", scope=ApiScope.READ, answer=answers.Indicators)
def list_indicators(request: HttpRequest, pk: int) -> dict[str, Any]:
    """The flags that a conversation carries."""
    rows = visible_conversation(request, pk).indicators.filter(removed_at=None).order_by("pk")
    return {"items": [answers.Indicator.of(row) for row in rows]}


@router.operation("POST", f"{_PLACE}/indicators", scope=ApiScope.SEND, answer=answers.Indicator)
def set_indicator(request: HttpRequest, pk: int, given: IndicatorGiven) -> answers.Indicator:
    """Put a flag on a conversation, or change the one with these words. Its `key` is made of its words."""
    conversation = visible_conversation(request, pk)
    form = IndicatorForm(given.model_dump())
    if not form.is_valid():
        raise ValidationError(form.errors.as_data())
    told = form.cleaned_data
    row = service.set_indicator(
        conversation,
        key=form.key,
        title=told["title"],
        display_class=told["display_class"],
        link=told["link"],
        actor=user_of(request),
    )
    return answers.Indicator.of(row)


@router.operation("DELETE", f"{_PLACE}/indicators/{{str:key}}", scope=ApiScope.SEND, answer=answers.Indicator)
def remove_indicator(request: HttpRequest, pk: int, key: str) -> answers.Indicator:
    """Take a flag off; it stays in the history. Answers the flag that was taken off."""
    row = Indicator.objects.filter(conversation=visible_conversation(request, pk), key=key, removed_at=None).first()
    if row is None:
        raise Http404
    service.remove_indicator(row, actor=user_of(request))
    return answers.Indicator.of(row)


@router.operation("GET", "/tags", scope=ApiScope.READ, answer=answers.Tags)
def list_tags(request: HttpRequest) -> dict[str, Any]:
    """The tags that may be put on a conversation."""
    return {"items": list(Tag.objects.offered().values_list("name", flat=True))}
