"""The words and icons for what happened: one vocabulary of delivery states, activity lines, times.

A state never claims more than the provider said: "Accepted by" is a state of its own, Delivered and Read appear
only with a receipt.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format

from conversations.models import Activity, Message, MessageEvent
from conversations.models.account import AccountHealth
from conversations.models.activity import ActivityKind
from conversations.models.conversation import ConversationStatus
from conversations.models.message import CANCELLABLE
from conversations.models.message import MessageStatus as Status
from conversations.models.stream import Channel, Stream

NO_RECEIPT_AFTER = timedelta(hours=24)
CLOSING_SOON = timedelta(hours=4)
JUST_NOW = 5  # seconds


class DeliveryState(NamedTuple):
    """How a message of ours is doing: an icon, its words, and a tone (`read`, `failed`, `unconfirmed`, ...)."""

    icon: str
    words: str
    tone: str = ""


def delivery_state(message: Message, decision: MessageEvent | None = None) -> DeliveryState:
    """The state of an outbound message, for people; `decision` is the last one that a person took about it."""
    if decision is not None and (state := _decided_state(message, decision)):
        return state
    plain = _PLAIN_STATES.get(message.status)
    if plain:
        return plain
    match message.status:
        case Status.SCHEDULED:
            return DeliveryState("calendar-clock", f"Sends {clock_ahead(message.scheduled_for)}", "waiting")
        case Status.HELD:
            return DeliveryState("circle-dashed", _held_words(message), "waiting")
        case Status.QUEUED:
            return DeliveryState("clock", _queued_words(message))
        case Status.SENDING:
            tries = f", try {message.attempt_count}" if message.attempt_count > 1 else ""
            return DeliveryState("loader", f"Sending{tries}")
        case Status.READ:
            return DeliveryState("check-check", f"Read {clock(message.read_at)}".strip(), "read")
        case Status.FAILED | Status.EXPIRED:
            return _failed_state(message)
        case _:
            return _accepted_state(message)


_PLAIN_STATES: dict[str, DeliveryState] = {
    Status.DRAFT: DeliveryState("pencil", "Draft", "waiting"),
    Status.SENT: DeliveryState("check", "Sent"),
    Status.DELIVERED: DeliveryState("check-check", "Delivered"),
    Status.UNDELIVERED: DeliveryState("circle-alert", "Not delivered", "failed"),
    Status.CANCELLED: DeliveryState("calendar-x", "Not sent, cancelled", "cancelled"),
    Status.UNCONFIRMED: DeliveryState("circle-question-mark", "Not confirmed", "unconfirmed"),
}


def is_said_by_the_state(message: Message, decision: MessageEvent) -> bool:
    """Do the words of the state say why a message was stopped before it left, and by whom?"""
    return message.status == Status.CANCELLED and _decided_state(message, decision) is not None


def _decided_state(message: Message, decision: MessageEvent) -> DeliveryState | None:
    """A person's word is no report of the provider's: it says whose it is."""
    if decision.to_status != message.status:
        return None
    if decision.actor is None:
        if decision.to_status != Status.CANCELLED or decision.from_status not in CANCELLABLE or not decision.reason:
            return None
        return DeliveryState("calendar-x", f"Not sent: {decision.reason[0].lower()}{decision.reason[1:]}", "cancelled")
    match decision.from_status, decision.to_status:
        case Status.UNCONFIRMED, Status.DELIVERED:
            return DeliveryState("user-check", f"Arrived, says {decision.actor}")
        case Status.HELD, Status.CANCELLED:
            return DeliveryState("calendar-x", f"Not sent, undone by {decision.actor}", "cancelled")
        case _, Status.CANCELLED:
            return DeliveryState("calendar-x", f"Not sent, cancelled by {decision.actor}", "cancelled")
    return None


def _failed_state(message: Message) -> DeliveryState:
    """What the provider had accepted was sent, and did not arrive."""
    words = "Not delivered" if message.sent_at else "Not sent"
    if message.status == Status.EXPIRED:
        return DeliveryState("clock-alert", f"{words}, its time ran out", "failed")
    return DeliveryState("circle-alert", words, "failed")


def _held_words(message: Message) -> str:
    if message.held_for == "window":
        return "Held until the customer writes"
    reason = why_it_waits(message.stream)
    return f"Will wait, {reason}" if reason else "Sends in a moment"


def _queued_words(message: Message) -> str:
    reason = why_it_waits(message.stream)
    return f"Queued, {reason}" if reason else "Queued"


def why_it_waits(stream: Stream) -> str:
    """Why nothing leaves on a stream now, as the second half of a sentence; empty when nothing is in the way."""
    if stream.is_paused:
        return f"{stream.name} is paused"
    if stream.account.health == AccountHealth.NEEDS_CREDENTIALS:
        return f"{stream.account.provider_label} refused our credentials"
    if stream.account.health == AccountHealth.UNREACHABLE:
        return f"{stream.account.provider_label} is not answering"
    return ""


def trouble_of(stream: Stream) -> str:
    """The same as a whole, with how it ends; empty when nothing is in the way."""
    reason = why_it_waits(stream)
    if stream.is_paused:
        until = clock(stream.pause_ends_at) or "somebody resumes it"
        because = f" ({stream.pause_reason})" if stream.pause_reason else ""
        return f"{reason} until {until}{because}. What you send waits until then."
    if stream.account.health == AccountHealth.NEEDS_CREDENTIALS:
        return f"{reason}. What you send waits until that is mended."
    return f"{reason}. What you send waits, and leaves by itself." if reason else ""


def _accepted_state(message: Message) -> DeliveryState:
    old = message.sent_at is not None and message.sent_at < timezone.now() - NO_RECEIPT_AFTER
    if old and message.stream.limits(message.kind).receipts:
        return DeliveryState("check-line", "No receipt. It may not have arrived.")
    return DeliveryState("check-line", f"Accepted by {message.stream.account.provider_label}")


class ActivityLine(NamedTuple):
    """An activity as a sentence: who (may be empty), did what, to what (may be empty)."""

    icon: str
    did: str
    what: str = ""


def activity_line(activity: Activity) -> ActivityLine:
    """What was done, for people."""
    what = activity.text
    match activity.kind:
        case ActivityKind.OPENED:
            return ActivityLine("message-square-text", f"opened this conversation{_why_new(activity)}")
        case ActivityKind.STATUS_CHANGE:
            return _status_line(activity)
        case ActivityKind.ASSIGNMENT:
            if person := activity.data.get("silent"):
                return ActivityLine("user", "Back among the unassigned: the customer waited too long for", person)
            if not what:
                return ActivityLine("user", "put this back among the unassigned")
            if activity.actor_id and activity.data.get("to") == activity.actor_id:
                return ActivityLine("user-check", "took this conversation")
            return ActivityLine("user-check", "assigned this to", what)
        case ActivityKind.TAG_ADDED:
            return ActivityLine("tag", "added", what)
        case ActivityKind.TAG_REMOVED:
            return ActivityLine("tag", "removed", what)
        case ActivityKind.INDICATOR_SET:
            return ActivityLine("flag", "added", what)
        case ActivityKind.INDICATOR_REMOVED:
            return ActivityLine("flag", "removed", what)
        case ActivityKind.OPT_IN | ActivityKind.OPT_OUT:
            return _consent_line(activity)
        case ActivityKind.OPT_OUT_QUESTION:
            return ActivityLine("circle-question-mark", "asked whether this is an opt-out:", what)
        case ActivityKind.OPT_OUT_ANSWER:
            meant = "an opt-out" if activity.data.get("is_opt_out") else "no opt-out"
            return ActivityLine("user-check", f"said that this was {meant}")
        case ActivityKind.MERGED:
            did = "parted this contact again from" if activity.data.get("undone") else "merged this contact with"
            return ActivityLine("users", did, what)
        case ActivityKind.PHONE_MESSAGE:
            return ActivityLine("phone", "wrote down what the customer said on the phone")
        case ActivityKind.MESSAGE_CANCELLED:
            if activity.actor_id is None and what:
                return ActivityLine("calendar-x", f"{what}: a message was not sent")
            return ActivityLine("calendar-x", "cancelled a message")
        case _:
            return ActivityLine("info", "noted" if activity.actor_id else "the provider noted:", what)


def _status_line(activity: Activity) -> ActivityLine:
    to = activity.data.get("to")
    if activity.data.get("undo"):
        return ActivityLine("undo-2", "took that back: this conversation is", str(to))
    if to == ConversationStatus.SNOOZED:
        until = parse_datetime(activity.data.get("until") or "")
        return ActivityLine("moon", "snoozed this until", clock_ahead(until) if until else "the customer replies")
    if activity.data.get("woke"):
        return ActivityLine("moon", "this conversation is back from its snooze")
    if to == ConversationStatus.RESOLVED:
        return ActivityLine("circle-check", "resolved this conversation")
    if to == ConversationStatus.OPEN:
        return ActivityLine("inbox", f"opened this conversation again{_why_again(activity)}")
    return ActivityLine("info", "set this conversation to", str(to or "another status"))


def _why_new(activity: Activity) -> str:
    """The stream's rule in words, where it made a new conversation in place of an earlier one."""
    days = activity.data.get("after_days")
    if days is None:
        return ""
    return f": the one before was closed more than {_days(days)} ago" if days else ": a closed one stays closed here"


