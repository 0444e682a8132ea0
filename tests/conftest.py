"""What every test may use. The servers are real: PostgreSQL and Valkey of the `test` profile, in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import django_rq
import pytest

from config import local_services


def pytest_configure(config: pytest.Config) -> None:
    local_services.ensure_running()


def pytest_unconfigure(config: pytest.Config) -> None:
    local_services.release()


@pytest.fixture(autouse=True)
def _empty_queues() -> Iterator[None]:
    """Each test starts with empty queues: hints of an earlier test would name its rows."""
    django_rq.get_connection("default").flushdb()
    yield


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Any) -> None:
    """Argon2 is slow on purpose; no test is about its strength."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
