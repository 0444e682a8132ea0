"""The audit, to be read, searched and taken along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import NOTHING
from conversations.admin.filters import by_person
from conversations.admin.mixins import LedgerAdmin, signed_in
from conversations.models import AuditEntry
from conversations.models.audit import AuditAction
from conversations.services import audit
from conversations.services.csv_files import download


@admin.register(AuditEntry)
class AuditEntryAdmin(LedgerAdmin):
    """Who did what that others have to be able to see later."""

    visible_through = None
    list_display = ("at", "action", "actor", "subject", "summary", "address")
    list_display_links = ("at",)
    list_filter = ("action", by_person("actor", _("person")), ("at", admin.DateFieldListFilter))
    list_select_related = ("actor",)
    search_fields = ("subject", "summary", "actor__name", "actor__email", "address")
    change_list_template = "admin/conversations/auditentry/change_list.html"
    fieldsets = ((None, {"fields": ("at", "action", "actor", "address", "subject", "summary")}),)

    def get_urls(self) -> list[URLPattern]:
        """One more: the list as a file."""
        own = path("export/", self.admin_site.admin_view(self.export), name="conversations_auditentry_export")
        return [own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        address = reverse("admin:conversations_auditentry_export")
        query = request.GET.urlencode()
        export = {"export_url": f"{address}?{query}" if query else address}
        return super().changelist_view(request, {**export, **(extra_context or {})})

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """What the list shows with these filters, all of it, as CSV: itself an entry of the audit."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            found = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters as error:
            raise BadRequest("The list has no such filter.") from error
        audit.record(AuditAction.EXPORTED, actor=signed_in(request), summary="audit, as CSV.", request=request)
        return download(_cells(found), "audit")


def _cells(found: QuerySet[AuditEntry]) -> Iterator[list[object]]:
    yield ["time (UTC)", "action", "who", "e-mail", "from", "what", "summary"]
    for entry in found.order_by("id").iterator(chunk_size=1000):
        actor = entry.actor
        who = [actor.name, actor.email] if actor else [NOTHING, ""]
        yield [
            entry.at.isoformat(),
            entry.get_action_display(),
            *who,
            entry.address or "",
            entry.subject,
            entry.summary,
        ]
