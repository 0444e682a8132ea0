"""Asking providers about sessions: what customers wrote, where no webhook is set up, and whether one has ended."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from conversations.models import Message, ProviderSession
from conversations.models.message import Direction
from conversations.services import sessions
from conversations.services.accounts import provider_for
from conversations.services.arrivals import receive
from messaging.errors import ConfigurationError, ProviderError
from messaging.types import InboundMessage

logger = logging.getLogger(__name__)

BATCH = 20
POLLED = "chat-message:"  # how the keys of messages begin that were asked for


def take_due(at: datetime) -> list[int]:
    """The conversations whose sessions are to be asked about now; each has its next moment already.

    Those of streams that ask for messages, and those that stand in the way of a message.
    """
    due = ProviderSession.objects.filter(is_open=True, next_poll_at__lte=at).exclude(external_id="")
    due = due.filter(Q(conversation__stream__polls_messages=True) | Q(refused_at__isnull=False))
    due = due.filter(conversation__stream__is_active=True, conversation__stream__account__is_active=True)
    taken = []
    for session in due.order_by("next_poll_at")[:BATCH]:
        mine = ProviderSession.objects.filter(pk=session.pk, next_poll_at=session.next_poll_at)
        taken += [session.pk] * mine.update(next_poll_at=at + sessions.POLL_EVERY)
    return taken


def poll(conversation_ids: list[int]) -> int:
    """Ask about each of these sessions, and take over what is new; returns how many messages were.

    A provider that does not answer is asked again when the next moment comes.
    """
    taken = 0
    open_ones = ProviderSession.objects.filter(pk__in=conversation_ids, is_open=True)
    for session in open_ones.select_related("conversation__stream__account", "conversation__contact").order_by("pk"):
        try:
            taken += _poll(session)
        except (ConfigurationError, ProviderError) as error:
            logger.warning("Session of conversation %s was not read: %s", session.pk, error.__class__.__name__)
    return taken


def _poll(session: ProviderSession) -> int:
    conversation = session.conversation
    account = conversation.stream.account
    provider = provider_for(account)
    reading = provider.plan_session(session.external_id)
    messages = provider.plan_session_messages(session.external_id)
    if reading is None or messages is None:
        return 0
    if not conversation.stream.polls_messages:
        sessions.keep(conversation, provider.call(reading))
        return 0
    written = provider.call(messages)
    now = provider.call(reading)
    by_hook = _told_by_hook(session, written)
    taken = 0
    times: Counter[str] = Counter()
    with transaction.atomic():
        for one in written:
            times[one.body] += 1
            if times[one.body] > by_hook[one.body]:
                taken += receive(one, account) is not None
        ProviderSession.objects.filter(pk=session.pk).update(message_count=len(written))
        sessions.keep(conversation, now)
    return taken


def _told_by_hook(session: ProviderSession, written: tuple[InboundMessage, ...]) -> Counter[str]:
    """How often each of these texts came by a webhook already, since this session's first message."""
    first = min((one.occurred_at for one in written if one.occurred_at), default=None)
    known = Message.objects.filter(conversation=session.pk, direction=Direction.IN).exclude(
        external_id__startswith=POLLED
    )
    if first is not None:
        known = known.filter(created_at__gte=first)
    return Counter(known.filter(body__in=[one.body for one in written]).values_list("body", flat=True))
