"""The rules that a stream has made for itself: countries, the customer's hours, how many messages.

The gate asks them. Each answers with a code, a sentence and, where waiting helps, until when.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.utils import timezone

from conversations.models import Contact, Conversation, Message, SendingPolicy, Stream, User
from conversations.models.message import Direction, MessageStatus, Purpose
from conversations.models.policy import QuietHoursFor
from messaging.phone import region_of, time_zones
from messaging.quiet_hours import NeverOpen, QuietHours, default_for, next_opening

ANSWERS_WITHIN = timedelta(hours=24)  # what follows the customer's words this closely is a reply, at any hour
PERSON_WINDOW = timedelta(minutes=10)
AGENT_WINDOW = timedelta(minutes=1)


class Refusal(NamedTuple):
    """Why not, and until when."""

    code: str
    sentence: str
    until: datetime | None = None


def policy_of(stream: Stream) -> SendingPolicy | None:
    """The stream's rules; None where it has none."""
    try:
        policy: SendingPolicy = stream.policy
    except ObjectDoesNotExist:
        return None
    return policy


def refused_country(policy: SendingPolicy, contact: Contact) -> Refusal | None:
    """The number belongs to a country that the stream does not write to."""
    allowed = policy.allowed_countries
    region = region_of(contact.phone)
    if not allowed or region in allowed:
        return None
    return Refusal(
        "country_not_allowed",
        f"{policy.stream.name} writes to numbers of {', '.join(sorted(allowed))} only, and {contact.phone_display} "
        f"belongs to {region or 'another country'}. Use another stream.",
    )


def quiet_until(
    policy: SendingPolicy, contact: Contact, purpose: str, conversation: Conversation | None, at: datetime
) -> Refusal | None:
    """The message would arrive while it is too early or too late in one of the zones that the number may be in."""
    if not _keeps_hours(policy, purpose, conversation, at):
        return None
    zones = zones_of(contact, policy)
    hours = hours_of(policy, contact)
    try:
        opening = next_opening(at, zones, hours)
    except NeverOpen as error:
        return Refusal("never_open", error.sentence)
    if opening is None:
        return None
    clocks = [ZoneInfo(zone) for zone in zones]
    zone = next(one for one in clocks if not hours.allows(at.astimezone(one)))
    there, opens = at.astimezone(zone), opening.astimezone(zone)
    day = "" if opens.date() == there.date() else f" on {opens:%A %-d %B}"
    verb = "is" if len(zones) == 1 or contact.time_zone else "may be"
    return Refusal(
        "quiet_hours",
        f"It {verb} {there:%H:%M} where {contact.name} is, and {policy.stream.name} writes between "
        f"{hours.opens:%H:%M} and {hours.closes:%H:%M} there. Send it at {opens:%H:%M} their time{day}.",
        until=opening,
    )


def _keeps_hours(policy: SendingPolicy, purpose: str, conversation: Conversation | None, at: datetime) -> bool:
    if policy.quiet_hours == QuietHoursFor.NOTHING:
        return False
    if purpose == Purpose.MARKETING:
        return True
    if policy.quiet_hours == QuietHoursFor.MARKETING:
        return False
    heard = conversation.last_inbound_at if conversation else None
    return heard is None or heard < at - ANSWERS_WITHIN


def zones_of(contact: Contact, policy: SendingPolicy | None = None) -> tuple[str, ...]:
    """The zones in which the customer may be: their own word, else every one of the number, else the stream's."""
    if contact.time_zone:
        return (contact.time_zone,)
    fallback = policy.time_zone if policy else ""
    return time_zones(contact.phone) or (fallback or timezone.get_default_timezone_name(),)


def hours_of(policy: SendingPolicy, contact: Contact) -> QuietHours:
    """The hours of the stream, else those that are usual in the country of the number."""
    usual = default_for(region_of(contact.phone))
    if policy.opens_at is None or policy.closes_at is None:
        return usual
    return QuietHours(policy.opens_at, policy.closes_at, usual.closed_weekdays)


def too_many(
    policy: SendingPolicy, contact: Contact, author: User | None, at: datetime, *, besides: Message | None = None
) -> Refusal | None:
    """The customer has had, or the author has written, as many as the stream allows in a short time."""
    ours = policy.stream.messages.filter(direction=Direction.OUT).exclude(status=MessageStatus.CANCELLED)
    if besides is not None:
        ours = ours.exclude(pk=besides.pk)
    to_them = ours.filter(conversation__contact=contact.pk)
    if contact.pk and _reaches(to_them, policy.most_per_person, since=at - PERSON_WINDOW):
        return Refusal(
            "too_many_to_person",
            f"{contact.name} was sent {policy.most_per_person} messages within ten minutes. Wait a while.",
            until=at + PERSON_WINDOW,
        )
    if author is not None and _reaches(ours.filter(author=author), policy.most_per_agent, since=at - AGENT_WINDOW):
        return Refusal(
            "too_many_by_agent",
            f"You sent {policy.most_per_agent} messages from {policy.stream.name} within a minute. Wait a minute.",
            until=at + AGENT_WINDOW,
        )
    return None


def _reaches(messages: QuerySet[Message], most: int, *, since: datetime) -> bool:
    """Are there as many messages since then? `most` 0 means that any number is right."""
    if not most:
        return False
    nth = messages.order_by("-id").values_list("created_at", flat=True)[most - 1 : most].first()
    return nth is not None and nth > since
