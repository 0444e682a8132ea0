"""The audit: who did what that others have to be able to see later. It only grows."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class AuditAction(models.TextChoices):
    """What is written down."""

    SIGNED_IN = "signed_in", _("Signed in")
    SIGN_IN_FAILED = "sign_in_failed", _("Sign-in failed")
    SIGNED_OUT = "signed_out", _("Signed out")
    PASSWORD_CHANGED = "password_changed", _("Changed the own password")
    SECOND_FACTOR = "second_factor", _("Changed a second factor")
    SESSIONS_ENDED = "sessions_ended", _("Signed a person out")
    PERSON_CHANGED = "person_changed", _("Changed a person")
    ROLE_GIVEN = "role_given", _("Gave a person another role")
    ROLE_CHANGED = "role_changed", _("Changed what a role may do")
    TEAM_CHANGED = "team_changed", _("Changed a team")
    API_KEY_CHANGED = "api_key_changed", _("Changed an API key")
    ACCOUNT_CHANGED = "account_changed", _("Changed a provider account")
    STREAM_CHANGED = "stream_changed", _("Changed a stream or its rules")
    WEBHOOK_CHANGED = "webhook_changed", _("Changed a webhook to another system")
    TEMPLATE_CHANGED = "template_changed", _("Changed a template")
    CONSENT_CHANGED = "consent_changed", _("Recorded permission by hand")
    UNCONFIRMED_DECIDED = "unconfirmed_decided", _("Decided on an unconfirmed message")
    EXPORTED = "exported", _("Downloaded data")
    SEEN_FROM_OUTSIDE = "seen_from_outside", _("Looked at customers of other teams")
    EMPTIED = "emptied", _("Emptied what is old")
    ERASED = "erased", _("Erased a person")


class AuditEntry(models.Model):
    """One thing that somebody did. No provider has a term for it.

    `subject` and `summary` name no customer and hold no number, no words of a message and no secret, so that an
    entry may stand when the customer is erased: a customer is `Contact 12`.
    """

    at = models.DateTimeField(_("when"), auto_now_add=True, db_index=True)
    action = models.CharField(max_length=30, choices=AuditAction.choices)
    actor = models.ForeignKey(
        "conversations.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("who")
    )
    address = models.GenericIPAddressField(_("from"), null=True, blank=True)
    subject_type = models.CharField(max_length=60, blank=True)
    subject_id = models.BigIntegerField(null=True, blank=True)
    subject = models.CharField(_("what"), max_length=200, blank=True)
    summary = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name = "entry of the audit"
        verbose_name_plural = "audit"
        ordering = ("-id",)
        constraints = [models.CheckConstraint(condition=Q(action__in=AuditAction.values), name="audit_action_known")]
        indexes = [
            models.Index(fields=("actor", "-id"), name="audit_actor_idx"),
            models.Index(fields=("action", "-id"), name="audit_action_idx"),
            models.Index(fields=("subject_type", "subject_id"), name="audit_subject_idx"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="audit_stands",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="RAISE EXCEPTION USING ERRCODE = 'CC006', MESSAGE = 'The audit only grows.';",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.subject}" if self.subject else self.get_action_display()
