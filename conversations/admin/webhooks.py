"""What providers told us: raw calls, which can be read again, and the reports that were in them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import WithStatus, chip, raw, raw_json
from conversations.admin.mixins import LedgerAdmin, PhoneSearchMixin, RowsInline, signed_in
from conversations.models import Message, Receipt, Stream, WebhookEvent
from conversations.models.webhook import MATCH_GRACE, WebhookEventStatus
from conversations.services.inbound import replay


class ReceiptOfEventInline(RowsInline):
    model = Receipt
    fields = ("status", "message", "code", "text", "external_id", "occurred_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("message")


@admin.register(WebhookEvent)
class WebhookEventAdmin(WithStatus, LedgerAdmin):
    """Every call to our webhooks, as it came."""

    visible_through = None
    list_display = ("row_number", "status_word", "account", "error", "times_received", "received_at", "processed_at")
    list_filter = ("status", "account__provider", ("received_at", admin.DateFieldListFilter))
    list_select_related = ("account",)
    readonly_fields = ("status_word", "body_raw", "headers_json")
    inlines = (ReceiptOfEventInline,)
    actions = ("replay",)
    object_actions = ("replay",)
    fieldsets = (
        (None, {"fields": ("account", "status_word", "error", "received_at", "processed_at", "times_received")}),
        (_("The call"), {"fields": ("content_type", "headers_json", "body_raw", "key")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        """Calls of accounts all of whose streams one may see: a call does not say which stream it is about."""
        events = super().get_queryset(request).select_related("account").defer("body", "account__credentials")
        user = signed_in(request)
        if user.sees_everything:
            return events
        streams = Stream.objects.filter(account=OuterRef("account"))
        hidden = streams.exclude(pk__in=Stream.objects.visible_to(user).values("pk"))
        return events.filter(Exists(streams), ~Exists(hidden))

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Reading a call again writes rows: whoever may change calls may."""
        return signed_in(request).has_perm("conversations.change_webhookevent")

    @admin.action(description=_("Replay"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> None:
        """Read the calls again, after the cause of a failure was mended. What is known already stays as it is."""
        if self.is_too_many(request, queryset):
            return
        done, refused = 0, []
        for event in queryset.order_by("pk"):
            replay(event)
            event.refresh_from_db(fields=["status", "error"])
            if event.status == WebhookEventStatus.FAILED:
                refused.append((event, event.error or gettext("It failed again.")))
            else:
                done += 1
        self.report(request, done, ngettext("%d call read again.", "%d calls read again.", done) % done, refused)

    @admin.display(description=_("body"))
    def body_raw(self, event: WebhookEvent) -> SafeString:
        return raw(event.text)

    @admin.display(description=_("headers"))
    def headers_json(self, event: WebhookEvent) -> SafeString:
        return raw_json(event.headers)


class MatchFilter(admin.SimpleListFilter):
    """By whether a report has found its message."""

    title = _("message")
    parameter_name = "match"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("found", _("Found")), ("parked", _("Expected")), ("never", _("Never matched"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Receipt]) -> QuerySet[Receipt]:
        rows: Any = queryset
        match self.value():
            case "found":
                return rows.exclude(message=None)
            case "parked":
                return rows.parked(timezone.now())
            case "never":
                return rows.never_matched(timezone.now())
        return rows


@admin.register(Receipt)
class ReceiptAdmin(PhoneSearchMixin, LedgerAdmin):
    """Every delivery report. One whose message is not known yet is expected to find it within a minute."""

    visible_through = ("message", Message)
    list_display = ("row_number", "status", "message_or_parked", "account", "code", "external_id", "received_at")
    list_filter = ("status", MatchFilter, "account__provider")
    list_select_related = ("account", "message")
    search_fields = ("=external_id", "=ref", "phone")
    search_help_text = _("The provider's id of the message, our reference, or a number")
    fields = (
        "status",
        "message",
        "account",
        "webhook_event",
        "external_id",
        "ref",
        "phone",
        "code",
        "text",
        "occurred_at",
        "received_at",
        "key",
    )
    readonly_fields = ("received_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Receipt]:
        rows = super().get_queryset(request).select_related("account", "message", "webhook_event__account")
        return rows.defer("account__credentials", "webhook_event__body", "webhook_event__account__credentials")

    @admin.display(description=_("message"))
    def message_or_parked(self, receipt: Receipt) -> Any:
        if receipt.message is not None:
            return receipt.message
        is_old = timezone.now() - receipt.received_at >= MATCH_GRACE
        return chip(_("Never matched"), "warn") if is_old else chip(_("Expected"), "info")
