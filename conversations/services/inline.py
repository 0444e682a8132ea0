"""Sending without a worker: for the dispatcher while the broker is away."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import connection

from conversations.models import Conversation, Message
from conversations.services import outbound
from conversations.services.mirror import pushing

logger = logging.getLogger(__name__)

THREADS = 4

Work = Callable[[list[int]], None]


class InlineSender:
    """Sends in a few threads, each stream's messages one after the other: a slow provider holds up its own only.

    What the mirror is to be told of a stream goes one conversation after the other too, beside its messages.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=THREADS)
        self._busy: dict[tuple[Work, int], Future[None]] = {}

    def send(self, message_ids: Sequence[int]) -> None:
        """Begin to send these, except on streams that are still being sent on; returns at once."""
        rows = Message.objects.filter(pk__in=message_ids).order_by("queued_at", "id")
        self._begin(outbound.deliver, list(rows.values_list("pk", "stream_id")) if message_ids else [])

    def push(self, conversation_ids: Sequence[int]) -> None:
        """Begin to tell the other side of these conversations, except on streams where that is going on."""
        rows = Conversation.objects.filter(pk__in=conversation_ids)
        streams = dict(rows.values_list("pk", "stream_id")) if conversation_ids else {}
        self._begin(pushing.push, [(pk, streams[pk]) for pk in conversation_ids if pk in streams])

    def close(self) -> None:
        """Wait until what is under way has ended, and begin nothing more."""
        self._threads.shutdown(cancel_futures=True)

    def _begin(self, work: Work, rows: Sequence[tuple[int, int]]) -> None:
        """`rows` are ids with their streams, in the order in which they are to go."""
        of_stream: dict[int, list[int]] = defaultdict(list)
        for pk, stream_id in rows:
            of_stream[stream_id].append(pk)
        for stream_id, ids in of_stream.items():
            key = (work, stream_id)
            if key not in self._busy or self._busy[key].done():
                self._busy[key] = self._threads.submit(_in_turn, work, ids)


def _in_turn(work: Work, ids: Sequence[int]) -> None:
    try:
        for pk in ids:
            work([pk])
    except Exception as error:
        # The database may be away: the rows say what is still to be sent, and the next sweep finds them.
        logger.warning("Sending without a worker ended early: %s", type(error).__name__)
    finally:
        connection.close()
