"""RQ jobs: ids in, one service called. Enqueued by dotted path from conversations/queue.py."""

from __future__ import annotations

import logging

from django.core.exceptions import ValidationError
from django.db import close_old_connections

from conversations.models import Conversation, Stream
from conversations.services import attachments, inbound, lookups, outbound, session_polling, spool, waiting_calls
from conversations.services.campaigns import planning, reading, sending
from conversations.services.mirror import pushing, syncing
from conversations.services.outgoing import delivering

logger = logging.getLogger(__name__)


def deliver(message_ids: list[int]) -> None:
    """Send these messages, if they are still to be sent."""
    _begin()
    outbound.deliver(message_ids)


def read_campaign(campaign_ids: list[int]) -> None:
    """Read or check the lists of these campaigns, if they still wait for it."""
    _begin()
    for pk in campaign_ids:
        reading.work(pk)


def plan_campaign(campaign_ids: list[int]) -> None:
    """Lay the rows of these campaigns into chunks, then help to send what is due."""
    _begin()
    for pk in campaign_ids:
        planning.plan(pk)
    sending.deliver_what_is_due()


def deliver_chunk(chunk_ids: list[int]) -> None:
    """Send these chunks of campaigns, if they are still to be sent, and what is due after them."""
    _begin()
    for pk in chunk_ids:
        sending.deliver_chunk(pk)
    sending.deliver_what_is_due()


def look_up(message_ids: list[int]) -> None:
    """Ask the providers whether these unconfirmed messages have arrived."""
    _begin()
    lookups.look_up(message_ids)


def process_webhooks(event_ids: list[int]) -> None:
    """Read what providers told us, then what else waits. For what is left another job comes."""
    _begin()
    inbound.process_webhooks(event_ids)
    waiting_calls.process_what_waits()


def hear_customers(event_ids: list[int]) -> None:
    """Read what customers said: without waiting behind the reports of a campaign."""
    _begin()
    inbound.process_webhooks(event_ids)


def fetch_files(attachment_ids: list[int]) -> None:
    """Get these files of customers from their providers."""
    _begin()
    attachments.fetch_files(attachment_ids)


def tell_subscribers(subscription_ids: list[int]) -> None:
    """Tell other systems what waits for them."""
    _begin()
    delivering.tell(subscription_ids)


def poll_sessions(conversation_ids: list[int]) -> None:
    """Ask providers what customers wrote in these conversations."""
    _begin()
    session_polling.poll(conversation_ids)


def push_mirror(conversation_ids: list[int]) -> None:
    """Tell the other side what it lacks of these conversations."""
    _begin()
    pushing.push(conversation_ids)


def open_mirror(conversation_ids: list[int]) -> None:
    """The same for conversations that somebody has just begun and writes in: without waiting behind bulk."""
    push_mirror(conversation_ids)


def read_mirrors(stream_ids: list[int]) -> None:
    """Read what changed on the other side of these streams."""
    _begin()
    for stream in Stream.objects.working().filter(pk__in=stream_ids).select_related("account"):
        try:
            syncing.sync_periodically(stream)
        except ValidationError as error:
            logger.warning("Stream %s was not read: %s", stream.pk, error.code)


def read_mirrored(conversation_ids: list[int]) -> None:
    """Read these conversations on the other side."""
    _begin()
    for conversation in Conversation.objects.filter(pk__in=conversation_ids).select_related("stream__account"):
        try:
            syncing.sync_conversation(conversation)
        except ValidationError as error:
            logger.warning("Conversation %s was not read: %s", conversation.pk, error.code)


def _begin() -> None:
    """What Django does before a request, and nobody before a job: leave a connection that was lost meanwhile."""
    close_old_connections()
    spool.replay()
