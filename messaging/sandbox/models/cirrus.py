"""What Cirrus / CommBox keeps: conversations, their messages, activities and indicators, and uploaded files."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from .accounts import SandboxAccount, SandboxStream


class CirrusTag(models.Model):
    """A word that conversations are sorted by.

    Providers' terms: Cirrus tag.
    """

    account = models.ForeignKey(SandboxAccount, on_delete=models.CASCADE, related_name="tags")
    tag_id = models.BigIntegerField()
    name = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "tag_id"], name="sandbox_tag_id")]
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class CirrusObject(models.Model):
    """A conversation with one customer in one stream.

    Providers' terms: Cirrus object.
    """

    account = models.ForeignKey(SandboxAccount, on_delete=models.CASCADE, related_name="objects_kept")
    stream = models.ForeignKey(SandboxStream, on_delete=models.CASCADE, related_name="objects_kept")
    object_id = models.BigIntegerField(unique=True)
    sub_stream_id = models.BigIntegerField(default=0)
    type = models.IntegerField(default=4)
    status_id = models.IntegerField(default=1)
    phone = models.CharField(max_length=20, blank=True)  # E.164 of the customer, where it is a phone number
    stream_provider_id = models.CharField(max_length=255, blank=True)
    stream_provider_type = models.IntegerField(default=5)
    user_stream_provider_id = models.CharField(max_length=255, blank=True)
    user_stream_provider_type = models.IntegerField(default=5)
    user_identity = models.BigIntegerField(default=0)
    user = models.JSONField(default=dict, blank=True)  # as the caller gave it
    manager_id = models.BigIntegerField(default=0)  # who opened it; 0: the customer
    assigned_manager_id = models.BigIntegerField(default=0)
    content = models.JSONField(default=dict, blank=True)
    message = models.TextField(blank=True)  # the last one
    tags = models.ManyToManyField(CirrusTag, related_name="objects_kept", blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["stream", "phone"], name="sandbox_object_phone")]
        ordering = ["id"]

    def __str__(self) -> str:
        return f"Object {self.object_id}"


class CirrusChild(models.Model):
    """One message in a conversation.

    Providers' terms: Cirrus child.
    """

    object = models.ForeignKey(CirrusObject, on_delete=models.CASCADE, related_name="childs")
    child_id = models.BigIntegerField(unique=True)
    type = models.IntegerField(default=4)
    is_manager = models.BooleanField(default=False)
    manager_id = models.BigIntegerField(default=0)
    message = models.TextField(blank=True)
    content = models.TextField(blank=True)  # a JSON string on this wire
    user_stream_provider_id = models.CharField(max_length=255, blank=True)
    user_stream_provider_type = models.IntegerField(default=5)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"Child {self.child_id}"


class CirrusActivity(models.Model):
    """Something that happened to a conversation: a remark, a change of status, a note from outside.

    Providers' terms: Cirrus activity.
    """

    object = models.ForeignKey(CirrusObject, on_delete=models.CASCADE, related_name="activities")
    type = models.IntegerField()
    manager_id = models.BigIntegerField(default=0)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"Activity {self.type}"


class CirrusIndicator(models.Model):
    """A small icon that a caller put on a conversation.

    Providers' terms: Cirrus custom indicator.
    """

    object = models.ForeignKey(CirrusObject, on_delete=models.CASCADE, related_name="indicators")
    indicator_id = models.CharField(max_length=255)
    title = models.CharField(max_length=255)
    display_class = models.CharField(max_length=255, blank=True)
    icon = models.CharField(max_length=255, blank=True)
    link = models.CharField(max_length=2000, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["object", "indicator_id"], name="sandbox_indicator_id")]
        ordering = ["id"]

    def __str__(self) -> str:
        return self.title


class CirrusMedia(models.Model):
    """A file: uploaded for a template, or attached by a customer.

    Providers' terms: Cirrus media id.
    """

    account = models.ForeignKey(SandboxAccount, on_delete=models.CASCADE, related_name="media")
    media_id = models.CharField(max_length=40, unique=True)
    filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=100, blank=True)
    data = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.filename
