"""Campaigns and their lists: to be read. They are made, let go and stopped on their own pages."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from conversations.admin.filters import StreamFilter
from conversations.admin.mixins import LedgerAdmin, PhoneSearchMixin
from conversations.models import Campaign, CampaignRecipient


@admin.register(Campaign)
class CampaignAdmin(LedgerAdmin):
    """Campaigns, and how they went."""

    list_display = (
        "row_number",
        "name",
        "status",
        "stream",
        "row_count",
        "accepted_count",
        "failed_count",
        "created_at",
    )
    list_filter = ("status", "purpose", StreamFilter)
    list_select_related = ("stream",)
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "stream", "purpose", "status", "status_reason", "retry_of")}),
        (_("What is sent"), {"fields": ("kind", "body", "template", "template_values", "values", "fallbacks")}),
        (_("To whom"), {"fields": ("file_name", "number_column", "columns", "field_columns")}),
        (_("What the check found"), {"fields": ("row_count", "verdict_counts", "segment_counts")}),
        (
            _("When"),
            {"fields": ("scheduled_for", "valid_until", "keeps_quiet_hours", "pace", "failure_limit")},
        ),
        (_("What came of it"), {"fields": ("accepted_count", "failed_count", "unconfirmed_count")}),
        (
            _("Who, and since when"),
            {"fields": ("created_by", "created_at", "confirmed_by", "confirmed_at", "started_at", "ended_at")},
        ),
    )


@admin.register(CampaignRecipient)
class CampaignRecipientAdmin(PhoneSearchMixin, LedgerAdmin):
    """Rows of lists, with what the check said of each."""

    visible_through = ("campaign", Campaign)
    list_display = ("row_number", "campaign", "row", "given", "phone", "verdict")
    list_filter = ("verdict",)
    list_select_related = ("campaign",)
    search_fields = ("phone",)
    fieldsets = ((None, {"fields": ("campaign", "row", "given", "phone", "fields", "verdict", "reason")}),)
