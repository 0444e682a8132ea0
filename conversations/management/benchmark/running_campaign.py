"""A campaign under way in a benchmark: a plain list made ready, the workers that send it, and its end."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError
from django.db import connection

from conversations.management.benchmark.ground import Ground
from conversations.models import Campaign, Stream
from conversations.models.campaign import ENDED, CampaignStatus
from conversations.queue import BULK
from conversations.services.campaigns import audience, preflight

WORKERS = 2
PATIENCE = 600.0  # seconds without an outcome
LOOK_EVERY = 0.02


def prepare(stream: Stream, first_number: int, people: int, **words: Any) -> Campaign:
    """A campaign to so many people, +44 and the numbers from that one on; ready to be confirmed."""
    rows = [f"+44{first_number + place},Customer {place},{place:06},Thursday" for place in range(people)]
    campaign = Campaign.objects.create(
        name=f"{stream.name}, {people}", stream=stream, keeps_quiet_hours=False, failure_limit=None, **words
    )
    listed = "\n".join(["phone,first name,order,day", *rows]).encode()
    audience.load_list(campaign, io.BytesIO(listed), file_name="list.csv")
    make_ready(campaign)
    return campaign


def make_ready(campaign: Campaign) -> None:
    """Check its list and texts. Raises CommandError for a campaign that may not be sent."""
    if problems := preflight.check(campaign):
        raise CommandError(f"The campaign is not fit to be sent: {problems}")


@contextlib.contextmanager
def bulk_workers(ground: Ground, number: int = WORKERS) -> Iterator[dict[str, int]]:
    """So many workers for campaigns, ready; yields their pids by name, and ends them."""
    names = [f"bulk-{place}" for place in range(number)]
    pids = {name: ground.start_worker(name, BULK) for name in names}
    ground.wait_until({"workers": lambda: ground.registered(BULK) == number})
    try:
        yield pids
    finally:
        ground.stop(*names)
        connection.close()


def wait_for_the_end(ground: Ground, campaign: Campaign) -> None:
    """Return once every row has its outcome. Raises CommandError when that does not come."""
    answered, moved_at = -1, time.monotonic()
    while campaign.status not in ENDED:
        ground.check()
        if campaign.answered_count != answered:
            answered, moved_at = campaign.answered_count, time.monotonic()
        if time.monotonic() - moved_at > PATIENCE or campaign.status == CampaignStatus.PAUSED:
            raise CommandError(f"The campaign is {campaign.status}: {campaign.status_reason}\n{ground.logs()}")
        time.sleep(LOOK_EVERY)
        campaign.refresh_from_db()
