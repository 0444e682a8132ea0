"""Quiet hours of a campaign: when each of its people may be written to, by their own clock."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from conversations.models import Campaign, Contact
from conversations.models.message import Purpose
from conversations.models.policy import QuietHoursFor
from conversations.services import policy
from messaging.phone import region_of
from messaging.quiet_hours import NeverOpen, QuietHours, default_for, next_opening


class Hours:
    """The hours that one campaign keeps: its own wish for marketing, and what its stream demands in any case."""

    def __init__(self, campaign: Campaign) -> None:
        self._rules = policy.policy_of(campaign.stream)
        demanded = self._rules.quiet_hours if self._rules else QuietHoursFor.NOTHING
        is_marketing = campaign.purpose == Purpose.MARKETING
        wished = campaign.keeps_quiet_hours or demanded != QuietHoursFor.NOTHING
        self.keeps = wished if is_marketing else demanded == QuietHoursFor.UNASKED
        self.ends = campaign.valid_until
        self._zones: dict[str, str] = {}
        self._openings: dict[tuple[tuple[str, ...], QuietHours, datetime], datetime | None] = {}

    def learn(self, phones: Collection[str]) -> None:
        """Look up what these customers said of their time zones; numbers are asked about the others."""
        if self.keeps:
            known = Contact.objects.filter(phone__any_of=phones).exclude(time_zone="")
            self._zones |= dict(known.values_list("phone", "time_zone"))

    def opening(self, phone: str, at: datetime) -> datetime | None:
        """When this number may be written to next; None when that is now. Raises NeverOpen."""
        if not self.keeps:
            return None
        contact = self._contact(phone)
        usual = default_for(region_of(phone))
        hours = policy.hours_of(self._rules, contact) if self._rules else usual
        key = (policy.zones_of(contact, self._rules), hours, at)
        if key not in self._openings:
            self._openings[key] = next_opening(at, key[0], hours)
        return self._openings[key]

    def never_open(self, phone: str, at: datetime) -> str:
        """Why this number can never be written to from then on, as a sentence; empty when it can."""
        try:
            opening = self.opening(phone, at)
        except NeverOpen as never:
            return never.sentence
        if opening is None or self.ends is None or opening < self.ends:
            return ""
        local = opening.astimezone(ZoneInfo(policy.zones_of(self._contact(phone), self._rules)[0]))
        return f"It may be written to from {local:%-d %B, %H:%M} there on, and the messages are valid until before."

    def _contact(self, phone: str) -> Contact:
        return Contact(phone=phone, time_zone=self._zones.get(phone, ""))
