"""The dot beside a stream says what keeps messages from leaving, the worst first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import Stream, StreamGate
from conversations.views.stream_health import stream_health
from tests import factories
from tests.conversations.views.conftest import Centre
from tests.conversations.views.reading import read

SOON = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("stream", "account", "gate", "tone", "words"),
    [
        ({}, {}, None, "good", "Working"),
        ({}, {"health": "unchecked"}, None, "", "Not checked yet"),
        ({"is_active": False}, {}, None, "", "Switched off"),
        ({}, {"is_active": False}, None, "", "Switched off"),
        ({"paused_until": datetime(9999, 1, 1, tzinfo=UTC)}, {}, None, "warning", "Paused"),
        ({"paused_until": "soon"}, {}, None, "warning", "Paused until "),
        ({}, {"health": "needs_credentials"}, None, "danger", "Credentials refused"),
        ({}, {"health": "unreachable"}, None, "danger", "Not answering"),
        ({}, {}, {"open_until": "soon"}, "danger", "Not answering, tries again by itself"),
        ({}, {}, {"paused_until": "soon"}, "warning", "The provider asks us to wait until "),
        ({}, {}, {"timeouts": 1}, "warning", "Slow"),
        ({}, {}, {}, "good", "Working"),
    ],
)
def test_each_state_has_its_tone_and_words(
    centre: Centre, agent: Client, stream: Any, account: Any, gate: Any, tone: str, words: str
) -> None:
    def filled(fields: dict[str, Any]) -> dict[str, Any]:
        return {name: timezone.now() + SOON if value == "soon" else value for name, value in fields.items()}

    line = factories.make_stream(factories.make_account(**{"health": "working", **account}), **filled(stream))
    if gate is not None:
        StreamGate.objects.update_or_create(stream=line, defaults=filled(gate))
    centre.team.team_streams.create(stream=line)
    health = stream_health(Stream.objects.select_related("account", "gate").get(pk=line.pk))
    assert health.tone == tone
    assert health.words.startswith(words)

    shown = read(agent.get("/")).one("a", href=f"/?view=all&stream={line.pk}")
    assert shown.one("span", class_="dot").attributes["class"] == (f"dot dot-{tone}" if tone else "dot")
    assert health.words.lower() in shown.text.lower()
