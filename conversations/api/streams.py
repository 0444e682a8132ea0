"""Streams: what can be written on."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query

from conversations.api import answers
from conversations.api.door import user_of
from conversations.api.operations import Resource
from conversations.api.paging import Listing, Page, page, rows_by_id
from conversations.models import Stream
from conversations.models.api_key import ApiScope

router = Resource(tags=["Streams"])


@router.operation("GET", "/streams", scope=ApiScope.READ, answer=Page[answers.Stream])
def list_streams(request: HttpRequest, asked: Annotated[Listing, Query()]) -> dict[str, Any]:
    """The streams that this key sees."""
    found = rows_by_id(_visible(request), asked, newest_first=False)
    sendable = set(Stream.objects.sendable_by(user_of(request)).values_list("pk", flat=True))
    return page(request, found, asked, show=lambda row: answers.Stream.of(row, may_send=row.pk in sendable))


@router.operation("GET", "/streams/{int:pk}", scope=ApiScope.READ, answer=answers.Stream)
def read_stream(request: HttpRequest, pk: int) -> answers.Stream:
    """One stream."""
    row = get_object_or_404(_visible(request), pk=pk)
    return answers.Stream.of(row, may_send=Stream.objects.sendable_by(user_of(request)).filter(pk=pk).exists())


def _visible(request: HttpRequest) -> Any:
    return Stream.objects.visible_to(user_of(request)).select_related("account").defer("account__credentials")
