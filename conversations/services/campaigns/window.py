"""A window leaves, wave after wave, and what all of it came to is stored at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.db import transaction

from conversations.services import consent, pacing, spool
from conversations.services.campaigns import recording, wave
from conversations.services.campaigns.statements import mark_on_wire
from conversations.services.campaigns.taking import MOST_AT_ONCE, Taken, refused_among
from conversations.services.exchange import Fenced, kept_of

QUICK_SECONDS = 0.25  # a provider that takes no longer gets windows of several waves
LATE_SECONDS = 0.03  # one that takes longer is waited for: half a wave is prepared while the other is under way


@dataclass(frozen=True, slots=True)
class Pace:
    """How a provider answered a window: the seconds of the slowest wave, None when it did not judge everybody."""

    slowest: float | None = None

    @property
    def is_quick(self) -> bool:
        """May the next window have several waves?"""
        return self.slowest is not None and self.slowest <= QUICK_SECONDS

    @property
    def abreast(self) -> int:
        """How many waves of the next window are under way at a time, of MOST_AT_ONCE requests together."""
        return 2 if self.is_quick and self.slowest is not None and self.slowest > LATE_SECONDS else 1


def send(taken: Taken, threads: ThreadPoolExecutor, pace: Pace | None = None) -> Pace:
    """Send a window, as fits the pace of the one before, and store what it came to; returns its own pace.

    No wave follows when one is known not to be judged whole. A fault of ours that kept one back is raised once the
    answers to the others are stored.
    """
    abreast = (pace or Pace()).abreast
    size = MOST_AT_ONCE // abreast
    waves = deque(taken.calls[start : start + size] for start in range(0, len(taken.calls), size))
    on_wire: list[wave.Call] = []
    under_way: deque[wave.UnderWay] = deque()
    kept_back: Exception | None = None
    slowest = 0.0
    while waves or under_way:
        if waves and len(under_way) < abreast:
            leaving = wave.leave(taken.provider, waves.popleft(), partial(_put_on_wire, taken, on_wire), threads)
            under_way.append(leaving)
            kept_back = leaving.kept_back
            goes_on = kept_back is None
        else:
            answered = under_way.popleft()
            slowest = max(slowest, answered.wait())
            goes_on = answered.was_judged
        if not goes_on:
            waves.clear()
    fault = None if isinstance(kept_back, Fenced) else kept_back
    if fault is not None and not on_wire:
        raise fault
    _store(taken)
    if fault is not None:
        raise fault
    if not taken.calls:
        return pace or Pace()  # nobody was asked anything
    return Pace(slowest if all(call.was_judged for call in taken.calls) else None)


def _put_on_wire(taken: Taken, on_wire: list[wave.Call], leaving: Sequence[wave.Call]) -> None:
    """The second commit: runs when the connections of `leaving` stand. Raises Fenced when nothing may be written.

    Of those that are `on_wire` no outcome is stored yet: they stay there, and `leaving` join them.
    """
    chunk, campaign = taken.chunk, taken.campaign
    with transaction.atomic():
        consent.bulk_lock(campaign.stream.channel, shared=True)
        if refused_among(chunk, campaign, [place for call in leaving for place in call.places]):
            raise Fenced("somebody has opted out meanwhile")
        at = mark_on_wire(
            chunk,
            {str(call.attempt.claim): call.places for call in (*on_wire, *leaving)},
            [call.attempt.pk for call in leaving],
            lease=settings.DELIVERY_TOTAL_SECONDS + settings.DELIVERY_MARGIN_SECONDS,
        )
        if at is None:
            raise Fenced("the claim is over, or the campaign does not run")
    for call in leaving:
        call.attempt.on_wire_at = at
    on_wire.extend(leaving)


def _store(taken: Taken) -> None:
    kept = recording.Window(taken.chunk.pk, str(taken.chunk.claim), refused=taken.refused)
    attempts = {}
    for call in taken.calls:
        if call.done is None:
            continue
        attempt = attempts[str(call.attempt.claim)] = call.attempt
        call.done.describe(attempt)
        kept.requests.append(
            recording.RequestOutcome(
                claim=str(attempt.claim),
                places=list(call.places),
                attempt=kept_of(attempt),
                results=list(call.done.result.results),
                on_wire_at=attempt.on_wire_at.isoformat() if attempt.on_wire_at else None,
                request_id=call.done.result.request_id,
                retry_after=call.done.retry_after,
            )
        )
    kept.wait = _wait(taken, kept)
    spool.record_window_surely(kept, recording.AtHand(taken.campaign, attempts, taken.chunk.payload))


def _wait(taken: Taken, kept: recording.Window) -> float:
    """Seconds until those that were not accepted are tried again."""
    asked = [one.retry_after for one in kept.requests if one.retry_after is not None]
    return max(asked) if asked else pacing.backoff(taken.chunk.tries + 1).total_seconds()
