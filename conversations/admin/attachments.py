"""Files of messages, and the checks of numbers at WhatsApp: to be read."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from conversations.admin.filters import StreamFilter, by_newest
from conversations.admin.mixins import LedgerAdmin
from conversations.models import Attachment, NumberCheck, Stream


@admin.register(Attachment)
class AttachmentAdmin(LedgerAdmin):
    """Files: what customers sent and what was uploaded. The files themselves are opened in the conversation."""

    list_display = ("row_number", "kind", "filename", "content_type", "size", "status", "stream", "created_at")
    list_filter = ("status", by_newest("kind", "kind"), StreamFilter)
    list_select_related = ("stream",)
    fieldsets = (
        (None, {"fields": ("kind", "filename", "content_type", "size", "status", "problem")}),
        (_("Where it belongs"), {"fields": ("stream", "message", "position", "uploaded_by", "created_at")}),
        (_("At the provider"), {"fields": ("link", "tries", "next_try_at", "external_id", "external_until")}),
    )


@admin.register(NumberCheck)
class NumberCheckAdmin(LedgerAdmin):
    """Who asked WhatsApp about which number."""

    visible_through = ("stream", Stream)
    list_display = ("row_number", "phone", "on_whatsapp", "stream", "checked_by", "created_at")
    list_filter = ("on_whatsapp", StreamFilter)
    list_select_related = ("stream", "checked_by")
    fieldsets = ((None, {"fields": ("phone", "on_whatsapp", "stream", "checked_by", "created_at")}),)
