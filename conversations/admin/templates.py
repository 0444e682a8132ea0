"""WhatsApp templates: checked by WhatsApp's own rules at the field, and shown as the customer will see them."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import InlineModelAdmin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import WithStatus
from conversations.admin.filters import StreamFilter
from conversations.admin.mixins import LedgerAdmin, ProductAdmin, RowsInline, signed_in
from conversations.models import TemplateStatusChange, TemplateVersion, WhatsAppTemplate
from conversations.models.stream import Channel
from conversations.models.template import TemplateStatus
from conversations.services.templates import stop_what_would_change
from messaging.segments import holds_unsendable
from messaging.whatsapp import validate_template

_OWN_FIELDS = {"name", "category", "language"}


class ReadableJSONField(forms.JSONField):
    """JSON as people lay it out, and only what PostgreSQL can hold: no NaN, no NUL, no half of a surrogate pair."""

    def to_python(self, value: Any) -> Any:
        try:
            found = super().to_python(value)
            whole = not holds_unsendable(found)
            json.dumps(found, allow_nan=False)
        except (ValueError, RecursionError):
            whole = False
        if not whole:
            text = gettext("This holds a number or character that cannot be kept. Copy the JSON again from WhatsApp.")
            raise ValidationError(text, code="not_storable")
        return found

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data  # as it was typed

    def prepare_value(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False)


class TemplateForm(forms.ModelForm):
    """A template with its components in Meta's JSON."""

    components = ReadableJSONField(
        label=_("Components"),
        widget=forms.Textarea(attrs={"rows": 18, "class": "vLargeTextField code", "spellcheck": "false"}),
        help_text=_("Header, body, footer and buttons, in WhatsApp's JSON."),
    )

    class Meta:
        model = WhatsAppTemplate
        fields = ("stream", "name", "language", "category", "components", "status", "status_reason", "external_id")
        help_texts = {
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


class VersionInline(RowsInline):
    """The wordings of a template."""

    model = TemplateVersion
    fields = readonly_fields = ("number", "category", "made_by", "created_at")
    verbose_name_plural = _("versions")


class StatusChangeInline(RowsInline):
    """What became of a template at WhatsApp."""

    model = TemplateStatusChange
    fields = readonly_fields = ("to_status", "reason", "made_by", "created_at")
    verbose_name_plural = _("status history")


@admin.register(WhatsAppTemplate)
class WhatsAppTemplateAdmin(WithStatus, ProductAdmin):
    """Templates as the provider holds them."""

    form = TemplateForm
    list_display = ("name", "language", "category", "status_word", "stream", "updated_at")
    list_filter = ("status", "category", "language", StreamFilter)
    list_select_related = ("stream",)
    search_fields = ("name", "components")
    search_help_text = _("Name or wording")
    readonly_fields = ("preview", "status_word", "version", "seen_at", "created_at", "updated_at")
    inlines = (StatusChangeInline, VersionInline)
    ordering = ("name", "language")
    fieldsets = (
        (None, {"fields": ("stream", "name", "language", "category")}),
        (_("Contents"), {"fields": ("preview", "components")}),
        (
            _("At WhatsApp"),
            {"fields": ("status", "status_reason", "external_id", "version", "seen_at", "created_at", "updated_at")},
        ),
    )

    def get_inlines(
        self, request: HttpRequest, obj: WhatsAppTemplate | None
    ) -> tuple[type[InlineModelAdmin[Any, Any]], ...]:
        """A template that is not there yet has no history."""
        return self.inlines if obj else ()

    def save_model(self, request: HttpRequest, obj: WhatsAppTemplate, form: Any, change: bool) -> None:
        """Save, and tell the histories who did it; what waits with another wording is stopped."""
        before, actor = obj.version, signed_in(request)
        obj.changed_by = actor
        super().save_model(request, obj, form, change)
        if change and obj.version != before:
            stop_what_would_change(obj, actor=actor)

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


@admin.register(TemplateVersion)
class TemplateVersionAdmin(LedgerAdmin):
    """Every wording that a template has had."""

    visible_through = ("template", WhatsAppTemplate)
    list_display = ("template", "number", "category", "made_by", "created_at")
    list_select_related = ("template", "made_by")
    fields = ("template", "number", "category", "preview", "made_by", "created_at")

    @admin.display(description=_("preview"))
    def preview(self, version: TemplateVersion) -> SafeString:
        return preview_of(version.components)


@admin.register(TemplateStatusChange)
class TemplateStatusChangeAdmin(LedgerAdmin):
    """What became of templates at WhatsApp."""

    visible_through = ("template", WhatsAppTemplate)
    list_display = ("template", "from_status", "to_status", "reason", "made_by", "created_at")
    list_filter = ("to_status",)
    list_select_related = ("template", "made_by")
    fields = ("template", "from_status", "to_status", "reason", "made_by", "created_at")
