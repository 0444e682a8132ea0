"""A window leaves, wave after wave, and what all of it came to is stored at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.conf import settings
from django.db import transaction

from conversations.services import consent, pacing, spool
from conversations.services.campaigns import recording, wave
from conversations.services.campaigns.statements import mark_on_wire
from conversations.services.campaigns.taking import MOST_AT_ONCE, Taken, refused_among
from conversations.services.exchange import Fenced, kept_of

QUICK_SECONDS = 0.25  # a wave that takes no longer may be followed by a window of several


def send(taken: Taken, threads: ThreadPoolExecutor) -> bool:
    """Send a window and store what it came to; returns whether the provider was quick and judged everybody.

    A wave that was not judged whole is the last. A fault of ours that kept one back is raised once the answers to those
    before it are stored.
    """
    began, answered, fault = time.monotonic(), 0, None
    while answered < len(taken.calls):
        leaving = taken.calls[answered : answered + MOST_AT_ONCE]
        put_on_wire = partial(_put_on_wire, taken, taken.calls[:answered])
        fault = wave.send(taken.provider, leaving, put_on_wire, threads)
        if not all(call.was_judged for call in leaving):
            break
        answered += len(leaving)
    if fault is not None and answered == 0:
        raise fault
    waves = -(-answered // MOST_AT_ONCE)
    is_quick = answered == len(taken.calls) and time.monotonic() - began <= waves * QUICK_SECONDS
    _store(taken)
    if fault is not None:
        raise fault
    return is_quick


def _put_on_wire(taken: Taken, answered: Sequence[wave.Call], leaving: Sequence[wave.Call]) -> None:
    """The second commit: runs when the connections of `leaving` stand. Raises Fenced when nothing may be written.

    Of those that have left before no outcome is stored yet: they stay on the wire.
    """
    chunk, campaign = taken.chunk, taken.campaign
    with transaction.atomic():
        consent.bulk_lock(campaign.stream.channel, shared=True)
        if refused_among(chunk, campaign, [place for call in leaving for place in call.places]):
            raise Fenced("somebody has opted out meanwhile")
        at = mark_on_wire(
            chunk,
            {str(call.attempt.claim): call.places for call in (*answered, *leaving)},
            [call.attempt.pk for call in leaving],
            lease=settings.DELIVERY_TOTAL_SECONDS + settings.DELIVERY_MARGIN_SECONDS,
        )
        if at is None:
            raise Fenced("the claim is over, or the campaign does not run")
    for call in leaving:
        call.attempt.on_wire_at = at


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
