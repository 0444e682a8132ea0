"""How a stream is doing, as a dot and a few words: what would keep a message from leaving now."""

from __future__ import annotations

from typing import NamedTuple

from django.utils import timezone

from conversations.models import Stream, StreamGate
from conversations.views.wording import account_health, clock

SWITCHED_OFF = "Switched off"


class Health(NamedTuple):
    """`tone` is good, warning, danger or empty."""

    tone: str
    words: str

    @property
    def is_worth_saying(self) -> bool:
        """Does it keep messages from leaving?"""
        return self.tone in ("warning", "danger") or self.words == SWITCHED_OFF


def stream_health(stream: Stream) -> Health:
    """The first thing that keeps messages from leaving. Of a stream with its account and, where there is one, gate."""
    now = timezone.now()
    if not stream.is_active or not stream.account.is_active:
        return Health("", SWITCHED_OFF)
    if stream.is_paused:
        until = stream.pause_ends_at
        return Health("warning", f"Paused until {clock(until)}" if until else "Paused")
    if stream.account.is_troubled:
        words = account_health(stream.account.health).words
        checked = stream.account.checked_at
        return Health("danger", f"{words}, checked {clock(checked)}" if checked else words)
    gate = _gate(stream)
    if gate is not None and gate.is_open:
        return Health("danger", "Not answering, tries again by itself")
    if gate is not None and gate.paused_until is not None and gate.paused_until > now:
        return Health("warning", f"The provider asks us to wait until {clock(gate.paused_until)}")
    if gate is not None and gate.timeouts:
        return Health("warning", "Slow: the last answer did not come in time")
    state = account_health(stream.account.health)
    return Health(state.tone, state.words)


def _gate(stream: Stream) -> StreamGate | None:
    try:
        return stream.gate
    except StreamGate.DoesNotExist:
        return None
