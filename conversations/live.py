"""Live events for open pages, through Valkey's publish and subscribe.

An event says what changed, with ids only; the page asks for the fragment. A user's event stream subscribes to
the channels of the streams that user may see, so visibility is decided by what is subscribed. Losing an event
loses nothing: pages also reload on reconnect.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from django.db import transaction
from redis.exceptions import RedisError

from conversations.broker import broker

logger = logging.getLogger(__name__)

CHANNEL_PREFIX = "parley:events:"


def channel_of(stream_id: int) -> str:
    """The channel that carries the events of one stream."""
    return f"{CHANNEL_PREFIX}{stream_id}"


def publish(*, stream_id: int, kind: str, conversation_id: int, **ids: Any) -> None:
    """Tell open pages, once the present transaction has committed, that something of a conversation changed.

    `kind` is `message`, `status`, `conversation`, `presence` or `notification`, or `stream` when the stream itself was
    paused or resumed (conversation 0); `ids` are further ids, never text or numbers.
    With `to`, the id of a user, only that person's pages hear of it.
    """
    event = json.dumps({"kind": kind, "stream": stream_id, "conversation": conversation_id, **ids})
    transaction.on_commit(lambda: _send(channel_of(stream_id), event), robust=True)


def _send(channel: str, event: str) -> None:
    try:
        broker().publish(channel, event)
    except RedisError:
        logger.warning("The broker does not answer: open pages learn of a change when they next ask.")
