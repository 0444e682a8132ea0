"""Requests and answers as people read them."""

from __future__ import annotations

import pytest

from conversations.services.wire_log import readable
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("provider", "secret"),
    [
        ("cirrus", "sandbox-cirrus-key"),
        ("ccai_platform", "sandbox-ccai-token"),
        ("webex_interact", "aky_sandbox0000000000000000000"),
    ],
)
def test_the_credentials_of_the_account_never_show(provider: str, secret: str) -> None:
    stream = factories.make_stream(factories.make_account(provider))
    shown = readable(f"fernhill: {secret} wrote to +447700900142", stream=stream)
    assert shown == "fernhill: ••• wrote to •••0142"


def test_nothing_is_nothing() -> None:
    assert readable("", stream=factories.make_stream()) == ""
