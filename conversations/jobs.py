"""RQ jobs: ids in, one service called. Enqueued by dotted path from conversations/queue.py."""

from __future__ import annotations

from conversations.services import inbound, outbound


def deliver(message_ids: list[int]) -> None:
    """Send these messages, if they are still to be sent."""
    outbound.deliver(message_ids)


def process_webhooks(event_ids: list[int]) -> None:
    """Read what providers told us."""
    inbound.process_webhooks(event_ids)
