"""A file of a message or for a template: what a customer sent, or what somebody uploaded to send."""

from __future__ import annotations

import mimetypes
import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from conversations.models.team import User

SHOWN_IN_PAGES = frozenset(
    {"image/jpeg", "image/png", "image/webp", "video/mp4", "audio/mpeg", "audio/mp4", "audio/ogg"}
)
"""Content types that a browser may show inside of a page: none of them can hold a script."""


class AttachmentStatus(models.TextChoices):
    """Where the file is."""

    WAITING = "waiting", _("Waiting to be fetched")
    KEPT = "kept", _("Kept")
    REFUSED = "refused", _("Refused")  # of a type, a size or a place that we do not take
    LOST = "lost", _("Lost")  # the provider did not give it, often enough


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    """Questions about files."""

    def visible_to(self, user: User) -> AttachmentQuerySet:
        """Files of messages this user may see, and uploads for streams on which they see everything."""
        from conversations.models.message import Message
        from conversations.models.stream import Stream

        of_message = Exists(Message.objects.visible_to(user).filter(pk=OuterRef("message")))
        return self.filter(Q(stream__in=Stream.objects.visible_to(user)) & (Q(message=None) | of_message))


class Attachment(models.Model):
    """One file. Its name on disk is made up; the name it came with is only ever shown.

    Providers' terms: uploadmedia id, attachment (Cirrus); photo, video, audio (CCAI Platform).
    """

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    stream = models.ForeignKey("conversations.Stream", on_delete=models.PROTECT, related_name="attachments")
    message = models.ForeignKey(
        "conversations.Message", on_delete=models.CASCADE, null=True, blank=True, related_name="attachments"
    )
    position = models.PositiveSmallIntegerField(default=0, help_text=_("Its place among the files of the message."))
    kind = models.CharField(max_length=10)
    content_type = models.CharField(max_length=100, blank=True)
    filename = models.CharField(max_length=200, blank=True, help_text=_("As it was called when it came."))
    size = models.PositiveBigIntegerField(default=0, help_text=_("Bytes."))
    stored_as = models.CharField(max_length=80, blank=True, help_text=_("Its made-up name on disk."))
    status = models.CharField(max_length=8, choices=AttachmentStatus.choices, default=AttachmentStatus.WAITING)
    problem = models.CharField(max_length=300, blank=True)
    link = models.CharField(max_length=2000, blank=True, help_text=_("Where the provider keeps it."))
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    external_id = models.CharField(max_length=200, blank=True, help_text=_("Its id at the provider."))
    external_until = models.DateTimeField(null=True, blank=True, help_text=_("Until when that id is good."))
    uploaded_by = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="uploads"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(condition=Q(status__in=AttachmentStatus.values), name="attachment_status_known"),
            models.UniqueConstraint(
                fields=("message", "position"), condition=Q(message__isnull=False), name="attachment_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=("next_try_at",), name="attachment_to_fetch", condition=Q(status=AttachmentStatus.WAITING)
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"

    @property
    def saved_as(self) -> str:
        """The name for whoever keeps the file: as it came, with the ending of what it is if it has another."""
        name = self.filename or self.kind
        if not self.content_type or mimetypes.guess_type(name)[0] == self.content_type:
            return name
        return f"{name}{mimetypes.guess_extension(self.content_type) or ''}"

    @property
    def is_shown_in_pages(self) -> bool:
        """May a page show it, rather than only offer it for keeping?"""
        return self.status == AttachmentStatus.KEPT and self.content_type in SHOWN_IN_PAGES
