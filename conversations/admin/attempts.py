"""What went over the wire: one attempt a request, and what it came to for each message."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import NOTHING, link_to, moment, raw
from conversations.admin.filters import StreamFilter, by_newest
from conversations.admin.mixins import LedgerAdmin, RowsInline
from conversations.models import AttemptResult, Message, SendAttempt, Stream
from conversations.services.wire_log import readable


def request_of(attempt: SendAttempt) -> str:
    """The request as it went, as text, without what nobody may read."""
    text = f"{attempt.request_method} {attempt.request_url}\n\n{attempt.request_body}".strip()
    return readable(text, stream=attempt.stream)


def answer_to(attempt: SendAttempt) -> str:
    """The answer, in the same way."""
    return readable(attempt.response_body, stream=attempt.stream)


class ResultInline(RowsInline):
    model = AttemptResult
    fields = ("attempt_link", "started", "http_status", "outcome", "code", "text", "request", "answer")
    readonly_fields = fields
    verbose_name_plural = _("Attempts")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("attempt__stream")

    @admin.display(description=_("attempt"))
    def attempt_link(self, result: AttemptResult) -> SafeString:
        return link_to(result.attempt)

    @admin.display(description=_("started"))
    def started(self, result: AttemptResult) -> str:
        return moment(result.attempt.started_at)

    @admin.display(description=_("HTTP"))
    def http_status(self, result: AttemptResult) -> Any:
        return result.attempt.http_status or NOTHING

    @admin.display(description=_("request"))
    def request(self, result: AttemptResult) -> SafeString:
        return raw(request_of(result.attempt))

    @admin.display(description=_("answer"))
    def answer(self, result: AttemptResult) -> SafeString:
        return raw(answer_to(result.attempt))


class MessageResultInline(RowsInline):
    model = AttemptResult
    fields = ("message", "outcome", "external_id", "code", "text", "released_at", "released_by")
    readonly_fields = fields
    verbose_name_plural = _("What it came to")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("message", "released_by")


@admin.register(SendAttempt)
class SendAttemptAdmin(LedgerAdmin):
    """One HTTP request each, without its secrets."""

    visible_through = ("stream", Stream)
    list_display = (
        "row_number",
        "operation",
        "stream",
        "http_status",
        "started_at",
        "on_wire_at",
        "finished_at",
        "request_id",
    )
    list_filter = (
        by_newest("operation", _("operation")),
        by_newest("http_status", _("HTTP status")),
        StreamFilter,
        ("started_at", admin.DateFieldListFilter),
    )
    list_select_related = ("stream",)
    search_fields = ("=request_id",)
    search_help_text = _("The provider's id of the request")
    readonly_fields = ("request", "answer")
    inlines = (MessageResultInline,)
    fieldsets = (
        (None, {"fields": ("operation", "stream", "http_status", "request_id", "claim")}),
        (_("Times"), {"fields": ("started_at", "on_wire_at", "finished_at")}),
        (_("On the wire"), {"fields": ("request", "answer")}),
    )

    @admin.display(description=_("request"))
    def request(self, attempt: SendAttempt) -> SafeString:
        return raw(request_of(attempt))

    @admin.display(description=_("answer"))
    def answer(self, attempt: SendAttempt) -> SafeString:
        return raw(answer_to(attempt))


@admin.register(AttemptResult)
class AttemptResultAdmin(LedgerAdmin):
    """What a request came to for one message."""

    visible_through = ("message", Message)
    list_display = ("row_number", "message", "outcome", "code", "external_id", "attempt", "released_by")
    list_filter = ("outcome", "on_wire")
    list_select_related = ("message", "attempt", "released_by")
    search_fields = ("=external_id",)
    search_help_text = _("The provider's id of the message")
    fields = (
        "message",
        "attempt",
        "on_wire",
        "outcome",
        "external_id",
        "code",
        "text",
        "released_at",
        "released_by",
    )
