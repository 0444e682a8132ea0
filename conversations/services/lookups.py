"""Asking the provider about messages that nobody knows to have arrived.

A look-up settles a message only when the provider holds it: that it is not there proves nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from conversations.models import Message
from conversations.models.message import MessageStatus as Status
from conversations.services.acceptance import accept
from conversations.services.accounts import provider_for
from conversations.services.clock import database_now
from conversations.services.envelope import outbound_message
from messaging.errors import ConfigurationError, ProviderError
from messaging.registry import provider_class

logger = logging.getLogger(__name__)

WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))  # then it is a person's
BATCH = 20
FOUND = "The provider holds it: found by a look-up"


def first_moment(message: Message, *, at: datetime) -> datetime | None:
    """When to ask first about a message that is unconfirmed since `at`; None when its provider cannot be asked."""
    provider = provider_class(message.stream.account.provider)
    try:
        operation = provider.plan_lookup(outbound_message([message]), message.stream.config)
    except ConfigurationError:
        return None
    return at + WAITS[0] if operation is not None else None


def begin(message: Message, *, at: datetime) -> None:
    """Plan the first look-up of a message that has just become unconfirmed."""
    Message.objects.filter(pk=message.pk).update(lookup_count=0, next_lookup_at=first_moment(message, at=at))


def take_due(at: datetime) -> list[int]:
    """The messages to ask about now; each already has its next moment, so that nobody asks twice."""
    due = Message.objects.filter(status=Status.UNCONFIRMED, next_lookup_at__lte=at)
    taken = []
    for message in due.order_by("next_lookup_at").only("pk", "lookup_count", "next_lookup_at")[:BATCH]:
        asked = message.lookup_count + 1
        following = at + WAITS[asked] if asked < len(WAITS) else None
        taken += [message.pk] * due.filter(pk=message.pk, next_lookup_at=message.next_lookup_at).update(
            lookup_count=F("lookup_count") + 1, next_lookup_at=following
        )
    return taken


def look_up(message_ids: Sequence[int]) -> None:
    """Ask about each of these, if it is still unconfirmed; one that the provider holds is accepted.

    A provider that does not answer is asked again when the next moment comes.
    """
    unconfirmed = Message.objects.filter(pk__in=message_ids, status=Status.UNCONFIRMED).select_related(
        "stream__account", "conversation__contact", "conversation__sub_stream", "template"
    )
    for message in unconfirmed.order_by("pk"):
        provider = provider_for(message.stream.account)
        try:
            operation = provider.plan_lookup(outbound_message([message]), message.stream.config)
            found = provider.call(operation) if operation is not None else None
        except (ConfigurationError, ProviderError) as error:
            logger.warning("The look-up of message %s came to nothing: %s", message.pk, error.__class__.__name__)
            continue
        if found is not None:
            with transaction.atomic():
                accept(message, found, come_from=(Status.UNCONFIRMED,), at=database_now(), reason=FOUND)
