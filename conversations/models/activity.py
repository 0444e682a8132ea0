"""What people and the system did to a conversation, and the flags it carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from conversations.models.team import User


class ActivityKind(models.TextChoices):
    """What was done."""

    OPENED = "opened", _("Opened")
    REMARK = "remark", _("Remark")
    STATUS_CHANGE = "status_change", _("Status changed")
    ASSIGNMENT = "assignment", _("Assigned")
    TAG_ADDED = "tag_added", _("Tag added")
    TAG_REMOVED = "tag_removed", _("Tag removed")
    INDICATOR_SET = "indicator_set", _("Indicator set")
    INDICATOR_REMOVED = "indicator_removed", _("Indicator removed")
    OPT_IN = "opt_in", _("Opted in")
    OPT_OUT = "opt_out", _("Opted out")
    OPT_OUT_QUESTION = "opt_out_question", _("May have asked us to stop")
    OPT_OUT_ANSWER = "opt_out_answer", _("Said whether it was an opt-out")
    MESSAGE_CANCELLED = "message_cancelled", _("Message cancelled")
    MERGED = "merged", _("Contacts merged")
    PHONE_MESSAGE = "phone_message", _("Said on the phone")
    PROVIDER = "provider", _("Noted by the provider")


class PushState(models.TextChoices):
    """Has the provider been told?"""

    LOCAL = "local", _("Kept here")  # the provider has no place for it, or told us of it
    QUEUED = "queued", _("Not yet pushed")
    PUSHED = "pushed", _("Pushed")
    FAILED = "failed", _("Refused")
    UNCONFIRMED = "unconfirmed", _("Not confirmed")  # it may have arrived: looked up before it is pushed again


TO_PUSH = (PushState.QUEUED, PushState.UNCONFIRMED)


class ActivityQuerySet(models.QuerySet["Activity"]):
    """Questions about activities."""

    def to_push(self) -> ActivityQuerySet:
        """What the provider has still to be told, or asked about."""
        return self.filter(push_state__in=TO_PUSH)

    def mentioning(self, user: User) -> ActivityQuerySet:
        """The remarks that name this user."""
        return self.filter(mentions=user.pk)

    def open_questions(self) -> ActivityQuerySet:
        """Whether a customer meant an opt-out, where nobody has said yet."""
        answers = Activity.objects.filter(
            conversation=OuterRef("conversation"),
            kind=ActivityKind.OPT_OUT_ANSWER,
            data__question=Cast(Cast(OuterRef("pk"), models.TextField()), models.JSONField()),
        )
        return self.filter(~Exists(answers), kind=ActivityKind.OPT_OUT_QUESTION)


class Activity(models.Model):
    """One thing done to a conversation: append-only. A remark is an activity of kind `remark`.

    Providers' terms: activity, activity log, remark (Cirrus).
    """

    conversation = models.ForeignKey("conversations.Conversation", on_delete=models.CASCADE, related_name="activities")
    kind = models.CharField(max_length=20, choices=ActivityKind.choices)
    actor = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="activities"
    )
    text = models.TextField(blank=True)
    mentions = models.ManyToManyField("conversations.User", related_name="mentioned_in", blank=True)
    data = models.JSONField(default=dict, blank=True)
    external_id = models.CharField(max_length=64, blank=True)
    push_state = models.CharField(max_length=12, choices=PushState.choices, default=PushState.LOCAL)
    push_text = models.CharField(max_length=300, blank=True, help_text="Why it waits, or the provider's refusal.")
    push_ref = models.UUIDField(null=True, blank=True, editable=False)
    push_claim = models.UUIDField(null=True, blank=True, editable=False)
    push_lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    push_on_wire_at = models.DateTimeField(null=True, blank=True, editable=False)
    push_tries = models.PositiveIntegerField(default=0, editable=False)
    push_next_at = models.DateTimeField(null=True, blank=True, editable=False)
    pushed_at = models.DateTimeField(null=True, blank=True)
    occurred_at = models.DateTimeField(default=timezone.now)

    objects = ActivityQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "activities"
        indexes = [
            models.Index(fields=("conversation", "id"), name="activity_of_conversation"),
            models.Index(fields=("conversation", "id"), name="activity_to_push", condition=Q(push_state__in=TO_PUSH)),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class Indicator(models.Model):
    """A flag on a conversation with a title and maybe a link.

    Providers' terms: custom indicator, IndicatorId / Title / DisplayClass / Link (Cirrus).
    """

    conversation = models.ForeignKey("conversations.Conversation", on_delete=models.CASCADE, related_name="indicators")
    key = models.CharField(max_length=64)
    title = models.CharField(max_length=100)
    display_class = models.CharField(max_length=64, blank=True)
    link = models.URLField(max_length=500, blank=True)
    created_by = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="indicators"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=("conversation", "key"), condition=Q(removed_at__isnull=True), name="indicator_once"
            )
        ]

    def __str__(self) -> str:
        return self.title
