"""An account with a provider."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from conversations.models.fields import EncryptedJSONField
from messaging.registry import provider_class, provider_classes


def provider_choices() -> list[tuple[str, str]]:
    """Every provider the registry finds, for forms."""
    return [(slug, cls.label) for slug, cls in provider_classes().items()]


def new_webhook_token() -> str:
    """43 characters that nobody can guess: the secret part of a webhook address."""
    return secrets.token_urlsafe(32)


class AccountHealth(models.TextChoices):
    """What the last call or test said of an account."""

    UNCHECKED = "unchecked", _("Not checked yet")
    WORKING = "working", _("Working")
    NEEDS_CREDENTIALS = "needs_credentials", _("Credentials refused")
    UNREACHABLE = "unreachable", _("Not answering")


class ProviderAccount(models.Model):
    """An account that the centre pays for, with its address and credentials.

    Providers' terms: account / API key (Cirrus), subdomain and token (CCAI Platform), API project / access key
    (Webex Interact).
    """

    name = models.CharField(max_length=100, unique=True)
    provider = models.CharField(max_length=40, choices=provider_choices)
    base_url = models.CharField(
        _("address"), max_length=300, blank=True, help_text=_("Empty: the provider's own address.")
    )
    credentials = EncryptedJSONField(blank=True, default=dict)
    is_active = models.BooleanField(default=True)
    webhook_token = models.CharField(max_length=64, unique=True, default=new_webhook_token, editable=False)
    health = models.CharField(max_length=20, choices=AccountHealth.choices, default=AccountHealth.UNCHECKED)
    health_text = models.CharField(max_length=500, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        constraints = [models.CheckConstraint(condition=~models.Q(name=""), name="account_has_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def provider_label(self) -> str:
        """The provider's name for people."""
        return provider_class(self.provider).label

    @property
    def is_troubled(self) -> bool:
        """Does what is sent now wait, because the provider refuses us or does not answer?"""
        return self.health in (AccountHealth.NEEDS_CREDENTIALS, AccountHealth.UNREACHABLE)

    @property
    def address(self) -> str:
        """The base address calls go to, without a slash at the end."""
        if self.base_url:
            return self.base_url.rstrip("/")
        provider = provider_class(self.provider)
        address = provider.default_base_url
        for option in provider.credential_options:
            address = address.replace(
                "{" + option.name + "}", (self.credentials or {}).get(option.name) or option.default
            )
        return address.rstrip("/")

    @property
    def is_sandbox(self) -> bool:
        """Does this account speak to the sandbox on this machine? Only then are fictional numbers accepted."""
        try:
            host = urlsplit(self.base_url).netloc
        except ValueError:  # no address at all: a call says so
            return False
        return bool(settings.SANDBOX_URL) and host == urlsplit(settings.SANDBOX_URL).netloc

    @property
    def webhook_url(self) -> str:
        """The address to enter at the provider; it is a secret."""
        return f"{settings.BASE_URL}/hooks/{self.webhook_token}/"
