"""WhatsApp templates: what can be sent outside of the customer's 24 hours."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query
from pydantic import BaseModel, Field

from conversations.api.door import user_of
from conversations.api.fields import Id
from conversations.api.operations import Resource
from conversations.api.paging import Listing, Page, page, rows_by_id
from conversations.models import WhatsAppTemplate
from conversations.models.api_key import ApiScope

router = Resource(tags=["Templates"])


class TemplateShown(BaseModel):
    """One language of a template."""

    id: int
    stream: int
    name: str
    language: str
    category: str
    status: str = Field(description="Only an approved one can be sent.")
    status_reason: str
    version: int
    components: list[Any] = Field(description="In Meta's JSON form, with {{1}} where a value stands.")
    updated_at: datetime

    @classmethod
    def of(cls, row: WhatsAppTemplate) -> TemplateShown:
        """One row."""
        names = ("name", "language", "category", "status", "status_reason", "version", "components", "updated_at")
        return cls(id=row.pk, stream=row.stream_id, **{name: getattr(row, name) for name in names})


class Wanted(Listing):
    """Which templates are wanted."""

    stream: Id | None = None
    name: str = Field("", max_length=512)
    status: Literal["", "draft", "pending", "approved", "rejected", "paused", "disabled", "gone"] = ""


@router.operation("GET", "/templates", scope=ApiScope.READ, answer=Page[TemplateShown])
def list_templates(request: HttpRequest, asked: Annotated[Wanted, Query()]) -> dict[str, Any]:
    """The templates of the streams that this key sees."""
    rows = WhatsAppTemplate.objects.visible_to(user_of(request))
    for name in ("stream", "name", "status"):
        if value := getattr(asked, name):
            rows = rows.filter(**{name: value.replace("\x00", "") if isinstance(value, str) else value})
    return page(request, rows_by_id(rows, asked, newest_first=False), asked, show=TemplateShown.of)


@router.operation("GET", "/templates/{int:pk}", scope=ApiScope.READ, answer=TemplateShown)
def read_template(request: HttpRequest, pk: int) -> TemplateShown:
    """One template."""
    return TemplateShown.of(get_object_or_404(WhatsAppTemplate.objects.visible_to(user_of(request)), pk=pk))
