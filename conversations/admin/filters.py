"""Filters of lists: their choices are what the user may see, and they cost a bounded query each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from conversations.admin.mixins import SEE_ALL, signed_in
from conversations.models import Message, Stream, User
from conversations.models.message import MessageStatus

NEWEST_LOOKED_AT = 1000
_TO_LOOK_AT = (MessageStatus.FAILED, MessageStatus.UNCONFIRMED, MessageStatus.UNDELIVERED)


class ChoiceFilter(admin.SimpleListFilter):
    """A filter by one look-up that ignores values which are not among its choices."""

    lookup = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen not in {str(value) for value, _label in self.lookup_choices}:
            return queryset
        return queryset.filter(**{self.lookup: chosen})


class StreamFilter(ChoiceFilter):
    """By the stream of a row."""

    title = _("stream")
    parameter_name = "stream"
    lookup = "stream"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        visible = Stream.objects.visible_to(signed_in(request))
        return [(str(pk), name) for pk, name in visible.order_by("name").values_list("pk", "name")]


class ConversationStreamFilter(StreamFilter):
    """By the stream of a row's conversation."""

    lookup = "conversation__stream"


class AuthorFilter(ChoiceFilter):
    """By who wrote a message: everybody, or the members of one's own teams."""

    title = _("written by")
    parameter_name = "author"
    lookup = "author"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        user = signed_in(request)
        people = User.objects.all()
        if not user.has_perm(SEE_ALL):
            people = people.filter(teams__members=user).distinct()
        return [(str(one.pk), str(one)) for one in people.order_by("name", "pk").only("name", "email")]


class FailureFilter(ChoiceFilter):
    """By the code of what went wrong. The choices are those of the newest failures."""

    title = _("failure")
    parameter_name = "failure"
    lookup = "failure_code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        newest = (
            Message.objects.visible_to(signed_in(request))
            .filter(status__in=_TO_LOOK_AT)
            .order_by("-pk")
            .values_list("failure_code", flat=True)[:NEWEST_LOOKED_AT]
        )
        return [(code, code) for code in sorted({code for code in newest if code})]
