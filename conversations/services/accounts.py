"""Provider accounts: making a provider ready to call, testing it, and the calls that are not messages."""

from __future__ import annotations

from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from conversations.models import CampaignChunk, Message, ProviderAccount, Stream
from conversations.models.account import AccountHealth
from conversations.models.campaign import ChunkStatus
from conversations.models.message import MessageStatus
from messaging.errors import ConfigurationError, CredentialsRefused, ProviderError, UnsupportedFeature
from messaging.providers.base import Account, Provider
from messaging.registry import make_provider
from messaging.transport import Transport
from messaging.types import AccountHealth as Health
from messaging.types import UploadedMedia


@cache
def transport() -> Transport:
    """The transport of this process, with the hosts that the site allows."""
    hosts = set(settings.EXTRA_PROVIDER_HOSTS)
    if settings.SANDBOX_URL:
        hosts.add(urlsplit(settings.SANDBOX_URL).netloc)
    return Transport(
        extra_hosts=hosts,
        connect_seconds=settings.DELIVERY_CONNECT_SECONDS,
        read_seconds=settings.DELIVERY_READ_SECONDS,
        total_seconds=settings.DELIVERY_TOTAL_SECONDS,
    )


def provider_for(account: ProviderAccount) -> Provider:
    """The provider of an account, ready to call."""
    return make_provider(account.provider, Account(account.address, dict(account.credentials or {})), transport())


def check_account(account: ProviderAccount) -> Health:
    """Test address and credentials against the provider, and keep what came of it.

    A success wakes what waited for the account's repair.
    """
    try:
        health = provider_for(account).check()
    except (ConfigurationError, ProviderError) as error:
        health = Health(ok=False, sentence=str(error))
    if not health.ok:
        _keep_health(account, AccountHealth.UNREACHABLE, health.sentence)
    elif _keep_health(account, AccountHealth.WORKING):
        wake(account)
    return health


def wake(account: ProviderAccount) -> None:
    """Let messages and campaigns that waited for a repair of this account leave now."""
    Message.objects.filter(stream__account=account, status=MessageStatus.QUEUED).update(
        next_attempt_at=None, hinted_at=None
    )
    # What waits for quiet hours or a pace is told so again by whoever takes it.
    CampaignChunk.objects.filter(campaign__stream__account=account, status=ChunkStatus.READY).update(
        next_attempt_at=None, hinted_at=None
    )


def mark_credentials_refused(account: ProviderAccount, text: str) -> None:
    """Stop claiming messages of this account until somebody repairs it; the queue is kept."""
    _keep_health(account, AccountHealth.NEEDS_CREDENTIALS, text)


def mark_working(account: ProviderAccount) -> None:
    """A provider has accepted something: note it where that is news."""
    if account.health != AccountHealth.WORKING:
        _keep_health(account, AccountHealth.WORKING)


def _keep_health(account: ProviderAccount, health: AccountHealth, text: str = "") -> bool:
    """Write down what a call told of an account; False when it tells nothing of it any more.

    `account` is as the call read it. Where address or credentials are others by now, what the call told says nothing
    of them: it may come after the repair.
    """
    with transaction.atomic():
        now = ProviderAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        if (now.base_url, now.credentials) != (account.base_url, account.credentials):
            return False
        if health == AccountHealth.UNREACHABLE and now.health == AccountHealth.NEEDS_CREDENTIALS:
            health = AccountHealth.NEEDS_CREDENTIALS  # nobody has taken the refusal back
        account.health, account.health_text, account.checked_at = health, text[:500], timezone.now()
        account.save(update_fields=["health", "health_text", "checked_at"])
    return True


def validate_contact(*, stream: Stream, phone: str) -> bool:
    """Is this number (E.164) on WhatsApp? Advisory; many look-ups without messages can get a business banned.

    Raises ValidationError with the reason when the provider cannot say.
    """
    try:
        return provider_for(stream.account).validate_contact(stream.config, phone)
    except (ConfigurationError, UnsupportedFeature, ProviderError) as error:
        raise _as_validation_error(error) from error


def upload_media(*, stream: Stream, filename: str, content: bytes, content_type: str) -> UploadedMedia:
    """Give a file to the provider for use in templates; the id is good for 30 days.

    Raises ValidationError with the reason when the provider does not take it.
    """
    try:
        return provider_for(stream.account).upload_media(
            stream.config, filename=filename, content=content, content_type=content_type
        )
    except (ConfigurationError, UnsupportedFeature, ProviderError) as error:
        raise _as_validation_error(error) from error


def _as_validation_error(error: Exception) -> ValidationError:
    if isinstance(error, CredentialsRefused):
        return ValidationError(f"The provider refused the credentials: {error.text}", code=error.code)
    if isinstance(error, ProviderError):
        return ValidationError(f"The provider answered: {error.text}", code=error.code)
    return ValidationError(str(error), code="not_possible")
