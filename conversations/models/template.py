"""A WhatsApp template as the provider holds it, with every earlier wording and status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from conversations.models.message import Purpose
from conversations.models.template_triggers import template_triggers

if TYPE_CHECKING:
    from conversations.models.team import User


class TemplateCategory(models.TextChoices):
    """What WhatsApp calls the kind of a template."""

    MARKETING = "marketing", _("Marketing")
    UTILITY = "utility", _("Utility")
    AUTHENTICATION = "authentication", _("Authentication")


class TemplateStatus(models.TextChoices):
    """What WhatsApp decided about a template; only an approved one can be sent."""

    DRAFT = "draft", _("Draft")
    PENDING = "pending", _("Waiting for approval")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    PAUSED = "paused", _("Paused")
    DISABLED = "disabled", _("Disabled")
    GONE = "gone", _("Gone")  # the provider holds it no more; the row stays for the messages that used it


class WhatsAppTemplateQuerySet(models.QuerySet["WhatsAppTemplate"]):
    """Questions about templates."""

    def visible_to(self, user: User) -> WhatsAppTemplateQuerySet:
        """The templates of streams this user may see."""
        from conversations.models.stream import Stream

        return self.filter(stream__in=Stream.objects.visible_to(user))

    def sendable(self) -> WhatsAppTemplateQuerySet:
        """Approved ones."""
        return self.filter(status=TemplateStatus.APPROVED)


class WhatsAppTemplate(models.Model):
    """One language of a template. `components` is in Meta's JSON form (messaging/whatsapp/).

    PostgreSQL counts `version` and writes both histories, whoever changes the row; `changed_by` says who that was.
    Providers' terms: template (Cirrus, WhatsApp).
    """

    stream = models.ForeignKey("conversations.Stream", on_delete=models.PROTECT, related_name="templates")
    name = models.CharField(max_length=512)
    language = models.CharField(max_length=12)
    category = models.CharField(max_length=16, choices=TemplateCategory.choices)
    components = models.JSONField(default=list)
    version = models.PositiveIntegerField(default=1, editable=False, help_text=_("Counts its wordings."))
    status = models.CharField(max_length=12, choices=TemplateStatus.choices, default=TemplateStatus.DRAFT)
    status_reason = models.CharField(max_length=300, blank=True)
    external_id = models.CharField(max_length=64, blank=True, help_text=_("Its id at WhatsApp."))
    changed_by = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    seen_at = models.DateTimeField(null=True, blank=True, help_text=_("When an import last held it."))
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = WhatsAppTemplateQuerySet.as_manager()

    class Meta:
        ordering = ("name", "language")
        verbose_name = "WhatsApp template"
        constraints = [models.UniqueConstraint(fields=("stream", "name", "language"), name="template_once")]
        triggers = template_triggers()

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and learn which version PostgreSQL has made of it."""
        super().save(*args, **kwargs)
        self.refresh_from_db(fields=["version"])

    @property
    def purpose(self) -> Purpose:
        """Why we write with it: permission is asked for that."""
        return Purpose.MARKETING if self.category == TemplateCategory.MARKETING else Purpose.SERVICE

    def present_version(self) -> TemplateVersion:
        """The history's row of the wording that this instance holds."""
        return self.versions.get(number=self.version)


class TemplateVersion(models.Model):
    """One wording of a template, kept for the messages that were sent with it. No provider has a term for it."""

    template = models.ForeignKey(WhatsAppTemplate, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    category = models.CharField(max_length=16, choices=TemplateCategory.choices)
    components = models.JSONField(default=list)
    made_by = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="template_versions"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-number",)
        constraints = [models.UniqueConstraint(fields=("template", "number"), name="template_version_once")]
        triggers = [
            pgtrigger.Trigger(
                name="template_version_stands",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("template", "number", "category", "components", "created_at"),
                func="RAISE EXCEPTION 'A wording of a template is kept as it was.' USING ERRCODE = 'CC006';",
            )
        ]

    def __str__(self) -> str:
        return f"{self.template} version {self.number}"


class TemplateStatusChange(models.Model):
    """One decision about a template: submitted, approved, paused, rejected, gone. No provider has a term for it."""

    template = models.ForeignKey(WhatsAppTemplate, on_delete=models.CASCADE, related_name="status_changes")
    from_status = models.CharField(max_length=12, blank=True)
    to_status = models.CharField(max_length=12, choices=TemplateStatus.choices)
    reason = models.CharField(max_length=300, blank=True)
    made_by = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="template_status_changes"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        indexes = [models.Index(fields=("template", "-id"), name="status_change_of_template")]

    def __str__(self) -> str:
        return f"{self.template}: {self.from_status or 'new'} to {self.to_status}"
