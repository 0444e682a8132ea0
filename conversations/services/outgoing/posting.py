"""One request to another system and what it came to. Nothing here touches the database: threads call it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from conversations.services import accounts
from conversations.services.outgoing import signing
from messaging.errors import ConfigurationError, ProviderError
from messaging.transport import Transport
from messaging.types import Request

LARGEST_ANSWER = 64 * 1024  # bytes; nothing of an answer is read or kept


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent for one delivery."""

    delivery_id: int
    event_id: str
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of it. `status` is None without an answer; `problem` is empty when it arrived."""

    delivery_id: int
    status: int | None
    seconds: float
    problem: str


@cache
def transport() -> Transport:
    """The transport of this process: the hosts that the site allows for providers may be told too."""
    return Transport(
        extra_hosts=accounts.transport().extra_hosts,
        connect_seconds=settings.WEBHOOK_CONNECT_SECONDS,
        read_seconds=settings.WEBHOOK_TOTAL_SECONDS,
        total_seconds=settings.WEBHOOK_TOTAL_SECONDS,
    )


def check_address(url: str) -> None:
    """Raise ValidationError (`address`) unless the address is https on port 443, or of a host that the site allows.

    Where its name leads to is looked at when something is sent: that can change.
    """
    try:
        transport().check_address(url, _hosts(url))
    except ConfigurationError as error:
        if "not one of this provider's" in str(error):
            text = "An address begins with https:// and names no port but 443. EXTRA_PROVIDER_HOSTS may allow another."
            raise ValidationError(text, code="address") from error
        raise ValidationError(str(error), code="address") from error


def send(url: str, letter: Letter, *, secrets: Sequence[str], timestamp: int) -> Reply:
    """Post one letter, once; follows no redirect. Only an answer of 200 to 299 says that it arrived. Never raises."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Parley-Webhooks",
        "Parley-Event": letter.kind,
        "Parley-Event-Id": letter.event_id,
        signing.HEADER: signing.signature(secrets, timestamp=timestamp, body=letter.body),
    }
    request = Request("POST", url, headers, letter.body)
    try:
        answer = transport().send(
            request, hosts=_hosts(url), largest=LARGEST_ANSWER, public_only=True, status_alone=True
        )
    except (ConfigurationError, ProviderError) as error:
        return Reply(letter.delivery_id, None, transport().total_seconds, str(error)[:300])
    problem = ""
    if 300 <= answer.status < 400:
        problem = "It answered with a redirect, which is not followed. Enter the address where it leads."
    elif not 200 <= answer.status < 300:
        problem = f"It answered {answer.status}."
    return Reply(letter.delivery_id, answer.status, answer.seconds, problem)


def _hosts(url: str) -> list[str]:
    try:
        return [urlsplit(url).hostname or ""]
    except ValueError:
        return []
