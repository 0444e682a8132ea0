"""The sandbox, for tests of the product that call a provider."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conversations.services import accounts
from tests.sandbox.playing import FAST, PlayedSandbox

PROVIDERS = ("cirrus", "ccai_platform", "webex_interact")


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlayedSandbox]:
    """One sandbox process for the folder."""
    played = PlayedSandbox(tmp_path_factory.mktemp("sandbox"))
    yield played
    played.stop()


@pytest.fixture
def product_sandbox(sandbox_process: PlayedSandbox, settings: Any) -> Iterator[PlayedSandbox]:
    """An empty sandbox that the product may call; it reports to nobody."""
    for provider in PROVIDERS:
        sandbox_process.control("accounts", provider=provider, webhook_url="", **FAST)
    sandbox_process.control("reset")
    settings.SANDBOX_URL = sandbox_process.url
    settings.EXTRA_PROVIDER_HOSTS = ["127.0.0.1:8100"]
    accounts.transport.cache_clear()
    yield sandbox_process
    accounts.transport.cache_clear()