def _why_again(activity: Activity) -> str:
    days = activity.data.get("within_days")
    return f": it was closed less than {_days(days)} ago" if days else ""


def _days(number: int) -> str:
    return "a day" if number == 1 else f"{number} days"


def _consent_line(activity: Activity) -> ActivityLine:
    channel = channel_name(activity.data.get("channel", ""))
    purpose = activity.data.get("purpose")
    of = f"{purpose} messages by {channel}" if purpose else f"messages by {channel}"
    if activity.kind == ActivityKind.OPT_IN:
        return ActivityLine("shield-check", f"recorded permission for {of}")
    return ActivityLine("ban", f"recorded the opt-out from {of}")


def channel_name(channel: str) -> str:
    """The channel's name for people; an unknown word stays as it is."""
    return str(Channel(channel).label) if channel in Channel.values else channel


def account_health(health: str) -> DeliveryState:
    """The dot beside a stream: `tone` is good, warning, danger or empty."""
    match health:
        case AccountHealth.WORKING:
            return DeliveryState("check", "Working", "good")
        case AccountHealth.NEEDS_CREDENTIALS:
            return DeliveryState("circle-alert", "Credentials refused", "danger")
        case AccountHealth.UNREACHABLE:
            return DeliveryState("circle-alert", "Not answering", "danger")
        case _:
            return DeliveryState("info", "Not checked yet", "")


