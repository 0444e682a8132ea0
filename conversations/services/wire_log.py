"""Requests and answers as people may read them."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from conversations.models import Stream
from messaging.redaction import redact
from messaging.registry import provider_class


def readable(text: str, *, stream: Stream) -> str:
    """What went over the wire of a stream, without secrets and without whole phone numbers."""
    return redact(text, secrets=_secrets(stream)) if text else ""


def _secrets(stream: Stream) -> list[str]:
    try:
        account = stream.account
    except ImproperlyConfigured:
        return []  # the key of the credentials is lost: what looks like a secret is covered still
    given = account.credentials or {}
    return [
        str(given[option.name])
        for option in provider_class(account.provider).credential_options
        if option.secret and given.get(option.name)
    ]
