"""Sending without a worker: for the dispatcher while the broker is away."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import connection

from conversations.models import Message
from conversations.services import outbound

logger = logging.getLogger(__name__)

THREADS = 4


class InlineSender:
    """Sends in a few threads, each stream's messages one after the other: a slow provider holds up its own only."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=THREADS)
        self._busy: dict[int, Future[None]] = {}

    def send(self, message_ids: Sequence[int]) -> None:
        """Begin to send these, except on streams that are still being sent on; returns at once."""
        if not message_ids:
            return
        of_stream: dict[int, list[int]] = defaultdict(list)
        rows = Message.objects.filter(pk__in=message_ids).order_by("queued_at", "id")
        for pk, stream_id in rows.values_list("pk", "stream_id"):
            of_stream[stream_id].append(pk)
        for stream_id, ids in of_stream.items():
            if stream_id not in self._busy or self._busy[stream_id].done():
                self._busy[stream_id] = self._threads.submit(_deliver_in_turn, ids)

    def close(self) -> None:
        """Wait until what is under way has ended, and begin nothing more."""
        self._threads.shutdown(cancel_futures=True)


def _deliver_in_turn(message_ids: Sequence[int]) -> None:
    try:
        for pk in message_ids:
            outbound.deliver([pk])
    except Exception as error:
        # The database may be away: the rows say what is still to be sent, and the next sweep finds them.
        logger.warning("Sending without a worker ended early: %s", type(error).__name__)
    finally:
        connection.close()
