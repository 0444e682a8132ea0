"""Both sides of one conversation, read at this moment and laid beside each other. Nothing is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from conversations.models import Conversation, ConversationMirror
from conversations.models.activity import ActivityKind, PushState
from conversations.models.message import TAKEN, MessageStatus
from conversations.services.accounts import provider_for
from conversations.services.clock import database_now
from conversations.services.mirror.agreement import status_word, their_status
from conversations.services.mirror.entries import is_from_there, lines_of, words_there
from conversations.services.mirror.syncing import FAULTS, as_validation_error, check_is_there
from messaging.errors import Refused
from messaging.mirror import RemoteConversation
from messaging.providers.base import Provider

MOST_OTHERS = 4  # each is a request while somebody waits
TOLD_OF = (*TAKEN, MessageStatus.RECEIVED)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was said or done, and which side has it. `kind` is message, remark or log."""

    kind: str
    at: datetime | None
    who: str
    text: str
    here: bool
    there: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What both sides hold. `transcript` is the other side's own, of the conversation that ours is now.

    Ours may have been several there, one after the other: `not_read` is how many of them were too many to read.
    """

    read_at: datetime
    our_status: str
    their_status: str
    same_status: bool
    lines: list[Line]
    transcript: str
    not_read: int = 0

    @property
    def differences(self) -> int:
        """How many lines only one side has, and the status where it differs."""
        return sum(not (line.here and line.there) for line in self.lines) + (not self.same_status)


def compare(conversation: Conversation) -> Comparison:
    """Ask the other side now. Raises ValidationError with a sentence when that is not possible."""
    check_is_there(conversation)
    stream = conversation.stream
    provider = provider_for(stream.account)
    try:
        there = provider.read_conversation(stream.config, conversation.external_id)
        transcript = provider.read_transcript(stream.config, conversation.external_id)
        others = _others(conversation)
        held = [there, *_read(conversation, others[:MOST_OTHERS], provider)]
    except FAULTS as error:
        raise as_validation_error(stream, error) from error
    lines = _messages(conversation, held) + _log(conversation, held)
    return Comparison(
        read_at=database_now(),
        our_status=conversation.get_status_display(),
        their_status=(there.status or f"number {there.external_status}").capitalize(),
        same_status=status_word(conversation.status) == their_status(there),
        lines=sorted(lines, key=lambda line: line.at.timestamp() if line.at else 0.0),
        transcript=transcript.strip(),
        not_read=len(others[MOST_OTHERS:]),
    )


def _others(conversation: Conversation) -> list[str]:
    """What else ours has been there, the newest first: a customer who writes after the end begins another."""
    mirrors = ConversationMirror.objects.filter(conversation=conversation, problem="")
    others = mirrors.exclude(external_id=conversation.external_id).order_by("-id")
    return list(others.values_list("external_id", flat=True))


def _read(conversation: Conversation, others: Sequence[str], provider: Provider) -> list[RemoteConversation]:
    """Those that are still there: of one that is gone, what we have is only here."""
    found = []
    for external_id in others:
        with suppress(Refused):
            found.append(provider.read_conversation(conversation.stream.config, external_id))
    return found


def _messages(conversation: Conversation, held: Sequence[RemoteConversation]) -> list[Line]:
    ours = list(conversation.messages.filter(status__in=TOLD_OF).select_related("author").order_by("id"))
    by_id = {one.external_id: one for one in ours if one.external_id}
    by_ref = {str(one.ref): one for one in ours}
    matched, lines = set(), []
    for one in [one for there in held for one in there.messages]:
        mine = by_id.get(one.external_id) or by_ref.get(one.ref)
        if mine is None:
            lines.append(Line("message", one.at, "Agent" if one.from_agent else "Customer", one.body, False, True))
        else:
            matched.add(mine.pk)
    for message in ours:
        who = str(message.author or ("Agent" if message.is_outbound else conversation.contact.name))
        lines.append(Line("message", message.created_at, who, message.body, True, message.pk in matched))
    return lines


def _log(conversation: Conversation, held: Sequence[RemoteConversation]) -> list[Line]:
    theirs = Counter(words for there in held for words, _ in lines_of(there))
    lines = []
    ours = conversation.activities.exclude(push_state=PushState.LOCAL, data={}).select_related("actor").order_by("id")
    for activity in ours:
        words = words_there(activity)
        if words is None or (activity.push_state == PushState.LOCAL and not is_from_there(activity)):
            continue
        is_there = theirs[words] > 0
        theirs[words] -= is_there
        kind = "remark" if activity.kind == ActivityKind.REMARK else "log"
        who = str(activity.actor or activity.data.get("by") or "Parley")
        lines.append(Line(kind, activity.occurred_at, who, words[1], True, is_there))
    for (is_remark, text), number in theirs.items():
        kind = "remark" if is_remark else "log"
        lines += [Line(kind, None, "", text, False, True) for _ in range(number)]
    return lines
