"""A conversation as it is read: messages and what people did, in one order, with a line between days.

Pages go upwards from the newest message by message id. Each entry has a stable id and a version, so that an open
page exchanges only what changed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby

from django.db.models import prefetch_related_objects
from django.utils import timezone

from conversations.models import Activity, Conversation, Message, User
from conversations.models.activity import TO_PUSH, ActivityKind, PushState
from conversations.models.message import MessageStatus
from conversations.views.message_card import Card, Refused, cards

PAGE = 40
LARGEST_PAGE = 400
MOST_ACTIVITIES = 400
FOLD_FROM = 4  # a longer run of activities is folded into one line


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline: `kind` is day, message, remark, question, activity or fold, and names its template."""

    kind: str
    key: str
    at: datetime
    day: date | None = None
    card: Card | None = None
    activity: Activity | None = None
    folded: list[Activity] = field(default_factory=list)
    version: int = 0

    @property
    def message(self) -> Message | None:
        """The message of the line, if it is one."""
        return self.card.message if self.card else None

    @property
    def waiting(self) -> int:
        """How many of the folded changes the other side has not been told yet."""
        return sum(one.push_state in TO_PUSH for one in self.folded)

    @property
    def refused(self) -> int:
        """How many of them it refused."""
        return sum(one.push_state == PushState.FAILED for one in self.folded)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Some entries, and where they stand: `older_than` is the cursor of the page above (0: none).

    `first_message` and `last_message` are ids (0: no messages). `doubtful` are those of the messages of the
    conversation that nobody has confirmed and that others have followed.
    """

    entries: list[Entry]
    older_than: int
    first_message: int
    last_message: int
    is_newest: bool
    doubtful: list[int] = field(default_factory=list)


def read_timeline(
    conversation: Conversation, user: User, *, before: int = 0, since: int = 0, refused: Refused | None = None
) -> Timeline:
    """The newest page; with `before` the page above that message; with `since` everything from that message on.

    `refused` is a form under one of the messages, to be shown again with its reason.
    """
    wanted = conversation.messages.select_related("author", "template").order_by("-id")
    if before:
        wanted = wanted.filter(pk__lt=before)
    size = PAGE
    if since:
        wanted, size = wanted.filter(pk__gte=since), LARGEST_PAGE
    found = list(wanted[: size + 1])
    shown = found[:size][::-1]
    for message in shown:
        message.stream = conversation.stream
    older = len(found) > size or bool(since and conversation.messages.filter(pk__lt=since).exists())
    activities = _activities(conversation, shown, older=older, before=before)
    lines = _merged(cards(shown, conversation, user, refused=refused), activities)
    return Timeline(
        entries=list(_with_days(lines)),
        older_than=shown[0].pk if older and shown else 0,
        first_message=shown[0].pk if shown else 0,
        last_message=shown[-1].pk if shown else 0,
        is_newest=not before,
        doubtful=[] if before else _doubtful(conversation, shown),
    )


def _doubtful(conversation: Conversation, shown: Sequence[Message]) -> list[int]:
    """What nobody has confirmed, oldest first, unless it is the last message, where everybody sees it."""
    if not shown:
        return []
    found = conversation.messages.filter(status=MessageStatus.UNCONFIRMED).exclude(pk=shown[-1].pk)
    return list(found.order_by("id").values_list("pk", flat=True)[:PAGE])


def _activities(conversation: Conversation, shown: Sequence[Message], *, older: bool, before: int) -> list[Activity]:
    """What was done in the time of the messages shown: from the first of them (all before it when there are no
    older ones) to the first of the page below."""
    found = conversation.activities.select_related("actor")
    if older and shown:
        found = found.filter(occurred_at__gte=shown[0].created_at)
    if before:
        below = conversation.messages.filter(pk__gte=before).order_by("id").values_list("created_at", flat=True)[:1]
        found = found.filter(occurred_at__lt=below)
    activities = list(found.order_by("-occurred_at", "-id")[:MOST_ACTIVITIES])[::-1]
    prefetch_related_objects([one for one in activities if one.kind == ActivityKind.REMARK], "mentions")
    return activities


_OWN_KINDS: dict[str, str] = {ActivityKind.REMARK: "remark", ActivityKind.OPT_OUT_QUESTION: "question"}


def _merged(shown: Iterable[Card], activities: Iterable[Activity]) -> list[Entry]:
    lines = [
        Entry(
            kind="message",
            key=f"message-{card.message.pk}",
            at=card.message.created_at,
            card=card,
            version=card.version,
        )
        for card in shown
    ]
    answered = {one.data.get("question") for one in activities if one.kind == ActivityKind.OPT_OUT_ANSWER}
    for activity in activities:
        kind = _OWN_KINDS.get(activity.kind, "activity")
        if kind == "question" and activity.pk in answered:
            kind = "activity"
        version = _version(kind == "question", activity.push_state, activity.push_text)
        key = f"activity-{activity.pk}"
        lines.append(Entry(kind=kind, key=key, at=activity.occurred_at, activity=activity, version=version))
    lines.sort(key=_place)
    return list(_folded(lines))


def _place(line: Entry) -> tuple[datetime, bool, int]:
    """Where a line stands. Providers tell times to the second: of one second, what came first has the lower id."""
    row = line.message or line.activity
    return line.at, line.message is not None, row.pk if row else 0


def _folded(lines: Iterable[Entry]) -> Iterator[Entry]:
    for is_activity, run in groupby(lines, key=lambda line: line.kind == "activity"):
        entries = list(run)
        if not is_activity or len(entries) < FOLD_FROM:
            yield from entries
            continue
        activities = [entry.activity for entry in entries if entry.activity]
        yield Entry(
            kind="fold",
            key=f"fold-{activities[0].pk}",
            at=entries[0].at,
            folded=activities,
            version=_version([(one.pk, one.push_state, one.push_text) for one in activities]),
        )


def _with_days(lines: Iterable[Entry]) -> Iterator[Entry]:
    previous = None
    for line in lines:
        day = timezone.localdate(line.at)
        if day != previous:
            # The version holds today, because "Today" becomes "Yesterday" at midnight.
            version = _version(timezone.localdate())
            yield Entry(kind="day", key=f"day-{day.isoformat()}", at=line.at, day=day, version=version)
            previous = day
        yield line


def _version(*facts: object) -> int:
    return zlib.crc32(repr(facts).encode())
