"""This process's way to Valkey."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from redis import Redis


def broker() -> Redis:
    """A client that keeps its connections: django-rq's own would connect anew for each command.

    Safe between threads; after a fork the client opens connections of its own.
    """
    return _client_of(settings.RQ_QUEUES["default"]["URL"])


@cache
def _client_of(url: str) -> Redis:
    return Redis.from_url(url)