def clock(moment: datetime | None) -> str:
    """A time as short as it can be: 14:27 today, Wed 15:15 within a week, 2 Nov this year, else 2 Nov 2024."""
    if moment is None:
        return ""
    local, today = timezone.localtime(moment), timezone.localdate()
    if local.date() == today:
        return f"{local:%H:%M}"
    if abs((local.date() - today).days) < 7:
        return date_format(local, "D H:i")
    return date_format(local, "j M" if local.year == today.year else "j M Y")


def clock_ahead(moment: datetime | None) -> str:
    """A time that lies ahead, always with the hour: 14:27 today, Wed 15:15 within a week, else 2 Nov 15:15."""
    if moment is None:
        return ""
    local, today = timezone.localtime(moment), timezone.localdate()
    if abs((local.date() - today).days) < 7:
        return clock(moment)
    return date_format(local, "j M H:i" if local.year == today.year else "j M Y H:i")


def exact_clock(moment: datetime) -> str:
    """A time that has passed, to the second: 14:27:08 today, else 2 Nov, 14:27:08, with the year if it was another."""
    local, today = timezone.localtime(moment), timezone.localdate()
    if local.date() == today:
        return f"{local:%H:%M:%S}"
    return date_format(local, "j M, H:i:s" if local.year == today.year else "j M Y, H:i:s")


def moment_words(moment: datetime) -> str:
    """A time in full, with the zone it is meant in: Thursday 26 November, 09:00 London time."""
    local = timezone.localtime(moment)
    day = date_format(local, "l j F" if local.year == timezone.localdate().year else "l j F Y")
    zone = timezone.get_current_timezone_name()
    place = zone.rpartition("/")[2].replace("_", " ")
    return f"{day}, {local:%H:%M} {place if zone == 'UTC' else f'{place} time'}"


def day_words(day: date) -> str:
    """A day as the line between messages names it: Today, Thursday 19 November."""
    today = timezone.localdate()
    words = date_format(day, "l j F" if day.year == today.year else "l j F Y")
    if day == today:
        return f"Today, {words}"
    if day == today - timedelta(days=1):
        return f"Yesterday, {words}"
    return words


def time_left(until: datetime) -> str:
    """How long until then: 2 d 4 h, 22 h, 3 h 08 m, 41 m; in the last minute 6 s."""
    seconds = max(1, int((until - timezone.now()).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    if hours >= 4:
        return f"{hours} h"
    return f"{hours} h {rest:02d} m" if hours else f"{rest} m"


def time_ago(moment: datetime) -> str:
    """How long ago: just now, 8 s ago, 12 minutes ago, 3 hours ago, 2 days ago."""
    seconds = int((timezone.now() - moment).total_seconds())
    for size, unit in ((24 * 60 * 60, "day"), (60 * 60, "hour"), (60, "minute")):
        if seconds >= size:
            number = seconds // size
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return f"{seconds} s ago" if seconds >= JUST_NOW else "just now"
