"""Keys with which programs use the JSON API, and the answers that each of their writes got."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ApiScope(models.TextChoices):
    """What a key may be used for; its user needs the right to it as well."""

    READ = "read", _("Read what its user sees")
    SEND = "send", _("Write to customers, and work on conversations")
    BULK = "bulk", _("Send campaigns")
    CONSENT = "consent", _("Record opt-ins and opt-outs")
    ADMIN = "admin", _("Change contacts, templates and webhooks")


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Questions about keys."""

    def in_use(self, at: datetime) -> ApiKeyQuerySet:
        """Neither revoked nor expired, of somebody who works here."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=at), revoked_at=None, user__is_active=True)


class ApiKey(models.Model):
    """One program's key. It acts for its `user`, on `streams` only where any are named; its secret is not kept.

    Providers' terms: API key (Cirrus, Webex Interact), token (CCAI Platform); theirs are in ProviderAccount.
    """

    name = models.CharField(max_length=100, help_text=_("Which program has it."))
    prefix = models.CharField(max_length=8, unique=True, editable=False, help_text=_("By which people know it."))
    hashed_key = models.CharField(max_length=64, editable=False)
    former_prefix = models.CharField(max_length=8, blank=True, editable=False, db_index=True)
    former_hashed_key = models.CharField(max_length=64, blank=True, editable=False)
    former_ends_at = models.DateTimeField(
        _("former ends"), null=True, blank=True, editable=False, help_text=_("Until when the key before it works.")
    )
    user = models.ForeignKey(
        "conversations.User",
        on_delete=models.PROTECT,
        related_name="api_keys",
        help_text=_("Whom it acts for: it sees and may do what this person does, and no more."),
    )
    scopes = ArrayField(models.CharField(max_length=10, choices=ApiScope.choices))
    streams = models.ManyToManyField(
        "conversations.Stream",
        blank=True,
        related_name="api_keys",
        help_text=_("The only streams that it may touch. None: all that its user sees."),
    )
    rate_per_minute = models.PositiveIntegerField(
        _("requests a minute"), default=300, validators=[MinValueValidator(1)], help_text=_("More are answered 429.")
    )
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True, help_text=_("Empty: never."))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        "conversations.User", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ApiKeyQuerySet.as_manager()

    # The whole key, on the row of the page that makes it and shows it once; kept nowhere.
    text: str = ""

    class Meta:
        verbose_name = "API key"
        ordering = ("name", "id")
        constraints = [
            models.CheckConstraint(
                condition=Q(scopes__contained_by=ApiScope.values) & ~Q(scopes=[]), name="api_key_scopes_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} (pk_{self.prefix})"

    @property
    def is_in_use(self) -> bool:
        """Does it work now, as far as the key itself says?"""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())


class IdempotentRequest(models.Model):
    """A write that was done, and its answer, so that the same again does nothing. Kept for a week.

    Providers' terms: custom_uniq_id (Cirrus); the others have none.
    """

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="requests")
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the method, the address and the body.")
    status = models.PositiveSmallIntegerField(help_text="What it was answered.")
    body = models.TextField(blank=True)
    conversation = models.ForeignKey(
        "conversations.Conversation",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="What the answer is about: it goes when the person is erased.",
    )
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=("api_key", "key"), name="idempotent_request_once")]

    def __str__(self) -> str:
        return f"{self.status} at {self.created_at:%Y-%m-%d %H:%M:%S}"
