"""Quiet hours of a campaign: when each of its people may be written to, by their own clock."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from conversations.models import Campaign
from conversations.models.message import Purpose
from messaging.phone import region_of, time_zones
from messaging.quiet_hours import NeverOpen, default_for, next_opening

ANYWHERE = "UTC"


class Hours:
    """The hours that one campaign keeps; a campaign that keeps none, or is not marketing, is always open."""

    def __init__(self, campaign: Campaign) -> None:
        self.keeps = campaign.keeps_quiet_hours and campaign.purpose == Purpose.MARKETING
        self.ends = campaign.valid_until
        self._openings: dict[tuple[tuple[str, ...], str, datetime], datetime | None] = {}

    def opening(self, phone: str, at: datetime) -> datetime | None:
        """When this number may be written to next; None when that is now. Raises NeverOpen."""
        if not self.keeps:
            return None
        zones = time_zones(phone) or (ANYWHERE,)
        key = (zones, region_of(phone) or "", at)
        if key not in self._openings:
            self._openings[key] = next_opening(at, zones, default_for(key[1]))
        return self._openings[key]

    def never_open(self, phone: str, at: datetime) -> str:
        """Why this number can never be written to from then on, as a sentence; empty when it can."""
        try:
            opening = self.opening(phone, at)
        except NeverOpen as never:
            return never.sentence
        if opening is None or self.ends is None or opening < self.ends:
            return ""
        local = opening.astimezone(ZoneInfo((time_zones(phone) or (ANYWHERE,))[0]))
        return f"It may be written to from {local:%-d %B, %H:%M} there on, and the messages are valid until before."
