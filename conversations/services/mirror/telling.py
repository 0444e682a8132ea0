"""Which activities the mirror is to be told of, and waking the worker that does it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from django.db import transaction

from conversations import queue
from conversations.models import Activity, Conversation, ConversationMirror
from conversations.models.activity import ActivityKind, PushState

KEPT_HERE = (ActivityKind.PROVIDER, ActivityKind.OPT_OUT_QUESTION)


def mark(activities: Iterable[Activity]) -> None:
    """Put new, unsaved activities into the outbox, where their conversation is mirrored."""
    mirrored: dict[int, bool] = {}
    for one in activities:
        stream_id = one.conversation.stream_id
        if stream_id not in mirrored:
            mirrored[stream_id] = one.conversation.stream.is_mirrored
        if mirrored[stream_id] and one.kind not in KEPT_HERE:
            one.push_state, one.push_ref = PushState.QUEUED, uuid.uuid4()


def wake_on_commit(activities: Sequence[Activity]) -> None:
    """Wake a worker for the conversations of those that wait, once the present transaction has committed."""
    waiting = [one for one in activities if one.push_state == PushState.QUEUED]
    # An agent's first message waits for the opening.
    opened = {one.conversation_id for one in waiting if one.kind == ActivityKind.OPENED}
    for pk in dict.fromkeys(one.conversation_id for one in waiting):
        wake_conversation_on_commit(pk, at_once=pk in opened)


def wake_conversation_on_commit(conversation_id: int, *, at_once: bool = False) -> None:
    """Wake a worker for one conversation. A broker that does not answer is no fault: the dispatcher comes by."""
    # Two names, because a job is known by its name and waits in one queue only.
    job, name = ("open_mirror", queue.INTERACTIVE) if at_once else ("push_mirror", queue.BULK)
    transaction.on_commit(lambda: _hint(job, conversation_id, name), robust=True)


def wake_what_waited(conversation_id: int) -> None:
    """The conversation is on the other side now: what waited for that may be told."""
    waiting = Activity.objects.to_push().filter(conversation=conversation_id)
    if waiting.update(push_next_at=None):
        wake_conversation_on_commit(conversation_id)


def read_on_commit(conversation: Conversation) -> None:
    """Something happened there: read the conversation, once the present transaction has committed."""
    pk = conversation.pk
    # Without its mark it is read anew by the next periodic reading too, should the job be lost.
    ConversationMirror.objects.filter(stream=conversation.stream_id, external_id=conversation.external_id).update(
        fingerprint=""
    )
    transaction.on_commit(lambda: _hint("read_mirrored", pk, queue.BULK), robust=True)


def _hint(job: str, conversation_id: int, name: str) -> None:
    queue.hint(job, [conversation_id], queue=name)
