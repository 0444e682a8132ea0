"""Who is on a list, what arrived, and what a campaign says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from conversations.models import (
    Campaign,
    Message,
)
from tests.conversations.campaigns.conftest import fiction
from tests.sandbox.playing import PlayedSandbox

Make = Callable[..., Campaign]


def people(first: int, number: int) -> list[str]:
    """Rows of a list."""
    return [f"{fiction(one)},Rosa{one}" for one in range(first, first + number)]


def arrived(sandbox: PlayedSandbox) -> Counter[str]:
    """How many messages each phone holds."""
    return Counter(one["phone"] for one in sandbox.messages() if one["direction"] == "to_phone")


def outcomes_of(campaign: Campaign) -> Counter[str]:
    """How many messages of the campaign have each status."""
    return Counter(Message.objects.filter(recipient__campaign=campaign).values_list("status", flat=True))


def adds_up(campaign: Campaign) -> bool:
    """Does every row have a verdict, and every one that was to be sent an outcome or a place that waits?"""
    campaign.refresh_from_db()
    rows = campaign.recipients.count()
    waiting = sum(len(chunk.rest) for chunk in campaign.chunks.all())
    return (
        rows == campaign.row_count == campaign.left_out_count + campaign.sendable_count
        and sum(outcomes_of(campaign).values()) == campaign.answered_count
        and campaign.waiting_count == waiting
    )
