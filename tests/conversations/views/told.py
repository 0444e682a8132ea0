"""What a page tells whoever did something, and the message on its page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from conversations.models import Message
from tests.conversations.views.reading import HX, Element, read

BOTH_WAYS = pytest.mark.parametrize("headers", [{}, HX], ids=["plain", "htmx"])


def toast(response: Any) -> dict[str, str]:
    """The notice that the page shows."""
    found: dict[str, str] = json.loads(response["HX-Trigger"])["parley:toast"]
    return found


def sentences(response: Any) -> list[str]:
    """What a plain browser is told on the next page."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def told(response: Any) -> str:
    """What somebody is told, with or without a script."""
    return toast(response)["text"] if "HX-Trigger" in response else sentences(response)[0]


def shown(client: Client, message: Message) -> Element:
    """The message on the page of its conversation."""
    return read(client.get(f"/c/{message.conversation_id}/")).one("article", id=f"message-{message.pk}")
