"""One sandbox process for the folder's tests, emptied before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .playing import FAST, PlayedSandbox, Receiver

PROVIDERS = ("cirrus", "ccai_platform", "webex_interact")


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlayedSandbox]:
    """The process."""
    played = PlayedSandbox(tmp_path_factory.mktemp("sandbox"))
    yield played
    played.stop()


@pytest.fixture
def sandbox(sandbox_process: PlayedSandbox) -> PlayedSandbox:
    """An empty sandbox with its standing accounts, no webhook address, and quick reports."""
    sandbox_process.control("reset", accounts={"webhook_url": "", **FAST})
    return sandbox_process


@pytest.fixture
def receiver(sandbox: PlayedSandbox) -> Iterator[Receiver]:
    """A product that all standing accounts send their webhooks to."""
    product = Receiver()
    sandbox.control("seed", webhook_urls=dict.fromkeys(PROVIDERS, product.url))
    yield product
    product.stop()
