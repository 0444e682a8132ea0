"""Where providers call us: whose address a token is, and new addresses.

An account has one address for all its streams; a stream may have one of its own beside it, whose secret rotates.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone

from conversations.models import HookSecret, ProviderAccount, Stream, User
from conversations.models.account import new_webhook_token
from conversations.models.audit import AuditAction
from conversations.models.composed import Joined
from conversations.models.hook import digest_of
from conversations.services import audit

TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
CHANGEOVER = timedelta(days=7)  # how long the former address goes on, unless somebody ends it sooner


class Target(NamedTuple):
    """Whose address was called: an account's, or that of one of its streams."""

    account: ProviderAccount
    stream: Stream | None = None


def target_of(token: str) -> Target | None:
    """Whose address this is; None for a token that nobody has, or has no more."""
    if not TOKEN.fullmatch(token):
        return None
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNT, [token])
        found = cursor.fetchone()
    if found is not None:
        (account,) = _ROW.read(found)
        return Target(account)
    now = timezone.now()
    secret = HookSecret.objects.valid(now).filter(digest=digest_of(token)).select_related("stream__account").first()
    if secret is None:
        return None
    HookSecret.objects.filter(pk=secret.pk).update(last_called_at=now)
    return Target(secret.stream.account, secret.stream)


# Written out: a campaign brings a call for each of its people, and Django composes a statement longer than it takes.
_ROW = Joined(account=ProviderAccount)
_ACCOUNT = f"SELECT {_ROW.columns} FROM conversations_provideraccount AS account WHERE webhook_token = %s"  # noqa: S608


@transaction.atomic
def new_account_address(account: ProviderAccount, *, actor: User | None, request: HttpRequest | None = None) -> None:
    """Give an account a new address. Calls to the former are turned away from now on: it has no week of changeover."""
    account.webhook_token = new_webhook_token()
    account.save(update_fields=["webhook_token"])
    audit.record(
        AuditAction.ACCOUNT_CHANGED, actor=actor, subject=account, summary="New webhook address.", request=request
    )


@transaction.atomic
def new_address(stream: Stream, *, actor: User | None) -> str:
    """Give a stream a new address and return it: it is kept as a digest and cannot be shown again.

    The present one goes on for a week, so that it can be changed at the provider; one that was going out ends now.
    """
    Stream.objects.select_for_update(no_key=True).get(pk=stream.pk)
    now = timezone.now()
    stream.hook_secrets.valid(now).exclude(ends_at=None).update(ends_at=now)
    stream.hook_secrets.filter(ends_at=None).update(ends_at=now + CHANGEOVER)
    token = new_webhook_token()
    HookSecret.objects.create(stream=stream, digest=digest_of(token), ending=token[-4:], created_by=actor)
    audit.record(
        AuditAction.STREAM_CHANGED, actor=actor, subject=stream, summary=f"New webhook address, ending in {token[-4:]}."
    )
    return f"{settings.BASE_URL}/hooks/{token}/"


@transaction.atomic
def end_former(stream: Stream, *, actor: User | None) -> None:
    """Stop taking calls at the former address. Raises ValidationError (`none_former`) when there is none."""
    now = timezone.now()
    if not stream.hook_secrets.valid(now).exclude(ends_at=None).update(ends_at=now):
        raise ValidationError("The former address has ended already.", code="none_former")
    audit.record(AuditAction.STREAM_CHANGED, actor=actor, subject=stream, summary="Former webhook address ended.")
