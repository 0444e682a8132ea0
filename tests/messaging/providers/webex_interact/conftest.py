"""Recorded payloads, written from the provider's documents, and the account that every test calls with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from messaging.providers.base import Account
from messaging.types import Answer

PAYLOADS = Path(__file__).parent / "payloads"


@pytest.fixture
def account() -> Account:
    return Account("https://api.webexinteract.com", {"access_key": "aky_2rLDt24N3TpQklpvfI6qN9rwHa0"})


@pytest.fixture
def payload() -> Callable[[str], bytes]:
    """The bytes of a recorded payload."""
    return lambda case: (PAYLOADS / f"{case}.json").read_bytes()


@pytest.fixture
def answered(payload: Callable[[str], bytes]) -> Callable[..., Answer]:
    """A recorded payload as an answer."""
    return lambda case, status=200: Answer(status, {}, payload(case))
