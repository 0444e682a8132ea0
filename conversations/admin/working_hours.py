"""When somebody is there to answer: the hours that reports count by."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import NOTHING
from conversations.admin.mixins import EditableInline, ProductAdmin, signed_in
from conversations.models import Holiday, Stream, WorkingHours, WorkingPeriod


class WorkingPeriodInline(EditableInline):
    model = WorkingPeriod


class HolidayInline(EditableInline):
    model = Holiday


@admin.register(WorkingHours)
class WorkingHoursAdmin(ProductAdmin):
    """Weeks that streams share; each stream's own page says which is its."""

    visible_through = None
    list_display = ("name", "time_zone", "week", "used_by")
    search_fields = ("name", "time_zone")
    fieldsets = (
        (
            None,
            {
                "fields": ("name", "time_zone"),
                "description": _(
                    "Hours that change count for what happens from then on. The command rebuild_reports lets them "
                    "count for all that was before, too."
                ),
            },
        ),
    )
    inlines = (WorkingPeriodInline, HolidayInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        streams = Stream.objects.visible_to(signed_in(request))
        return super().get_queryset(request).prefetch_related("periods", Prefetch("streams", streams, to_attr="seen"))

    @admin.display(description=_("week"))
    def week(self, hours: WorkingHours) -> SafeString | str:
        return format_html_join(", ", "{}", ((str(one),) for one in hours.periods.all())) or NOTHING

    @admin.display(description=_("streams"))
    def used_by(self, hours: Any) -> str:
        return ", ".join(map(str, hours.seen)) or NOTHING
