"""Times to schedule a message for, as the customer's clock shows them."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import NamedTuple

from django.utils import timezone
from django.utils.formats import date_format

from conversations.models import Contact, Conversation, Stream
from conversations.models.message import Purpose
from conversations.services.compose import furthest_schedule
from conversations.services.policy import policy_of, quiet_until
from conversations.views.panel import local_time
from conversations.views.wording import time_left

MORNING, AFTERNOON = time(9), time(16)
AT_LEAST_AHEAD = timedelta(minutes=30)
MONDAY = 0


class Preset(NamedTuple):
    """A time that is often wanted: its name, when that is, and the value of a date field in the site's zone."""

    label: str
    words: str
    value: str


def presets_for(contact: Contact, stream: Stream | None, conversation: Conversation | None = None) -> list[Preset]:
    """This afternoon, tomorrow morning, Monday morning, in the customer's time; the site's where theirs is unknown.

    None of them lies further ahead than the stream's provider takes, or outside the hours that the stream keeps.
    """
    there = local_time(contact)
    now = there.now if there else timezone.localtime()
    place = f" in {there.place}" if there and there.now.utcoffset() != timezone.localtime().utcoffset() else ""
    days_to_monday = (MONDAY - now.weekday()) % 7 or 7
    wanted = [("Today", 0, AFTERNOON), ("Tomorrow", 1, MORNING)]
    if days_to_monday > 1:
        wanted.append(("Monday", days_to_monday, MORNING))
    rules = policy_of(stream) if stream else None
    presets = []
    for name, days, clock in wanted:
        moment = datetime.combine(now.date() + timedelta(days=days), clock, now.tzinfo)
        if moment - now < AT_LEAST_AHEAD or (stream and moment - now > furthest_schedule(stream)):
            continue
        if rules and quiet_until(rules, contact, Purpose.SERVICE, conversation, moment):
            continue
        words = f"in {time_left(moment)}" if not days else date_format(moment, "l j F" if days == 1 else "j F")
        local = timezone.localtime(moment)
        presets.append(Preset(f"{name} {clock:%H:%M}{place}", words, f"{local:%Y-%m-%dT%H:%M}"))
    return presets
