"""WhatsApp templates: checked by WhatsApp's own rules at the field, and shown as the customer will see them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import WithStatus
from conversations.admin.filters import StreamFilter
from conversations.admin.mixins import ProductAdmin
from conversations.models import WhatsAppTemplate
from conversations.models.stream import Channel
from conversations.models.template import TemplateStatus
from messaging.whatsapp import validate_template

_OWN_FIELDS = {"name", "category", "language"}


class TemplateForm(forms.ModelForm):
    """A template with its components in Meta's JSON."""

    class Meta:
        model = WhatsAppTemplate
        fields = ("stream", "name", "language", "category", "components", "status", "status_reason")
        widgets = {
            "components": forms.Textarea(attrs={"rows": 18, "class": "vLargeTextField code", "spellcheck": "false"})
        }
        help_texts = {
            "components": _("Header, body, footer and buttons, in WhatsApp's JSON."),
            "status": _("What WhatsApp decided. Only an approved template can be sent."),
        }

    def clean(self) -> dict[str, Any]:
        """Put each of WhatsApp's objections at the field it is about."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        problems = validate_template(
            cleaned["name"],
            cleaned["category"],
            cleaned["language"],
            cleaned["components"],
            new=cleaned["status"] == TemplateStatus.DRAFT,
        )
        for problem in problems:
            if problem.field in _OWN_FIELDS:
                self.add_error(problem.field, problem.sentence)
            else:
                self.add_error("components", f"{_spoken(problem.field)}: {problem.sentence}")
        return cleaned


def _spoken(field: str) -> str:
    """`buttons.0.url` as people count: Buttons 1 url."""
    return " ".join(str(int(word) + 1) if word.isdecimal() else word for word in field.split(".")).capitalize()


@admin.register(WhatsAppTemplate)
class WhatsAppTemplateAdmin(WithStatus, ProductAdmin):
    """Templates as the provider holds them."""

    form = TemplateForm
    list_display = ("name", "language", "category", "status_word", "stream", "updated_at")
    list_filter = ("status", "category", "language", StreamFilter)
    list_select_related = ("stream",)
    search_fields = ("name", "components")
    search_help_text = _("Name or wording")
    readonly_fields = ("preview", "status_word", "created_at", "updated_at")
    ordering = ("name", "language")
    fieldsets = (
        (None, {"fields": ("stream", "name", "language", "category")}),
        (_("Contents"), {"fields": ("preview", "components")}),
        (_("At WhatsApp"), {"fields": ("status", "status_reason", "created_at", "updated_at")}),
    )

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        rows = super().get_field_queryset(db, db_field, request)
        if db_field.name == "stream" and rows is not None:
            return rows.filter(channel=Channel.WHATSAPP)
        return rows

    @admin.display(description=_("preview"))
    def preview(self, template: WhatsAppTemplate) -> SafeString | str:
        if not template.pk:
            return str(_("Save the template to see it."))
        return preview_of(template.components)


def preview_of(components: Any) -> SafeString:
    """The template as the customer will see it, with its variables still in braces."""
    parts = {part["type"]: part for part in components if isinstance(part, dict) and isinstance(part.get("type"), str)}
    buttons = parts.get("BUTTONS", {}).get("buttons", [])
    return render_to_string(
        "admin/template_preview.html",
        {"header": parts.get("HEADER"), "body": parts.get("BODY"), "footer": parts.get("FOOTER"), "buttons": buttons},
    )
