"""How guessing of passwords is slowed down; django-axes counts, in PostgreSQL.

Five failures from one address for one e-mail address shut it for a minute, the next five for two, then four, eight
and fifteen; nobody is locked out for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from axes.helpers import get_client_ip_address, get_client_username
from axes.models import AccessFailureLog
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

LONGEST_WAIT = timedelta(minutes=15)
REMEMBERED = timedelta(hours=1)


def username_of(request: HttpRequest | None, credentials: Mapping[str, str] | None = None) -> str:
    """The e-mail address that somebody wants to sign in with, in the one spelling that counts."""
    given = (credentials or {}).get("username") or (request.POST.get("username", "") if request else "")
    return given.strip().lower()[:255]


def wait_after_failures(request: HttpRequest | None) -> timedelta:
    """How long sign-in stays shut after the latest failures of this address and e-mail address."""
    if request is None:
        return LONGEST_WAIT
    failures = AccessFailureLog.objects.filter(
        username=get_client_username(request),
        ip_address=get_client_ip_address(request),
        attempt_time__gt=timezone.now() - REMEMBERED,
    ).count()
    rounds = max(failures // settings.AXES_FAILURE_LIMIT, 1)
    return min(timedelta(minutes=2 ** min(rounds - 1, 8)), LONGEST_WAIT)
