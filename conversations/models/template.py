"""A WhatsApp template as the provider holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

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

    Providers' terms: template (Cirrus, WhatsApp).
    """

    stream = models.ForeignKey("conversations.Stream", on_delete=models.PROTECT, related_name="templates")
    name = models.CharField(max_length=512)
    language = models.CharField(max_length=12)
    category = models.CharField(max_length=16, choices=TemplateCategory.choices)
    components = models.JSONField(default=list)
    status = models.CharField(max_length=12, choices=TemplateStatus.choices, default=TemplateStatus.DRAFT)
    status_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = WhatsAppTemplateQuerySet.as_manager()

    class Meta:
        ordering = ("name", "language")
        verbose_name = "WhatsApp template"
        constraints = [models.UniqueConstraint(fields=("stream", "name", "language"), name="template_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"
