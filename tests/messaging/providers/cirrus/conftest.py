"""Recorded payloads, written from the vendor's documents, and the account that every test calls with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from messaging.providers.base import Account
from messaging.types import Answer, Channel, HookRequest, StreamConfig

PAYLOADS = Path(__file__).parent / "payloads"


@pytest.fixture
def account() -> Account:
    return Account("https://api.commbox.io", {"api_key": "k-123"})


@pytest.fixture
def sms_stream() -> StreamConfig:
    return StreamConfig(Channel.SMS, external_id="hNyRN_fLUy7rrOrN9jLpipA==")


@pytest.fixture
def whatsapp_stream() -> StreamConfig:
    return StreamConfig(Channel.WHATSAPP, external_id="hNyRN_fLUy7rrOrN9jLpipA==", settings={"stream_id": "532"})


@pytest.fixture
def payload() -> Callable[[str], bytes]:
    """The bytes of a recorded payload."""
    return lambda name: (PAYLOADS / name).read_bytes()


@pytest.fixture
def answered() -> Callable[..., Answer]:
    """An answer whose HTTP status is the number in the recorded file's name, unless another is given."""

    def make(name: str, *, status: int | None = None, **headers: str) -> Answer:
        wire_headers = {key.replace("_", "-"): value for key, value in headers.items()}
        return Answer(status or int(name.split("_")[1].split(".")[0]), wire_headers, (PAYLOADS / name).read_bytes())

    return make


@pytest.fixture
def hook() -> Callable[..., HookRequest]:
    """A webhook call with a body, or with a recorded one."""

    def make(body: bytes | str, **headers: str) -> HookRequest:
        content = (PAYLOADS / body).read_bytes() if isinstance(body, str) else body
        wire_headers = {key.replace("_", "-"): value for key, value in headers.items()}
        return HookRequest("POST", wire_headers, content, datetime(2026, 3, 1, 12, 0, tzinfo=UTC))

    return make
