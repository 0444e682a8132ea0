"""docs/webhooks.md: what its readers copy works."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from conversations.models.outgoing import TEST_KIND, OutgoingKind
from conversations.services.outgoing import delivering, signing
from tests.conversations.outgoing_webhooks.conftest import Consumer, subscribe
from tests.conversations.outgoing_webhooks.test_delivering import receive

TEXT = (Path(settings.BASE_DIR) / "docs" / "webhooks.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    return found[1]


def test_every_event_is_described() -> None:
    described = set(re.findall(r"^\| `([a-z._]+)` \|", TEXT, re.MULTILINE))
    assert described == {*OutgoingKind.values, TEST_KIND}


def test_the_example_verifies_what_we_sign() -> None:
    names: dict[str, Any] = {}
    exec(block("python"), names)
    is_ours, secret, body = names["is_ours"], signing.new_secret(), b'{"id": "1"}'
    now = int(time.time())
    header = signing.signature([secret, signing.new_secret()], timestamp=now, body=body)
    assert is_ours(header, body, secret)
    assert is_ours(signing.signature([signing.new_secret(), secret], timestamp=now, body=body), body, secret)
    assert not is_ours(header, body + b" ", secret)
    assert not is_ours(header, body, signing.new_secret())
    assert not is_ours(header, body, secret.removeprefix(signing.PREFIX))
    assert not is_ours(signing.signature([secret], timestamp=now - 301, body=body), body, secret)
    assert not is_ours("nonsense", body, secret)


@pytest.mark.django_db
def test_the_example_has_the_shape_of_what_is_sent(consumer: Consumer) -> None:
    subscription = subscribe(consumer.url, "message.received")
    receive()
    delivering.tell([subscription.pk])
    assert shape(consumer.told[0]) == shape(json.loads(block("json")))


def shape(value: Any) -> Any:
    return {name: shape(one) for name, one in value.items()} if isinstance(value, dict) else None
