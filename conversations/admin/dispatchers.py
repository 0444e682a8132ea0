"""What the dispatchers say of themselves. The page to read it on is admin/operations.py."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from conversations.admin.mixins import MANAGE, ProductAdmin, ReadOnlyMixin, signed_in
from conversations.models import DispatcherTick


@admin.register(DispatcherTick)
class DispatcherTickAdmin(ReadOnlyMixin, ProductAdmin):
    """One row a host, written by its dispatcher. The row of a host that was retired is deleted here."""

    visible_through = None
    list_display = ("host", "process_id", "leads", "ticked_at", "spool_files", "spool_set_aside", "spool_has_room")
    fields = list_display
    actions = None  # rows are called by their hosts here, and chosen by nobody

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return signed_in(request).has_perm(MANAGE)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return signed_in(request).has_perm(MANAGE)
