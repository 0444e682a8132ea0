"""A conversation from its first word to its last, to be read, printed or kept: with or without what the team wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from conversations.models import Activity, Conversation, Message
from conversations.models.activity import ActivityKind
from conversations.models.message import Kind

MOST_MESSAGES = 10_000
_TIMES = ("sent_at", "delivered_at", "read_at", "scheduled_for")
_LEFT_OUT = "Messages before these were left out."


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was said or done. `kind` is message, remark or activity; `who` may be empty for the system."""

    kind: str
    at: datetime
    who: str
    text: str
    direction: str = ""
    status: str = ""
    status_words: str = ""
    times: dict[str, datetime] = field(default_factory=dict)
    reason: str = ""
    template: str = ""
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Transcript:
    """All lines of a conversation in their order. `is_whole` is False where older messages were left out."""

    conversation: Conversation
    lines: list[Line]
    with_remarks: bool
    is_whole: bool
    made_at: datetime

    def days(self) -> Iterator[tuple[datetime, list[Line]]]:
        """The lines day by day, on the site's clock."""
        day: list[Line] = []
        for line in self.lines:
            if day and timezone.localdate(line.at) != timezone.localdate(day[0].at):
                yield day[0].at, day
                day = []
            day.append(line)
        if day:
            yield day[0].at, day


def transcript_of(conversation: Conversation, *, with_remarks: bool) -> Transcript:
    """Read a conversation. `with_remarks` adds what only the team may read: remarks, and what people did."""
    newest = conversation.messages.select_related("author", "template").order_by("-id")[: MOST_MESSAGES + 1]
    messages = list(newest)
    is_whole = len(messages) <= MOST_MESSAGES
    lines = [_message_line(message, conversation) for message in messages[:MOST_MESSAGES]]
    if with_remarks:
        lines += [_activity_line(one) for one in conversation.activities.select_related("actor")]
    lines.sort(key=lambda line: line.at)
    return Transcript(conversation, lines, with_remarks, is_whole, timezone.now())


def _message_line(message: Message, conversation: Conversation) -> Line:
    if message.is_outbound:
        who = str(message.author) if message.author else "Automatic"
    else:
        who = conversation.contact.name
    text = message.body
    if not text and message.kind == Kind.OPENING:
        text = "Opening text, as it is set up at the provider"
    return Line(
        kind="message",
        at=message.created_at,
        who=who,
        text=text,
        direction=message.direction,
        status=message.status if message.is_outbound else "",
        status_words=str(message.get_status_display()) if message.is_outbound else "",
        times={name: at for name in _TIMES if (at := getattr(message, name)) is not None},
        reason=message.failure_text if message.is_outbound else "",
        template=message.template.name if message.template else "",
        files=[str(one.get("filename") or one.get("kind") or "file") for one in message.media],
    )


def _activity_line(activity: Activity) -> Line:
    is_remark = activity.kind == ActivityKind.REMARK
    words = activity.text if is_remark else str(activity.get_kind_display())
    if not is_remark and (what := activity.text or str(activity.data.get("to") or "")):
        words += f": {what}"
    return Line(
        kind="remark" if is_remark else "activity",
        at=activity.occurred_at,
        who=str(activity.actor) if activity.actor else "",
        text=words,
    )


def as_text(transcript: Transcript) -> str:
    """The transcript as plain text, with times on the site's clock."""
    one = transcript.conversation
    lines = [
        "Transcript of a conversation",
        f"Customer: {one.contact.name}" + (f", {one.contact.phone_display}" if one.contact.full_name else ""),
        f"Stream: {one.stream} ({one.stream.get_channel_display()})",
        f"Status: {one.get_status_display()}" + (f", with {one.assignee}" if one.assignee else ""),
        f"Made: {_moment(transcript.made_at)} ({timezone.get_current_timezone_name()})",
    ]
    if not transcript.is_whole:
        lines.append(_LEFT_OUT)
    for day, of_the_day in transcript.days():
        lines += ["", date_format(timezone.localtime(day), "l j F Y")]
        for line in of_the_day:
            lines += _text_lines(line)
    return "\n".join(lines) + "\n"


def _text_lines(line: Line) -> Iterator[str]:
    mark = {"remark": " (remark, team only)", "activity": " (activity)"}.get(line.kind, "")
    first, *rest = line.text.splitlines() or [""]
    yield f"{timezone.localtime(line.at):%H:%M}  {line.who or 'System'}{mark}: {first}".rstrip()
    for one in rest:
        yield f"       {one}".rstrip()
    for name in line.files:
        yield f"       [{name}]"
    if line.status_words:
        when = line.times.get("read_at") or line.times.get("delivered_at") or line.times.get("sent_at")
        yield "       " + line.status_words + (f" {_moment(when)}" if when else "")
    if line.reason:
        yield f"       {line.reason}"


def _moment(at: datetime) -> str:
    return date_format(timezone.localtime(at), "j M Y H:i")


def as_json(transcript: Transcript) -> str:
    """The transcript as JSON, with times in UTC."""
    one = transcript.conversation
    whole: dict[str, Any] = {
        "conversation": one.pk,
        "status": one.status,
        "stream": {"name": one.stream.name, "channel": one.stream.channel},
        "contact": {"name": one.contact.full_name, "phone": one.contact.phone},
        "assignee": str(one.assignee) if one.assignee else None,
        "opened_at": _utc(one.created_at),
        "made_at": _utc(transcript.made_at),
        "with_remarks": transcript.with_remarks,
        "is_whole": transcript.is_whole,
        "lines": [
            {
                "kind": line.kind,
                "at": _utc(line.at),
                "who": line.who,
                "text": line.text,
                **({"direction": line.direction} if line.direction else {}),
                **({"status": line.status} if line.status else {}),
                **{name: _utc(at) for name, at in line.times.items()},
                **({"reason": line.reason} if line.reason else {}),
                **({"template": line.template} if line.template else {}),
                **({"files": line.files} if line.files else {}),
            }
            for line in transcript.lines
        ],
    }
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
