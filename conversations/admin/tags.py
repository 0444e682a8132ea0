"""Tags: the words that conversations are sorted by."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from conversations.admin.mixins import NeverDeletedMixin, ProductAdmin
from conversations.models import Tag


@admin.register(Tag)
class TagAdmin(NeverDeletedMixin, ProductAdmin):
    """Which tags there are. One that is not wanted any more is switched off: it stays on its conversations."""

    list_display = ("name", "is_active", "on_conversations")
    list_filter = ("is_active",)
    search_fields = ("name",)
    fields = ("name", "is_active")
    visible_through = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).annotate(count=Count("rows"))

    @admin.display(description=_("on conversations"))
    def on_conversations(self, tag: Any) -> int:
        return int(tag.count)
